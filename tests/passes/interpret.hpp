// Runs a graph node by node with the operators' evaluate: what no pass may change.
#pragma once

#include "graph/graph.hpp"
#include "ops/schema/operator.hpp"

#include <cmath>
#include <map>

namespace modelctl::passes::test {

// The outputs for these inputs, in the graph's orders. Fails as the operators do.
inline Result<std::vector<Tensor>> interpret(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
  std::map<const graph::Value*, Tensor> known;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) known[graph.inputs[i]] = inputs[i];
  auto of = [&](const graph::Value* value) { return value->is_constant() ? value->constant : known[value]; };
  for (const auto& node : graph.nodes()) {
    std::vector<TensorView> views;
    std::vector<Tensor> alive;
    for (const graph::Value* value : node->inputs()) {
      alive.push_back(value == nullptr ? Tensor() : of(value));
      views.push_back(alive.back().view());
    }
    auto outputs = TRY_BECAUSE(ops::evaluate(node->domain, node->op, node->attributes, views, node->outputs().size()),
                               node->place());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (node->output(i) != nullptr) known[node->output(i)] = outputs[i];
    }
  }
  std::vector<Tensor> outputs;
  for (const graph::Value* value : graph.outputs()) outputs.push_back(of(value));
  return outputs;
}

// Empty if they agree: exactly, or within rounding for f32.
inline std::string difference(const Tensor& a, const Tensor& b, double tolerance = 1e-4) {
  if (a.type() != b.type() || a.dims() != b.dims()) {
    return describe(a.type(), a.dims()) + " against " + describe(b.type(), b.dims());
  }
  if (a.type() != DType::f32) return same(a, b) ? "" : "the elements differ";
  for (std::size_t i = 0; i < a.as<float>().size(); ++i) {
    double x = a.as<float>()[i], y = b.as<float>()[i];
    bool equal = x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= tolerance * (1 + std::fabs(y));
    if (!equal) return "element " + std::to_string(i) + " is " + std::to_string(x) + " and " + std::to_string(y);
  }
  return "";
}

}  // namespace modelctl::passes::test
