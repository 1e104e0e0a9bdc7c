// The action `inspect` for each kind of file that it accepts.
#include "actions/inspect.hpp"
#include "actions/link.hpp"
#include "support/hosts.hpp"
#include "support/plans.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using test::PlanMaker;
using test::Scratch;

namespace {

void make_artifact(const std::filesystem::path& path) {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 3});
  auto w = maker.constant("w", Tensor::of<float>(DType::f32, {3}, {-1, 0, 1}));
  auto a = maker.like("a", x), b = maker.like("b", x), y = maker.like("y", x);
  maker.step("op::Add", {x, w}, {a});
  maker.step("op::Relu", {a}, {b});
  maker.step("op::Add", {b, w}, {y});
  maker.output("y", y);
  maker.plan.metadata = {{"model", "small"}};
  REQUIRE(maker.writer.write(maker.plan, path));
}

void check_small(const actions::InspectReport& report) {
  CHECK(report.signature.inputs.at(0).name == "x");
  CHECK(report.signature.outputs.at(0).name == "y");
  CHECK(report.steps == 3);
  CHECK(report.counts.at(0).name == "op::Add");
  CHECK(report.counts.at(0).count == 2);
  CHECK(report.weight_bytes == 12);
  CHECK(report.run_bytes == 64 + 64 + 12);
  CHECK(report.metadata.at("model") == "small");
}

}  // namespace

TEST_CASE("inspect shows an artifact, and the memory that it needs") {
  Scratch scratch;
  test::FakeHost host;
  make_artifact(scratch / "small.artifact");
  auto report = actions::inspect({scratch / "small.artifact"}, host.host);
  REQUIRE(report);
  CHECK(report->kind == "artifact");
  check_small(*report);
}

TEST_CASE("inspect shows the model inside a linked program") {
  Scratch scratch;
  test::FakeHost host;
  make_artifact(scratch / "small.artifact");
  REQUIRE(actions::link({scratch / "small.artifact", scratch / "small", false, false}, host.host));
  auto report = actions::inspect({scratch / "small"}, host.host);
  REQUIRE(report);
  CHECK(report->kind == "program");
  check_small(*report);
}

TEST_CASE("inspect shows an ONNX model as its file has it") {
  test::FakeHost host;
  auto report = actions::inspect({std::filesystem::path(MODELCTL_SOURCE_DIR) / "templates/projects/digits/digits.onnx"},
                                 host.host);
  REQUIRE(report);
  CHECK(report->kind == "model");
  CHECK(report->signature.inputs.size() == 1);
  CHECK(report->weight_bytes > 0);
  CHECK(report->counts.size() > 1);
}

TEST_CASE("inspect refuses a file of another format") {
  Scratch scratch;
  test::FakeHost host;
  REQUIRE(write_file(scratch / "note.txt", as_bytes("hello")));
  auto report = actions::inspect({scratch / "note.txt"}, host.host);
  REQUIRE(!report);
  CHECK(report.error().kind == Kind::bad_input);
}
