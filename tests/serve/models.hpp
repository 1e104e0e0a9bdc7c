// Models for tests of the server: one that doubles, can be held at its first step and fails as it is asked to, and one
// that never ends.
#pragma once

#include "serve/service.hpp"
#include "support/plans.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <stdexcept>

namespace modelctl::test {

// Holds every prediction at its first step while closed.
struct Gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = true;

  void set(bool value) {
    std::lock_guard lock(mutex);
    open = value;
    opened.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    opened.wait(lock, [this] { return open; });
  }
};
inline Gate gate;

// An operator of the tests' own: y = 2 * x. What x starts with can make it fail in the ways that an operator can.
inline Result<void> twice(const runtime::Call& call, runtime::Outputs& outputs) {
  gate.pass();
  const TensorView& x = call.input(0);
  auto y = TRY(outputs.allocate(0, DType::f32, x.dims));
  auto from = x.as<float>();
  float first = from.empty() ? 0 : from[0];
  if (first == -2) throw std::bad_alloc();
  if (first == -3) throw std::logic_error("a library threw");
  if (first == -1) return Error(Kind::bug, "negative", "the operator met a negative number");
  for (std::size_t i = 0; i < from.size(); ++i) y.as<float>()[i] = 2 * from[i];
  return {};
}
inline constexpr runtime::OpRun twice_row{"test", "Twice", twice};
// Runs its nested graph until that fails.
inline Result<void> for_ever(const runtime::Call& call, runtime::Outputs&) {
  for (;;) TRY(call.body("body")->run(call.inputs));
}
inline constexpr runtime::OpRun for_ever_row{"test", "ForEver", for_ever};
inline constexpr const runtime::OpRun* rows[] = {&twice_row, &for_ever_row};

// As --admin-token: everything else needs no token.
inline void use_admin_token(serve::Service& service, const std::string& token) {
  serve::TokenTable table;
  table.tokens.push_back({"admin", {serve::Scope::admin}, Sha256::of(as_bytes(token))});
  service.tokens.use(std::move(table));
}

// f32[batch,2] -> f32[batch,2], written and opened as an artifact like any other.
inline std::shared_ptr<serve::LoadedModel> twice_model(const Scratch& scratch, const serve::Service& service,
                                                       serve::ModelInfo info = {
                                                           "twice", "7", "sha256:0", "tester", {{"accuracy", 0.5}}}) {
  using artifact::ShapeOp;
  artifact::Plan plan;
  artifact::Port x{"x", DType::f32, {{-1, "batch"}, {2, ""}}}, y{"y", DType::f32, {{-1, "batch"}, {2, ""}}};
  plan.signature = {{x}, {y}};
  plan.shapes = {{ShapeOp::input_dim, 0, 0}, {ShapeOp::constant, 2, 0}};
  artifact::PlanValue in, out;
  in = {"x", DType::f32, artifact::Storage::input, {0, 1}};
  out = {"y", DType::f32, artifact::Storage::computed, {0, 1}};
  plan.values = {in, out};
  plan.inputs = {0};
  plan.outputs = {1};
  artifact::Step step;
  step.routine = "op:test:Twice";
  step.inputs = {0};
  step.outputs = {1};
  plan.steps = {step};
  REQUIRE(artifact::Writer().write(plan, scratch / "twice"));
  auto model = runtime::Model::load(std::move(*artifact::open(scratch / "twice")), rows, kernels::Cpu{});
  REQUIRE(model);
  return service.prepare(*model, std::move(info));
}

// f32[2] -> f32[2], never.
inline std::shared_ptr<serve::LoadedModel> endless_model(const serve::Service& service) {
  PlanMaker maker, inner;
  auto x = maker.input("x", DType::f32, {2}), y = maker.like("y", x);
  maker.step("op:test:ForEver", {x}, {y});
  auto a = inner.input("a", DType::f32, {2}), b = inner.like("b", a);
  inner.step("op:test:Twice", {a}, {b});
  inner.output("b", b);
  maker.body("body", inner, {}, 0);
  maker.output("y", y);
  auto model = runtime::Model::load(maker.artifact().value(), rows, kernels::Cpu{});
  REQUIRE(model);
  return service.prepare(*model, {"endless", "1", "", "", {}});
}

}  // namespace modelctl::test
