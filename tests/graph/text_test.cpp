// The text form of graphs: printing and parsing are inverse, and errors have a line.
#include "graph/text.hpp"

#include <doctest/doctest.h>

#include <random>

namespace modelctl::graph {
namespace {

constexpr const char* golden = R"(graph "main" {
  meta "producer" "line one\nand \"two\""
  input x: f32[batch,3,8,8]
  input "odd name": i64[?]
  const w: f32[2] = [0.5, -inf]
  const large: f32[64,3,7,7] = ...
  const half: f16[2] = "003c00c0"
  const names: string[2] = ["a", "\xc3\xa4"]
  const none: i32[0] = []
  y: f32[batch,8,floor_div(h+1,2),8] = Conv(x, large, _) "conv1" {alpha: 1.0, auto_pad: "VALID", none: floats[], pads: [1, 1], scale: 1e-07, scales: [1.0, 2.5], value: tensor i64[2] [1, 2]}
  n: i64[2] {batch, 8} = Shape(y)
  a, _, /b/c.0 = ai.onnx.ml::Split(n, "odd name")
  z = If(a) {else_branch: graph "else" {
    output a
  }, then_branch: graph "then" {
    t: f32[?] = Neg(y)
    output t
  }}
  s: sequence<f32[?]> = SplitToSequence(y)
  o: optional<sequence<f32[batch,3]>>, m: sequence<map<string,f32[]>>, u: sequence<?[?]> = Other(s)
  output y = "scores"
  output z
}
)";

TEST_CASE("a graph prints and reads back") {
  auto graph = parse_text(golden);
  if (!graph) FAIL(graph.error().where, ": ", graph.error().what);
  CHECK(to_text(**graph) == golden);
}

TEST_CASE("a large constant is written out when asked for") {
  auto graph = *parse_text("graph \"g\" {\n  const w: i8[20] = ...\n  output w\n}\n");
  CHECK(to_text(*graph).find("= ...") != std::string::npos);
  std::string whole = to_text(*graph, {.max_elements = 20});
  CHECK(to_text(**parse_text(whole), {.max_elements = 20}) == whole);
}

TEST_CASE("an error in the text is reported with its line") {
  struct Case {
    const char* text;
    const char* what;
    const char* where;
  };
  const Case cases[] = {
      {"grap", "expected 'graph'", "text:1"},
      {"graph \"g\" {\n  input x: f33[2]\n}", "'f33' is not an element type", "text:2"},
      {"graph \"g\" {\n  y = Relu(x)\n}", "'x' is used but not defined above", "text:2"},
      {"graph \"g\" {\n  input x\n\n  x = Relu(x)\n}", "'x' is defined twice", "text:4"},
      {"graph \"g\" {\n  const w: f32[99999999] = ...\n}",
       "a constant f32[99999999] is too large or not of a plain type", "text:2"},
      {"graph \"g\" {\n  const w: f32[2] = [1.0]\n}", "expected ','", "text:2"},
      {"graph \"g\" {\n  input x: f32[+]\n}", "'+' is not a size", "text:2"},
      {"graph \"g\" {\n  y = Relu() {a: b}\n}", "'b' is not an attribute value", "text:2"},
      {"graph \"g\" {\n", "expected a name", "text:2"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    auto graph = parse_text(one.text);
    REQUIRE_FALSE(graph);
    CHECK(graph.error().what == one.what);
    CHECK(graph.error().where == one.where);
    CHECK(graph.error().code == "bad-graph-text");
  }
}

TEST_CASE("a message abbreviates a long size, and the text form does not") {
  std::string long_size = "floor_div(floor_div(floor_div(height+1,2)+width*3,7)+channels,11)";
  Type type{DType::f32, Shape{Expr::symbol("n"), *Expr::parse(long_size)}};
  CHECK(describe(type) == "f32[n," + type_text(type).substr(6, 39) + "…]");
  auto read = parse_type(type_text(type));
  REQUIRE(read);
  CHECK((*read->shape)[1] == (*type.shape)[1]);
}

TEST_CASE("types that nest too deeply or are incomplete are refused with their position") {
  auto fault = [](const char* type) {
    auto parsed = parse_type(type);
    return parsed ? describe(*parsed) : parsed.error().what;
  };
  CHECK(fault("map<i64,f32[]>") == "map<i64,f32[]>");
  CHECK(fault("optional<sequence<i8[n,?]>>") == "'?' is not a size");
  CHECK(fault("map<f32,f32[]>") == "a map's keys are i64 or string");
  CHECK(fault("sequence<sequence<sequence<sequence<sequence<f32[]>>>>>") == "a type nests too deeply");
  CHECK(fault("sequence[2]") == "expected '<'");
  CHECK(fault("f32[] f32[]") == "expected the end of the type");
}

TEST_CASE("random graphs read back as they were printed") {
  unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  auto pick = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const std::vector<std::string> names = {"x", "/a/b", "with space", "\"q\"", "input", "_", "0", ""};
  for (int round = 0; round < 200; ++round) {
    Graph graph("g" + std::to_string(round));
    std::vector<Value*> values;
    for (std::size_t i = 0; i <= pick(3); ++i) {
      values.push_back(graph.add_input(names[pick(names.size())], {DType::f32, Shape{Expr::symbol("n") * 2 + 1}}));
    }
    values.push_back(graph.add_constant("c", Tensor::of<double>(DType::f64, {2}, {0.1 * round, 1e300})));
    for (std::size_t i = 0; i < pick(12); ++i) {
      std::vector<Value*> inputs;
      for (std::size_t k = 0; k < pick(4); ++k) inputs.push_back(pick(6) == 0 ? nullptr : values[pick(values.size())]);
      Node* node = graph.add_node(pick(2) == 0 ? "" : "my domain", "Op", inputs,
                                  {names[pick(names.size())], names[pick(names.size())]});
      node->name = names[pick(names.size())];
      node->attributes.set("f", static_cast<float>(random()) / 7);
      node->attributes.set(names[pick(7)], static_cast<std::int64_t>(random()));
      if (pick(4) == 0) node->drop_output(pick(2));
      if (pick(3) == 0) {
        Graph& sub = node->add_subgraph("body", "b");
        sub.add_input("inner", {});
        sub.add_output(sub.add_node("", "In", {values[pick(values.size())]}, {"inner"})->output(0));
        sub.add_output(values[0]);
      }
      for (Value* value : node->outputs()) {
        if (value != nullptr) values.push_back(value);
      }
    }
    for (std::size_t i = 0; i < pick(3); ++i) graph.add_output(values[pick(values.size())]);
    REQUIRE(verify(graph));
    std::string text = to_text(graph);
    auto read = parse_text(text);
    if (!read) FAIL(text, "\n", read.error().where, ": ", read.error().what);
    CHECK(to_text(**read) == text);
  }
}

}  // namespace
}  // namespace modelctl::graph
