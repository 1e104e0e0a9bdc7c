// Lowering: registers of the shape program, nested plans, the signature, and unsupported types.
#include "lower/lower.hpp"

#include "graph/text.hpp"
#include "lower/shape_program.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using artifact::ShapeOp;
using graph::Expr;

namespace {

Result<lower::Lowered> lowered(std::string_view text) {
  auto graph = TRY(graph::parse_text(text));
  return lower::lower(*graph);
}

}  // namespace

TEST_CASE("equal sizes share a register") {
  lower::ShapeProgram program;
  program.define_by_input("n", 0, 0);
  Expr n = Expr::symbol("n");
  auto first = program.registers({n * 2, 7});
  auto second = program.registers({7, n * 2});
  CHECK(first[0] == second[1]);
  CHECK(first[1] == second[0]);
}

TEST_CASE("a shape with a symbol that nothing defines is not known") {
  lower::ShapeProgram program;
  program.define_by_input("n", 0, 0);
  CHECK(program.knows(graph::Shape{Expr::symbol("n") + 1}));
  CHECK_FALSE(program.knows(graph::Shape{Expr::symbol("n") + Expr::symbol("m")}));
}

TEST_CASE("the first definition of a symbol counts") {
  lower::ShapeProgram program;
  program.define_by_input("n", 0, 1);
  program.define_by_input("n", 1, 0);
  auto at = program.registers({Expr::symbol("n")});
  auto instructions = std::move(program).take();
  CHECK(instructions[at[0]].op == ShapeOp::input_dim);
  CHECK(instructions[at[0]].a == 0);
  CHECK(instructions[at[0]].b == 1);
}

TEST_CASE("the signature keeps the users' names, types and symbols") {
  auto result = lowered(R"(graph "main" {
    input x: f32[batch,4]
    y: f32[batch,4] = Abs(x)
    output y = "score"
  })");
  REQUIRE(result);
  const artifact::Signature& signature = result->plan.signature;
  CHECK(signature.inputs[0].name == "x");
  CHECK(signature.inputs[0].dims[0].symbol == "batch");
  CHECK(signature.inputs[0].dims[1].size == 4);
  CHECK(signature.outputs[0].name == "score");
  CHECK(signature.outputs[0].dims[0].symbol == "batch");
}

TEST_CASE("an unused constant takes no space") {
  auto result = lowered(R"(graph "main" {
    input x: f32[4]
    const used: f32[4] = [1.0, 2.0, 3.0, 4.0]
    const unused: f32[64] = ...
    y: f32[4] = Add(x, used)
    output y
  })");
  REQUIRE(result);
  CHECK(result->weights.weights_bytes() == 16);
}

TEST_CASE("an unused output is absent from its step") {
  auto result = lowered(R"(graph "main" {
    input x: f32[4]
    const sizes: i64[2] = [1, 3]
    a: f32[1], b: f32[3] = Split(x, sizes) {axis: 0}
    output b
  })");
  REQUIRE(result);
  REQUIRE(result->plan.steps.size() == 1);
  CHECK(result->plan.steps[0].outputs[0] == artifact::absent);
  CHECK(result->plan.steps[0].outputs[1] == result->plan.outputs[0]);
}

TEST_CASE("a value with a data-dependent shape defines its sizes for later values") {
  auto result = lowered(R"(graph "main" {
    input x: f32[n]
    input sizes: i64[2]
    a: f32[1,found] = Expand(x, sizes)
    b: f32[1,found] = Abs(a)
    output b
  })");
  REQUIRE(result);
  const auto& values = result->plan.values;
  auto value = [&](std::string_view name) {
    for (const artifact::PlanValue& each : values) {
      if (each.name == name) return each;
    }
    return artifact::PlanValue{};
  };
  CHECK(value("a").data_dependent);
  CHECK_FALSE(value("b").data_dependent);
  CHECK(result->plan.shapes[value("b").dims[1]].op == ShapeOp::data_dependent_dim);
}

TEST_CASE("a nested graph becomes a nested plan, whose captured values are inputs and whose constants are its own") {
  auto result = lowered(R"(graph "main" {
    input c: bool[]
    input x: f32[n]
    const w: f32[1] = [2.0]
    before: f32[n] = Abs(x)
    z: f32[n] = If(c) {else_branch: graph "else" {
      output x
    }, then_branch: graph "then" {
      a: f32[n] = Mul(before, w)
      b: f32[n] = Add(a, x)
      output b
    }}
    output z
  })");
  REQUIRE(result);
  const artifact::Plan& plan = result->plan;
  const artifact::Step& step = plan.steps.at(1);
  REQUIRE(step.bodies.size() == 2);
  CHECK(step.inputs == std::vector<std::int32_t>{plan.inputs[0], plan.inputs[1], plan.steps[0].outputs[0]});
  CHECK(step.captured == 2);
  CHECK(step.bodies[0].name == "else_branch");
  CHECK(step.bodies[0].captures == std::vector<std::uint32_t>{1});
  CHECK(step.bodies[1].captures == std::vector<std::uint32_t>{2, 1});
  REQUIRE(plan.bodies.size() == 2);
  CHECK(plan.bodies[0].steps.empty());
  CHECK(plan.bodies[0].outputs == plan.bodies[0].inputs);
  CHECK(plan.bodies[1].steps.size() == 2);
  CHECK(plan.bodies[1].signature.inputs[0].name == "before");
  CHECK(result->weights.weights_bytes() == 4);
}

TEST_CASE("an element type that an operator lacks is refused with the types it has") {
  auto result = lowered(R"(graph "main" {
    input x: string[2]
    y: string[2] = Abs(x) "strange"
    output y
  })");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == "unsupported-type");
  CHECK(result.error().what == "cannot compile 'Abs' for elements of type string");
}
