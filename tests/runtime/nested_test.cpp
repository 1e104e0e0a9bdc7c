// Nested plans: captures, kept memory and bindings, and limits.
#include "base/host.hpp"
#include "runtime/routines.hpp"
#include "support/plans.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using runtime::Session;
using test::PlanMaker;

namespace {

kernels::Alone alone;

Tensor floats(Dims dims, std::initializer_list<float> values) {
  return Tensor::of<float>(DType::f32, std::move(dims), values);
}

// x[n] -> y[n] = x + by, `times` times over; `by` is an input that the nested plan captures.
PlanMaker repeating(std::int64_t times) {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n"});
  auto by = maker.input("by", DType::f32, {1});
  auto y = maker.like("y", x);
  maker.step("op::Repeat", {x, by}, {y}, {{"times", times}});
  PlanMaker inner;
  auto a = inner.input("a", DType::f32, {"n"});
  auto b = inner.input("b", DType::f32, {1});
  auto c = inner.like("c", a);
  inner.step("op::Add", {a, b}, {c});
  inner.output("c", c);
  maker.body("body", inner, {1}, 1);
  maker.output("y", y);
  return maker;
}

Result<std::vector<Tensor>> run(Session& session, const Tensor& x, const Tensor& by) {
  TensorView views[] = {x.view(), by.view()};
  return session.run(views);
}

TEST_CASE("a nested plan reads what it captures, at any size and again and again") {
  Session session(test::load(repeating(3).artifact()).value(), alone);
  for (int round = 0; round < 3; ++round) {
    auto outputs = run(session, floats({2}, {1, 2}), floats({1}, {10}));
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
    CHECK(same((*outputs)[0], floats({2}, {31, 32})));
    outputs = run(session, floats({3}, {1, 2, 3}), floats({1}, {-1}));
    REQUIRE(outputs);
    CHECK(same((*outputs)[0], floats({3}, {-2, -1, 0})));
  }
}

TEST_CASE("loops that do not end are ended") {
  Session session(test::load(repeating(1'000'000'000).artifact()).value(), alone, {.iterations = 1000});
  for (int round = 0; round < 2; ++round) {  // each run has the whole budget
    auto outputs = run(session, floats({1}, {1}), floats({1}, {1}));
    REQUIRE(!outputs);
    CHECK(outputs.error().code == "iteration-limit");
    CHECK(outputs.error().what == "cannot run the model: its loops do not end");
    CHECK(outputs.error().where == "Repeat #0");
  }
}

TEST_CASE("a run ends when its time is over or a stop was asked for, and the next run has all of its time") {
  StopToken stop;
  Session session(test::load(repeating(1'000'000'000).artifact()).value(), alone,
                  {.iterations = ~std::uint64_t{0}, .time = std::chrono::milliseconds(20), .stop = &stop});
  for (int round = 0; round < 2; ++round) {
    auto outputs = run(session, floats({1}, {1}), floats({1}, {1}));
    REQUIRE(!outputs);
    CHECK(outputs.error().code == "time-limit");
    CHECK(outputs.error().what == "cannot run the model: it takes longer than the 0.02 seconds that one run has");
  }
  stop.stop();
  auto outputs = run(session, floats({1}, {1}), floats({1}, {1}));
  REQUIRE(!outputs);
  CHECK(outputs.error().kind == Kind::interrupted);
  CHECK(outputs.error().what == "stopped running the model");
}

TEST_CASE("what an iteration gave counts while the next one runs") {
  // 8,000 bytes: the body allocates as many again while it holds those of the iteration before.
  Tensor x(DType::f32, {2000});
  for (auto [limit, enough] : {std::pair(20'000, false), std::pair(30'000, true)}) {
    Session session(test::load(repeating(3).artifact()).value(), alone,
                    {.memory_bytes = static_cast<std::uint64_t>(limit)});
    auto outputs = run(session, x, floats({1}, {1}));
    CHECK(outputs.has_value() == enough);
    if (!outputs) CHECK(outputs.error().code == "memory-limit");
  }
}

TEST_CASE("a nested plan has no more memory than is left around it") {
  Session session(test::load(repeating(1).artifact()).value(), alone, {.memory_bytes = 10'000});
  Tensor large(DType::f32, {2000});
  auto outputs = run(session, large, floats({1}, {1}));
  REQUIRE(!outputs);
  CHECK(outputs.error().code == "memory-limit");
}

TEST_CASE("an operator that gives a nested plan what it cannot take is refused") {
  PlanMaker maker = repeating(1);
  SUBCASE("of another type") {
    artifact::Plan& inner = maker.plan.bodies[0];
    inner.signature.inputs[0].type = DType::i64;
    inner.values[0].type = DType::i64;
    Session session(test::load(maker.artifact()).value(), alone);
    auto outputs = run(session, floats({1}, {1}), floats({1}, {1}));
    REQUIRE(!outputs);
    CHECK(outputs.error().what == "gives 'a' of its graph 'body' f32, which is i64");
  }
  SUBCASE("of another size") {
    artifact::Plan& inner = maker.plan.bodies[0];
    inner.signature.inputs[0].dims[0] = {4, {}};
    Session session(test::load(maker.artifact()).value(), alone);
    auto outputs = run(session, floats({1}, {1}), floats({1}, {1}));
    REQUIRE(!outputs);
    CHECK(outputs.error().what == "dimension 0 of the input 'a' must be 4, but is 1");
  }
  SUBCASE("too few") {
    maker.plan.steps[0].bodies[0].captures.clear();
    Session session(test::load(maker.artifact()).value(), alone);
    auto outputs = run(session, floats({1}, {1}), floats({1}, {1}));
    REQUIRE(!outputs);
    CHECK(outputs.error().what == "gives its graph 'body' too few inputs");
  }
}

}  // namespace
