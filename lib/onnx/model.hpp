// Reads ONNX: from a file to a graph whose operators have the form of their newest opset. No other component knows
// ONNX's encoding. Reading collects all faults of a model and then fails once, so that a user sees them together.
#pragma once

#include "base/bytes.hpp"
#include "graph/graph.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::onnx {

// The range of opsets of ONNX's own domains. Other domains are not versioned here: an operator is known or it is not.
inline constexpr int oldest_opset = 1, newest_opset = 28;
inline constexpr int newest_ml_opset = 5;

// Versions by domain; "" is ONNX's default one.
using Opsets = std::map<std::string, int>;

// An initializer that is listed as an input too, so that callers may override it, and its place among the inputs.
struct Overridable {
  std::string name;
  std::size_t position;
};

// A model as it is in its file: each operator in the form of the opset that the model imports. Initializers that are
// aligned in the file point into the mapping, so that a large model is never copied.
struct Model {
  std::unique_ptr<graph::Graph> graph;
  Opsets opsets;
  std::string file;  // for diagnostics
  // Nodes that were inlined from a function of the model. A function imports its own opsets.
  std::map<const graph::Node*, std::shared_ptr<const Opsets>> function_opsets;

  // Until normalize(), these are constants: upgrades of operators look at them.
  std::vector<Overridable> overridable = {};

  // The opset version that a node uses; nullopt if the model imports none of its domain.
  std::optional<int> opset_of(const graph::Node& node) const;
};

// Reads bytes that `owner` keeps alive. If they are a mapping (`mapped`), its pages are dropped once they are no longer
// needed. External data is opened in `folder` and nowhere else.
Result<Model> parse(ByteSpan bytes, std::shared_ptr<const void> owner, std::string_view file,
                    const std::filesystem::path& folder, bool mapped = false);

// Rewrites every node to the form of its operator's newest opset and checks it against the schema. Fails with the list
// of everything that is unsupported or invalid.
Result<void> normalize(Model& model);

// Maps, parses and normalizes a file. The graph's metadata hold the model's name ("model"), the file's digest
// ("source"), its producer, opsets and documentation ("source.…").
Result<std::unique_ptr<graph::Graph>> read(const std::filesystem::path& path);

}  // namespace modelctl::onnx
