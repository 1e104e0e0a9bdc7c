// Editing operations of the graph, each followed by the verifier.
#include "graph/graph.hpp"
#include "graph/text.hpp"

#include <doctest/doctest.h>

namespace modelctl::graph {
namespace {

const Type f32_2{DType::f32, Shape{2}};

TEST_CASE("names are made unique") {
  Graph graph;
  CHECK(graph.add_value("x")->name == "x");
  CHECK(graph.add_value("x")->name == "x_1");
  CHECK(graph.add_value("x_1")->name == "x_1_1");
  CHECK(graph.add_value("")->name == "value_1");
}

TEST_CASE("replacing uses reaches nodes, outputs and subgraphs") {
  Graph graph;
  Value* x = graph.add_input("x", f32_2);
  Node* a = graph.add_node("", "Relu", {x}, {"a"});
  Node* b = graph.add_node("", "Add", {a->output(0), a->output(0)}, {"b"});
  Node* branch = graph.add_node("", "If", {x}, {"c"});
  Graph& then = branch->add_subgraph("then_branch", "then");
  then.add_node("", "Neg", {a->output(0)}, {"n"});
  then.add_output(a->output(0));
  for (Node* node : {a, b, branch}) graph.add_output(node->output(0));
  REQUIRE(verify(graph));

  graph.replace_uses(a->output(0), x);
  CHECK(a->output(0)->uses().empty());
  CHECK(x->uses().size() == 5);  // Relu, Add twice, If, Neg
  CHECK(graph.outputs()[0] == x);
  CHECK(then.outputs()[0] == x);
  CHECK(graph.output_names()[0] == "a");
  CHECK_FALSE(a->output(0)->is_used());
  CHECK(verify(graph));
}

TEST_CASE("dead nodes are erased with their constants, also in subgraphs") {
  auto graph = *parse_text(R"(graph "main" {
    input x: f32[2]
    const w: f32[2] = [1.0, 2.0]
    const v: f32[2] = [1.0, 2.0]
    a = Add(x, w)
    b = Add(a, v)
    c = If(x) {then_branch: graph "then" {
      d = Neg(x)
      e = Neg(x)
      output e
    }}
    output c
  })");
  CHECK(graph->erase_dead() == 3);
  CHECK(graph->nodes().size() == 1);
  CHECK(graph->find_value("w") == nullptr);
  CHECK(graph->find_value("x") != nullptr);
  CHECK(verify(*graph));
}

TEST_CASE("captures lists the captured values in order, each once") {
  auto graph = *parse_text(R"(graph "main" {
    input c: bool[]
    input x: f32[2]
    const w: f32[2] = [1.0, 2.0]
    y = If(c) {then_branch: graph "then" {
      a = Mul(w, x)
      b = If(c) {then_branch: graph "inner" {
        d = Add(a, x)
        output d
      }}
      output b
      output x
    }}
    output y
  })");
  std::string names;
  for (const Value* value : captures(*graph->nodes().front()->subgraphs.at("then_branch"))) names += value->name + " ";
  CHECK(names == "w x c ");
}

TEST_CASE("a nested graph's nodes can take the place of its node, with graphs of their own") {
  auto graph = *parse_text(R"(graph "main" {
  input x: f32[2]
  y = Call(x) {body: graph "body" {
    input a: f32[2]
    const w: f32[2] = [1.0, 2.0]
    b = Mul(a, w)
    c = If(b) {then_branch: graph "then" {
      output b
    }}
    output c
    output a
  }}
  output y
})");
  Node& call = *graph->nodes().front();
  auto made = inline_graph(*call.subgraphs.at("body"), {graph->inputs[0]}, call);
  REQUIRE(made.size() == 2);
  CHECK(made[1] == graph->inputs[0]);
  graph->replace_uses(call.output(0), made[0]);
  graph->erase(&call);
  CHECK(verify(*graph));
  CHECK(to_text(*graph) == R"(graph "main" {
  input x: f32[2]
  const w: f32[2] = [1.0, 2.0]
  b = Mul(x, w)
  c = If(b) {then_branch: graph "then" {
    output b
  }}
  output c = "y"
}
)");
}

TEST_CASE("a value that only a subgraph uses stays") {
  auto graph = *parse_text(R"(graph "main" {
    input x: f32[2]
    a = Neg(x)
    c = If(x) {then_branch: graph "then" {
      output a
    }}
    output c
  })");
  CHECK(graph->erase_dead() == 0);
}

TEST_CASE("sorting puts producers first and keeps the order otherwise") {
  Graph graph;
  Value* x = graph.add_input("x", f32_2);
  Value* later = graph.add_value("later");
  graph.add_node("", "A", {later}, {"a"});
  graph.add_node("", "B", {x}, {"b"});
  Node* branch = graph.add_node("", "C", {x}, {"c"});
  branch->add_subgraph("body", "body").add_output(later);
  graph.add_node_for("", "L", {x}, {later});
  for (const char* name : {"a", "c"}) graph.add_output(graph.find_value(name));
  CHECK_FALSE(verify(graph));
  REQUIRE(graph.sort());
  std::string order;
  for (const auto& node : graph.nodes()) order += node->op;
  CHECK(order == "BLAC");
  CHECK(verify(graph));
}

TEST_CASE("a cycle is refused with its nodes named") {
  Graph graph;
  Value* x = graph.add_input("x", f32_2);
  Value* a = graph.add_value("a");
  Value* b = graph.add_value("b");
  graph.add_node_for("", "Relu", {x}, {graph.add_value("r")});
  graph.add_node_for("", "Add", {x, b}, {a})->name = "first";
  graph.add_node_for("", "Mul", {a, a}, {b})->name = "second";
  graph.add_output(a);
  auto sorted = graph.sort();
  REQUIRE_FALSE(sorted);
  CHECK(sorted.error().code == "cycle");
  CHECK(sorted.error().what == "cannot order the nodes of graph 'main': they form a cycle");
  CHECK(sorted.error().why[0] == "each needs the one before: node 'second' (Mul), node 'first' (Add)");
}

TEST_CASE("erasing and dropping keep the use lists") {
  Graph graph;
  Value* x = graph.add_input("x", f32_2);
  Node* node = graph.add_node("", "Split", {x, x, nullptr}, {"a", "b"});
  graph.add_output(node->output(0));
  node->drop_output(1);
  CHECK(node->output(1) == nullptr);
  CHECK(graph.find_value("b") == nullptr);
  node->resize_inputs(1);
  CHECK(x->uses().size() == 1);
  CHECK(verify(graph));
  graph.replace_uses(node->output(0), x);
  graph.erase(node);
  CHECK(graph.nodes().empty());
  CHECK(x->uses().empty());
  CHECK(verify(graph));
}

TEST_CASE("a clone is equal and independent") {
  auto graph = *parse_text(R"(graph "main" {
    meta "producer" "a test"
    input x: f32[n,2]
    const w: f32[2] = [1.0, 2.0]
    a: f32[n,2] = Add(x, w) "add"
    c = If(x) "if" {then_branch: graph "then" {
      d = Mul(a, w)
      output d
    }}
    output c = "answer"
    output x
  })");
  auto copy = clone(*graph);
  CHECK(to_text(*copy) == to_text(*graph));
  CHECK(verify(*copy));
  graph.reset();
  CHECK(verify(*copy));
  CHECK(copy->find_value("w")->uses().size() == 2);
}

TEST_CASE("fresh symbols avoid those in use") {
  Graph graph;
  graph.add_input("x", {DType::f32, Shape{Expr::symbol("unknown_1"), 3}});
  CHECK(graph.fresh_symbol().text() == "unknown_2");
  CHECK(graph.fresh_symbol().text() == "unknown_3");
}

TEST_CASE("the verifier sees a constant that does not match its type") {
  Graph graph;
  Value* w = graph.add_constant("w", Tensor(DType::f32, {2}));
  w->type.shape = Shape{3};
  auto sound = verify(graph);
  REQUIRE_FALSE(sound);
  CHECK(sound.error().what == "constant 'w' is f32[2] but typed f32[3]");
  CHECK(sound.error().kind == Kind::bug);
}

}  // namespace
}  // namespace modelctl::graph
