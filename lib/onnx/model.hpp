// Reading ONNX: a file becomes a graph whose operators stand in their newest form. Nothing else of modelctl knows
// ONNX's encoding. Every fault of a model is reported, then reading fails once.
#pragma once

#include "base/bytes.hpp"
#include "graph/graph.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace modelctl::onnx {

// The opsets of ONNX's own domains that the operators are written for. Other domains have operators or not.
inline constexpr int oldest_opset = 1, newest_opset = 28;
inline constexpr int newest_ml_opset = 5;

// Versions by domain; "" is ONNX's default one.
using Opsets = std::map<std::string, int>;

// A model as its file has it: operators as their opset writes them. Initializers point into the mapped file where they
// are aligned there, so that a large model is never copied.
struct Model {
  std::unique_ptr<graph::Graph> graph;
  Opsets opsets;
  std::string file;  // for diagnostics
  // Of nodes that come from a function of the model's own, which has opsets of its own.
  std::map<const graph::Node*, std::shared_ptr<const Opsets>> function_opsets;

  // The opset that a node is written in; nullopt where none is imported.
  std::optional<int> opset_of(const graph::Node& node) const;
};

// Reads bytes that `owner` keeps alive; of those of a mapped file, no more is held in memory than is used. External
// data is looked for in `folder` and nowhere else.
Result<Model> parse(ByteSpan bytes, std::shared_ptr<const void> owner, std::string_view file,
                    const std::filesystem::path& folder, bool mapped = false);

// Brings every node to its operator's newest form and checks it against the schema; fails with the list of all that is
// not supported or wrong.
Result<void> normalize(Model& model);

// Maps, parses and normalizes. The graph's metadata tell the model's name ("model"), the file's digest ("source"), its
// producer, opsets and documentation ("source.…").
Result<std::unique_ptr<graph::Graph>> read(const std::filesystem::path& path);

}  // namespace modelctl::onnx
