// The pipeline of passes: what each level does, and limits of folding.
#include "passes/pipeline/pipeline.hpp"

#include "base/host.hpp"
#include "graph/text.hpp"
#include "passes/pass.hpp"

#include <doctest/doctest.h>

namespace modelctl::passes {
namespace {

constexpr const char* small = R"(graph "g" {
  input x: f32[batch,3,4,4]
  const w: f32[2,3,3,3] = ...
  y = Conv(x, w)
  z = Relu(y)
  output z
})";

Result<PipelineReport> run(const PipelineOptions& options, std::string* text = nullptr) {
  auto graph = *graph::parse_text(small);
  auto report = run_pipeline(*graph, options);
  if (text != nullptr) *text = to_text(*graph);
  return report;
}

std::string sequence(int level) {
  PipelineOptions options;
  options.level = level;
  auto report = run(options);
  REQUIRE(report);
  std::string names;
  for (const PassReport& pass : report->passes) names += (names.empty() ? "" : " ") + pass.name;
  return names;
}

TEST_CASE("the passes run in this order") {
  CHECK(sequence(0) == "bind-symbols seed-random infer equal-sizes expand-gradients decompose");
  CHECK(sequence(1) ==
        "bind-symbols seed-random infer equal-sizes expand-gradients shape-values fold-constants inline-if "
        "erase-identities "
        "common-subexpressions decompose expand-einsum");
  CHECK(sequence(2) ==
        "bind-symbols seed-random infer equal-sizes expand-gradients quantized-moves quantized-products shape-values "
        "fold-constants "
        "inline-if erase-identities common-subexpressions decompose expand-einsum compute-in-f32 name-activations "
        "fuse-layer-norm fold-batch-norm dense-products channels-last move-transposes erase-identities "
        "common-subexpressions fuse-bias fuse-residual fuse-activation infer");
  CHECK(sequence(3) == sequence(2));
}

TEST_CASE("infer runs after passes that leave types open, and after each round of folding") {
  auto graph = *graph::parse_text(R"(graph "g" {
    input x: f32[2,3]
    const a: f32[2,3] = [1, 2, 3, 4, 5, 6]
    b = Neg(a)
    c = Einsum(x, b) {equation: "ij,ij->i"}
    output c
  })");
  auto report = run_pipeline(*graph, {});
  REQUIRE(report);
  std::string names;
  for (const PassReport& pass : report->passes) names += pass.name + " ";
  CHECK(names.find("fold-constants inline-if infer shape-values fold-constants inline-if erase-identities") !=
        std::string::npos);
  CHECK(names.find("expand-einsum infer compute-in-f32") != std::string::npos);
}

TEST_CASE("each pass has a place of its own in its phase") {
  for (const PassDef* a : table()) {
    for (const PassDef* b : table()) {
      INFO(a->name << " and " << b->name);
      CHECK((a == b || a->phase != b->phase || a->order != b->order));
    }
    CHECK(a->level >= 0);
    CHECK(a->level <= 3);
  }
}

TEST_CASE("level 0 does what lowering needs and no more") {
  std::string text;
  PipelineOptions options;
  options.level = 0;
  auto report = run(options, &text);
  REQUIRE(report);
  CHECK(text.find("z: f32[batch,2,2,2] = Relu(y)") != std::string::npos);
  CHECK(report->passes.size() == 6);
}

TEST_CASE("level 2 fuses and changes layouts") {
  std::string text;
  REQUIRE(run({}, &text));
  CHECK(text.find("modelctl::Conv") != std::string::npos);
  CHECK(text.find("activation: \"relu\"") != std::string::npos);
}

TEST_CASE("an observer sees the graph after each pass") {
  std::vector<std::string> names;
  PipelineOptions options;
  options.after = [&](std::string_view pass, const graph::Graph&) { names.emplace_back(pass); };
  auto report = run(options);
  REQUIRE(report);
  CHECK(names.size() == report->passes.size());
  CHECK(names[0] == "bind-symbols");
  CHECK(report->passes[0].stage == Stage::preprocess);
  CHECK(report->passes.back().stage == Stage::compile);
}

TEST_CASE("folding leaves to the run what would keep the build busy") {
  // 2^14 elements in each operand: as many as 2^42 products.
  auto graph = *graph::parse_text(R"(graph "g" {
  const size: i64[1] = [16384]
  a = ConstantOfShape(size)
  y = Einsum(a, a, a) {equation: "a,b,c->"}
  output y
})");
  REQUIRE(find("fold-constants")->run(*graph, {}));
  std::string text = to_text(*graph);
  CHECK(text.find("const a: f32[16384]") != std::string::npos);
  CHECK(text.find("y = Einsum(a, a, a)") != std::string::npos);
}

TEST_CASE("the pipeline ends with the pass in which it is interrupted, and folding between two nodes") {
  StopToken stop;
  PipelineOptions options;
  options.stop = &stop;
  std::vector<std::string> names;
  options.after = [&](std::string_view pass, const graph::Graph&) {
    names.emplace_back(pass);
    if (pass == "infer") stop.stop();
  };
  auto report = run(options);
  REQUIRE_FALSE(report);
  CHECK(report.error().kind == Kind::interrupted);
  CHECK(names.back() == "infer");

  auto graph = *graph::parse_text(R"(graph "g" {
  const a: f32[2] = [1.0, 2.0]
  y = Add(a, a)
  output y
})");
  PassContext context;
  context.stop = &stop;
  CHECK(*find("fold-constants")->run(*graph, context) == 0);
  CHECK(find("infer")->run(*graph, context).error().kind == Kind::interrupted);
}

TEST_CASE("folding counts the multiplications of matrix products") {
  constexpr const char* text = R"(graph "g" {
  const a: f32[2,2] = [1, 2, 3, 4]
  y = MatMul(a, a)
  output y
})";
  auto graph = *graph::parse_text(text);
  REQUIRE(find("infer")->run(*graph, {}));
  PassContext context;
  context.fold_multiplications = 7;
  REQUIRE(find("fold-constants")->run(*graph, context));
  CHECK(to_text(*graph).find("y: f32[2,2] = MatMul(a, a)") != std::string::npos);
  context.fold_multiplications = 8;
  REQUIRE(find("fold-constants")->run(*graph, context));
  CHECK(to_text(*graph).find("MatMul") == std::string::npos);
  CHECK(context.fold_multiplications == 0);
}

TEST_CASE("a bound symbol becomes a number") {
  std::string text;
  PipelineOptions options;
  options.bindings = {{"batch", 4}};
  REQUIRE(run(options, &text));
  CHECK(text.find("input x: f32[4,3,4,4]") != std::string::npos);
}

TEST_CASE("binding an unknown dimension is refused with the nearest name") {
  PipelineOptions options;
  options.bindings = {{"bach", 4}};
  auto report = run(options);
  REQUIRE_FALSE(report);
  CHECK(report.error().what == "cannot bind 'bach': no input has a dimension of that name");
  CHECK(report.error().hint == "did you mean 'batch'?");
  CHECK(report.error().kind == Kind::usage);
  options.bindings = {{"batch", -1}};
  CHECK(run(options).error().what == "cannot bind 'batch' to -1: a size is 0 or more");
}

TEST_CASE("what can never be right is refused with its place") {
  auto graph = *graph::parse_text(R"(graph "g" {
    input x: f32[2,3]
    input y: f32[2,4]
    z = Add(x, y) "sum"
    output z
  })");
  auto report = run_pipeline(*graph, {});
  REQUIRE_FALSE(report);
  CHECK(report.error().where == "node 'sum' (Add)");
  CHECK(report.error().kind == Kind::bad_input);
}

}  // namespace
}  // namespace modelctl::passes
