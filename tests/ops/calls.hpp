// One operator's node in a graph of its own, as the tests of the table build it from an example.
#pragma once

#include "base/check.hpp"
#include "graph/text.hpp"
#include "ops/schema/operator.hpp"
#include "tensor/dispatch.hpp"

#include <cmath>
#include <memory>
#include <optional>

namespace modelctl::test {

struct NodeOfExample {
  std::unique_ptr<graph::Graph> graph;
  graph::Node* node;
};

// What is known of the example's inputs.
enum class Known { constants, shapes, symbols };

inline std::string symbol_of(std::int64_t size) { return "n" + std::to_string(size); }

// `symbols`: every size but 1 is a symbol named after it, so that equal sizes stay equal; integer inputs stay constants
// since they may hold axes and the like.
// `wanted`: the one output that leaves the graph; every one of them if it is absent.
inline NodeOfExample node_of(const ops::OpDef& def, const ops::Example& example, Known known,
                             std::optional<std::size_t> wanted = {}) {
  NodeOfExample made{std::make_unique<graph::Graph>(), nullptr};
  std::vector<graph::Value*> inputs;
  for (const Tensor& tensor : example.inputs) {
    if (!tensor.present()) {
      inputs.push_back(nullptr);
    } else if (is_collection(tensor.type())) {
      inputs.push_back(made.graph->add_input("", graph::type_of(tensor)));
    } else if (known == Known::constants || (known == Known::symbols && is_integer(tensor.type()))) {
      inputs.push_back(made.graph->add_constant("", tensor));
    } else {
      graph::Shape shape;
      for (std::int64_t size : tensor.dims()) {
        bool symbolic = known == Known::symbols && size != 1;
        shape.push_back(symbolic ? graph::Expr::symbol(symbol_of(size)) : graph::Expr(size));
      }
      inputs.push_back(made.graph->add_input("", graph::Type{tensor.type(), shape}));
    }
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < example.outputs.size(); ++i) names.push_back("output_" + std::to_string(i));
  made.node = made.graph->add_node(def.domain, def.name, inputs, names);
  made.node->attributes = example.attributes;
  for (const auto& [attribute, text] : example.graphs) {
    auto parsed = graph::parse_text(text, attribute);
    MODELCTL_CHECK(parsed.has_value(), "the graphs of an example are right");
    (*parsed)->outer = made.graph.get();
    (*parsed)->owner = made.node;
    made.node->subgraphs[attribute] = std::move(*parsed);
  }
  for (std::size_t i = 0; i < example.outputs.size(); ++i) {
    if (!wanted || *wanted == i) made.graph->add_output(made.node->output(i), names[i]);
  }
  return made;
}

inline std::vector<TensorView> views(const std::vector<Tensor>& tensors) {
  std::vector<TensorView> all;
  for (const Tensor& tensor : tensors) all.push_back(tensor.present() ? tensor.view() : TensorView{});
  return all;
}

// Empty if they agree, else what differs. NaN equals NaN.
inline std::string difference(const Tensor& got, const Tensor& expected, double tolerance) {
  if (got.type() != expected.type() || got.dims() != expected.dims()) {
    return "got " + describe(got.type(), got.dims()) + ", not " + describe(expected.type(), expected.dims());
  }
  std::string found;
  if (!with_type<NumbersAndBool>(got.type(), [&]<class T>() {
        auto a = got.as<T>(), b = expected.as<T>();
        for (std::size_t i = 0; i < a.size() && found.empty(); ++i) {
          auto x = static_cast<double>(static_cast<compute_t<T>>(a[i]));
          auto y = static_cast<double>(static_cast<compute_t<T>>(b[i]));
          bool equal = x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= tolerance * (1 + std::fabs(y));
          if (!equal)
            found = "element " + std::to_string(i) + " is " + std::to_string(x) + ", not " + std::to_string(y);
        }
      })) {
    if (!same(got, expected)) found = "the elements differ";
  }
  return found;
}

}  // namespace modelctl::test
