// graph::Graph -> ONNX, for tests, fuzz corpora and inspection with ONNX's own tools.
#pragma once

#include "graph/graph.hpp"

#include <map>
#include <string>

namespace modelctl::onnx {

struct WriteOptions {
  int ir_version = 10;
  std::map<std::string, int> opsets = {{"", 21}};
  bool initializers_as_inputs = false;  // as required before IR version 4
};

// The bytes of a ModelProto. The graph is not verified first, because tests write invalid models on purpose.
std::string write(const graph::Graph& graph, const WriteOptions& options = {});

}  // namespace modelctl::onnx
