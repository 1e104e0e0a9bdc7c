// Tree ensembles whose nodes share children, as converters write categorical splits, from the attributes to a run.
#include "calls.hpp"
#include "ops/schema/example.hpp"
#include "sessions.hpp"

namespace modelctl::test {
namespace {

using ops::f32;
using ops::Ints;

// Nodes of one tree, in the order of their ids; all of them test column 0.
struct Nodes {
  std::vector<std::string> modes;
  std::vector<float> values;
  Ints if_true, if_false;
};

Attributes regressor(const Nodes& nodes, const Ints& leaves, std::vector<float> weights) {
  const std::size_t count = nodes.modes.size();
  Ints ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int64_t>(i));
  return {{"n_targets", std::int64_t{1}},
          {"nodes_treeids", Ints(count, 0)},
          {"nodes_nodeids", ids},
          {"nodes_featureids", Ints(count, 0)},
          {"nodes_values", nodes.values},
          {"nodes_modes", nodes.modes},
          {"nodes_truenodeids", nodes.if_true},
          {"nodes_falsenodeids", nodes.if_false},
          {"target_treeids", Ints(leaves.size(), 0)},
          {"target_nodeids", leaves},
          {"target_ids", Ints(leaves.size(), 0)},
          {"target_weights", std::move(weights)}};
}

// The node of these attributes, over x f32[n,1], written as modelctl::TreeEnsemble.
Result<std::unique_ptr<graph::Graph>> decomposed(Attributes attributes) {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value* x = graph->add_input("x", {DType::f32, graph::Shape{graph::Expr::symbol("n"), graph::Expr(1)}});
  graph::Node* node = graph->add_node("ai.onnx.ml", "TreeEnsembleRegressor", {x}, {"y"});
  node->attributes = std::move(attributes);
  graph->add_output(node->output(0), "y");
  TRY(ops::infer(*graph));
  TRY(ops::find("ai.onnx.ml", "TreeEnsembleRegressor")->decompose(*node));
  return graph;
}

// What the trees give for each element of a column.
std::vector<float> scores(const Attributes& attributes, std::initializer_list<float> column) {
  auto graph = decomposed(attributes);
  REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : message_of(graph.error())));
  const graph::Node* trees = (*graph)->outputs()[0]->producer();
  Tensor x = f32({static_cast<std::int64_t>(column.size()), 1}, column);
  std::vector<TensorView> inputs = {x.view()};
  for (std::size_t i = 1; i < trees->inputs().size(); ++i) {
    inputs.push_back(trees->input(i) == nullptr ? TensorView{} : trees->input(i)->constant.view());
  }
  auto run = ops::evaluate(trees->domain, trees->op, trees->attributes, inputs, 1);
  REQUIRE_MESSAGE(run.has_value(), (run ? "" : message_of(run.error())));
  auto values = (*run)[0].as<float>();
  return {values.begin(), values.end()};
}

TEST_CASE("the two tests of a categorical split share the child where either passes") {
  // x in {1, 3} ? 10 : 20, and the leaves are shared by two tests each.
  Nodes nodes{{"BRANCH_EQ", "BRANCH_EQ", "LEAF", "LEAF"}, {1, 3, 0, 0}, {2, 2, 0, 0}, {1, 3, 0, 0}};
  CHECK(scores(regressor(nodes, {2, 3}, {10, 20}), {1, 2, 3}) == std::vector<float>{10, 20, 10});
}

TEST_CASE("a subtree with two parents is walked from both, below a test that swaps its children too") {
  // x == 1 ? A : (x > 5 ? B : A), with A = x <= 1 ? 10 : 20
  Nodes nodes{{"BRANCH_EQ", "BRANCH_GT", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"},
              {1, 5, 1, 0, 0, 0},
              {2, 5, 3, 0, 0, 0},
              {1, 2, 4, 0, 0, 0}};
  CHECK(scores(regressor(nodes, {3, 4, 5}, {10, 20, 30}), {1, 0, 2, 6}) == std::vector<float>{10, 10, 20, 30});
}

TEST_CASE("two to the power of sixty paths through shared children take no more than two packed nodes for each test") {
  constexpr std::int64_t depth = 60;
  Nodes nodes;
  for (std::int64_t i = 0; i < depth; ++i) {
    nodes.modes.emplace_back("BRANCH_LEQ");
    nodes.values.push_back(static_cast<float>(i));
    nodes.if_true.push_back(i + 1);
    nodes.if_false.push_back(i + 1);
  }
  nodes.modes.emplace_back("LEAF");
  nodes.values.push_back(0);
  nodes.if_true.push_back(0);
  nodes.if_false.push_back(0);
  Attributes attributes = regressor(nodes, {depth}, {7});
  CHECK(scores(attributes, {0, 30.5, 99}) == std::vector<float>{7, 7, 7});
  auto graph = decomposed(attributes);
  CHECK((*graph)->outputs()[0]->producer()->input(1)->constant.dims()[0] == 2 * depth + 1);
}

TEST_CASE("nodes that form a cycle are refused, below a root and beside it") {
  auto refusal = [](const Nodes& nodes, const Ints& leaves) {
    auto graph = decomposed(regressor(nodes, leaves, std::vector<float>(leaves.size(), 1)));
    return graph ? "nothing" : graph.error().what;
  };
  CHECK(refusal({{"BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF"}, {0, 0, 0, 0}, {1, 2, 1, 0}, {3, 3, 3, 0}}, {3}) ==
        "the nodes of a tree form a cycle");
  CHECK(refusal({{"LEAF", "BRANCH_LEQ", "BRANCH_LEQ"}, {0, 0, 0}, {0, 2, 1}, {0, 2, 1}}, {0}) ==
        "the nodes of a tree form a cycle");
}

}  // namespace
}  // namespace modelctl::test
