// No pass, and no level of the pipeline, changes what a graph computes: random graphs, interpreted before and after.
#include "graph/text.hpp"
#include "interpret.hpp"
#include "passes/pass.hpp"
#include "passes/pipeline/pipeline.hpp"

#include <doctest/doctest.h>

#include <random>

namespace modelctl::passes {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Node;
using graph::Value;
using test::difference;
using test::interpret;
using Ints = std::vector<std::int64_t>;

// Makes graphs of image and row operations whose shapes fit, with shared values and branches.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::unique_ptr<Graph> make() {
    auto graph = std::make_unique<Graph>("random");
    graph_ = graph.get();
    values_ = {graph->add_input("x", {DType::f32, graph::Shape{Expr::symbol("n"), 4, 6, 5}}),
               graph->add_input("r", {DType::f32, graph::Shape{Expr::symbol("n"), 6}})};
    for (std::size_t i = 0; i < 4 + pick(12); ++i) add();
    for (Value* value : values_) {
      if (value->uses().empty() || pick(6) == 0) graph->add_output(value);
    }
    return graph;
  }

  Tensor tensor(Dims dims) {
    Tensor made(DType::f32, std::move(dims));
    for (float& element : made.mutable_view().as<float>()) element = static_cast<float>(pick(33)) / 8 - 2;
    return made;
  }
  std::size_t pick(std::size_t count) { return random_() % count; }

 private:
  Value* constant(Dims dims) { return graph_->add_constant("c", tensor(std::move(dims))); }
  Value* ints(const Ints& values) { return graph_->add_constant("i", Tensor::of_ints(values)); }
  std::int64_t size(const Value* value, std::size_t axis) { return *(*value->type.shape)[axis].constant(); }

  Value* node(const char* op, std::vector<Value*> inputs, Attributes attributes = {}) {
    Node* made = graph_->add_node("", op, std::move(inputs), {op});
    made->attributes = std::move(attributes);
    auto inferred = ops::infer(*made);
    REQUIRE_MESSAGE(inferred.has_value(), (inferred ? "" : inferred.error().what));
    values_.push_back(made->output(0));
    return made->output(0);
  }

  void add() {
    Value* x = values_[pick(values_.size())];
    std::size_t rank = x->type.shape->size();
    constexpr const char* unary[] = {"Relu", "Sigmoid", "LeakyRelu", "Identity", "HardSwish", "Abs"};
    constexpr const char* binary[] = {"Add", "Mul", "Max", "Sub"};
    switch (pick(rank == 4 ? 17 : 10)) {
      case 0: node(unary[pick(6)], {x}); return;
      case 1: {
        Value* v = node("Sigmoid", {x});
        node("Mul", {x, v});
        return;
      }
      case 2: node(binary[pick(4)], {x, like(x)}); return;
      case 3: node("Clip", {x, constant({}), number(3)}); return;
      case 4: {
        Value* turned = node("Transpose", {x});
        values_.pop_back();  // its first size is not a batch
        node("Transpose", {turned});
        return;
      }
      case 5: node(binary[pick(4)], {x, constant({1})}); return;
      case 6:
        if (rank == 2) node("Gemm", {x, constant({size(x, 1), 3}), constant({3})}, {{"alpha", 0.5f}});
        else node("MatMul", {x, constant({size(x, rank - 1), 3})});
        return;
      case 7: layer_norm(x); return;
      case 8: {
        Value* scaled = node("Mul", {x, number(0.70710678f)});
        Value* gate = node("Add", {node("Erf", {scaled}), number(1)});
        node("Mul", {node("Mul", {x, number(0.5f)}), gate});
        return;
      }
      case 9: {
        Value* clipped = node("Clip", {node("Add", {x, number(3)}), number(0), number(6)});
        node("Mul", {x, node("Div", {clipped, number(6)})});
        return;
      }
      case 10: conv(x); return;
      case 11: normalize(conv(x)); return;
      case 12: normalize(x); return;
      case 13: node(binary[pick(4)], {conv(x), constant({3, 1, 1})}); return;
      case 14: node("MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{1, 1, 0, 1}}}); return;
      case 15: node("Flatten", {node("GlobalAveragePool", {x})}); return;
      default: node("Concat", {x, like(x)}, {{"axis", std::int64_t{1}}}); return;
    }
  }

  Value* number(float value) { return graph_->add_constant("number", Tensor::scalar(DType::f32, value)); }

  void layer_norm(Value* x) {
    Dims row{size(x, x->type.shape->size() - 1)};
    Value* d = node("Sub", {x, node("ReduceMean", {x, ints({-1})})});
    values_.erase(values_.end() - 2);  // its last size of 1 fits nothing else
    Value* square = node("Pow", {d, number(2)});
    Value* variance = node("ReduceMean", {square, ints({-1})});
    Value* deviation = node("Sqrt", {node("Add", {variance, number(1e-3f)})});
    values_.resize(values_.size() - 3);
    node("Add", {node("Mul", {node("Div", {d, deviation}), constant(row)}), constant(row)});
  }

  Value* conv(Value* x) {
    std::int64_t channels = size(x, 1);
    bool depthwise = pick(3) == 0;
    Attributes attributes{{"pads", Ints{1, 1, 1, 1}}};
    if (depthwise) attributes.set("group", channels);
    std::vector<Value*> inputs{x, depthwise ? constant({channels, 1, 3, 3}) : constant({3, channels, 3, 3})};
    if (depthwise) {
      Value* sum = node("Conv", inputs, attributes);
      return node("Conv", {sum, constant({3, channels, 1, 1})});
    }
    if (pick(2) == 0) inputs.push_back(constant({3}));
    return node("Conv", inputs, attributes);
  }

  Value* normalize(Value* x) {
    Dims dims{size(x, 1)};
    Tensor variance = tensor(dims);
    for (float& element : variance.mutable_view().as<float>()) element = element * element + 0.5f;
    return node("BatchNormalization",
                {x, constant(dims), constant(dims), constant(dims), graph_->add_constant("variance", variance)});
  }

  // A value of the same shape: another of the graph if there is one.
  Value* like(Value* x) {
    std::vector<Value*> found;
    for (Value* value : values_) {
      if (*value->type.shape == *x->type.shape) found.push_back(value);
    }
    return found[pick(found.size())];
  }

  std::mt19937 random_;
  Graph* graph_ = nullptr;
  std::vector<Value*> values_;
};

void check_same(const Graph& before, const Graph& after, const std::vector<Tensor>& inputs) {
  auto expected = interpret(before, inputs), actual = interpret(after, inputs);
  REQUIRE_MESSAGE(expected.has_value(), (expected ? "" : expected.error().what));
  REQUIRE_MESSAGE(actual.has_value(), (actual ? "" : actual.error().what + " " + actual.error().why[0]));
  REQUIRE(expected->size() == actual->size());
  for (std::size_t i = 0; i < expected->size(); ++i) CHECK(difference((*actual)[i], (*expected)[i]) == "");
}

TEST_CASE("no level of the pipeline changes what random graphs compute") {
  unsigned first = std::random_device{}();
  for (unsigned seed = first; seed < first + 60; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    auto graph = generator.make();
    std::vector<Tensor> inputs{generator.tensor({2, 4, 6, 5}), generator.tensor({2, 6})};
    for (int level : {0, 1, 2, 3}) {
      CAPTURE(level);
      auto after = clone(*graph);
      PipelineOptions options;
      options.level = level;
      if (generator.pick(2) == 0) options.bindings = {{"n", 2}};
      auto report = run_pipeline(*after, options);
      REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
      check_same(*graph, *after, inputs);
    }
  }
}

TEST_CASE("no pass alone changes what random graphs compute") {
  unsigned first = std::random_device{}();
  for (unsigned seed = first; seed < first + 10; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    auto graph = generator.make();
    std::vector<Tensor> inputs{generator.tensor({2, 4, 6, 5}), generator.tensor({2, 6})};
    for (const PassDef* pass : table()) {
      CAPTURE(pass->name);
      auto after = clone(*graph);
      REQUIRE(pass->run(*after, {}));
      REQUIRE(verify(*after));
      check_same(*graph, *after, inputs);
    }
  }
}

}  // namespace
}  // namespace modelctl::passes
