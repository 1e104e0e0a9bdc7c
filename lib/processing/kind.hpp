// A kind of processing is one file: inputs/NAME.cpp defines std::span<const InputKind> NAME_input(), outputs/NAME.cpp
// std::span<const OutputKind> NAME_output(). The name is the key in modelctl.yaml under which its settings stand:
// inputs.photo.image.resize. A kind is composed of ONNX's operators if they compute exactly what is meant, and of
// operators in lib/ops/modelctl otherwise.
#pragma once

#include "artifact/meaning.hpp"
#include "graph/graph.hpp"
#include "processing/settings.hpp"

#include <map>

namespace modelctl::processing {

// Adds nodes at one place of a graph. Types are inferred as they are added.
class Nodes {
 public:
  // New nodes stand before `before`; at the end if it is null.
  Nodes(graph::Graph& graph, graph::Node* before, std::string label)
      : graph_(graph), before_(before), label_(std::move(label)) {}

  // A node with one output, of ONNX's default domain.
  Result<graph::Value*> add(std::string_view op, std::vector<graph::Value*> inputs, Attributes attributes = {});
  // A node of any domain with several outputs.
  Result<graph::Node*> add_node(std::string_view domain, std::string_view op, std::vector<graph::Value*> inputs,
                                Attributes attributes, std::size_t outputs);
  graph::Value* constant(Tensor tensor);
  graph::Value* ints(std::vector<std::int64_t> values);                     // i64, rank 1
  graph::Value* floats(const std::vector<double>& values, Dims dims = {});  // f32 of these dimensions; {}: rank 0
  Result<graph::Value*> cast(graph::Value* value, DType type);              // the value itself if it has the type

 private:
  graph::Graph& graph_;
  graph::Node* before_;
  std::string label_;
};

using artifact::Content;
using artifact::Meaning;

// An input that is made from images, for outputs that name places in them.
struct Image {
  graph::Value* placement;             // where each image is in what the model sees (modelctl::DecodeImages)
  std::int64_t height = 0, width = 0;  // of what the model sees; 0: not known
};
using Images = std::map<std::string, Image>;  // by the name of the model's input

struct InputCall {
  graph::Graph& graph;
  const std::string& name;     // of the model's input
  const graph::Value& tensor;  // what the model takes
  const Settings& settings;
  Nodes& nodes;
  Images& images;

  // A new input in place of the model's.
  graph::Value* add_input(const std::string& name, graph::Type type, const Meaning& meaning);
  graph::Value* replaced;  // the value that was the model's input: the first one added takes its place
  std::size_t added = 0;   // how many were added

  // What does not fit; `key` is the setting at fault.
  Error bad(std::string why, std::string_view key = {}, std::string help = {}) const;
};

struct InputKind {
  std::string_view name;
  std::string_view summary;  // what the input is made from: "image files"
  std::span<const Key> keys;
  // Returns the value that takes the place of call.tensor; its type must be that one's.
  Result<graph::Value*> (*build)(InputCall& call);
};

struct OutputCall {
  graph::Graph& graph;
  const std::string& name;  // of the model's output
  graph::Value* tensor;
  const Settings& settings;
  Nodes& nodes;
  const Images& images;

  struct Made {
    graph::Value* value;
    std::string name;
    Meaning meaning;
  };
  std::vector<Made> outputs = {};          // in place of the model's
  std::vector<std::string> consumed = {};  // further outputs of the model that are part of this one

  // Another output of the model; null if there is none of that name.
  graph::Value* other(std::string_view name) const;
  Error bad(std::string why, std::string_view key = {}, std::string help = {}) const;
};

struct OutputKind {
  std::string_view name;
  std::string_view summary;
  std::span<const Key> keys;
  Result<void> (*build)(OutputCall& call);
};

// All kinds (generated tables), and the one of a name; null if there is none.
std::span<const InputKind* const> input_kinds();
std::span<const OutputKind* const> output_kinds();

// Names for a message: "'a', 'b' and 2 more".
std::string listed(const std::vector<std::string>& names);

}  // namespace modelctl::processing
