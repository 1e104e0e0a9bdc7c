// GraphProto -> graph::Graph: nodes, initializers, inputs and outputs, with calls of the model's functions inlined.
#pragma once

#include "graph/graph.hpp"
#include "onnx/functions.hpp"
#include "onnx/tensor_reader.hpp"
#include "onnx/wire.hpp"

#include <string>

namespace modelctl::onnx {

// Reads a graph and its subgraphs into `graph` and adds every fault to `faults`. `place` always describes what is being
// read: an invalid encoding throws protozero's exceptions through this class, and the caller then knows where it was.
class GraphReader {
 public:
  GraphReader(Model& model, const TensorSource& source, Functions& functions, Faults& faults, std::string& place)
      : model_(model), source_(source), functions_(functions), faults_(faults), place_(place) {}

  void read(protozero::data_view message, graph::Graph& graph, int depth = 0);

 private:
  struct Parts;
  struct NodeParts;
  void fault(Kind kind, std::string code, std::string what);
  Parts collect(protozero::data_view message, graph::Graph& graph);
  void add_constants(const Parts& parts, graph::Graph& graph);
  void add_inputs(const Parts& parts, graph::Graph& graph);
  void add_outputs_of(NodeParts& parts, graph::Graph& graph);
  void add_node(const NodeParts& parts, graph::Graph& graph, int depth);
  void add_attribute(protozero::data_view message, graph::Node& node, int depth);
  void add_hints(const Parts& parts, graph::Graph& graph);
  void add_graph_outputs(const Parts& parts, graph::Graph& graph);
  bool read_constant_node(const NodeParts& parts, graph::Graph& graph);
  bool taken(const graph::Graph& graph, const std::string& name, std::string_view as);
  Result<AttributeValue> attribute_value(protozero::data_view message, std::string& name);

  Model& model_;
  const TensorSource& source_;
  Functions& functions_;
  std::shared_ptr<const Opsets> opsets_;  // of the function whose node's graph is being read
  Faults& faults_;
  std::string& place_;
};

}  // namespace modelctl::onnx
