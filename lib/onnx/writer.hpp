// graph::Graph -> ONNX, for tests, fuzz corpora and whoever wants to look at a graph with ONNX's own tools.
#pragma once

#include "graph/graph.hpp"

#include <map>
#include <string>

namespace modelctl::onnx {

struct WriteOptions {
  int ir_version = 10;
  std::map<std::string, int> opsets = {{"", 21}};
  bool initializers_as_inputs = false;  // as files before IR version 4 list them
};

// The bytes of a ModelProto. The graph is written as it is: what the verifier would refuse is for readers to refuse.
std::string write(const graph::Graph& graph, const WriteOptions& options = {});

}  // namespace modelctl::onnx
