// Sessions over plans that are written by hand with the routines of routines.hpp.
#include "base/host.hpp"
#include "runtime/routines.hpp"
#include "support/plans.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace modelctl;
using artifact::absent;
using artifact::ShapeOp;
using runtime::Session;
using test::PlanMaker;

namespace {

kernels::Alone alone;

Tensor floats(Dims dims, std::initializer_list<float> values) {
  return Tensor::of<float>(DType::f32, std::move(dims), values);
}

Session session_of(const PlanMaker& maker, Session::Limits limits = {}) {
  return Session(test::load(maker.artifact()).value(), alone, limits);
}

Result<std::vector<Tensor>> run(Session& session, std::initializer_list<Tensor> inputs) {
  std::vector<TensorView> views;
  for (const Tensor& tensor : inputs) views.push_back(tensor.view());
  return session.run(views);
}
std::vector<Tensor> outputs_of(Session& session, std::initializer_list<Tensor> inputs) {
  auto outputs = run(session, inputs);
  REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
  return std::move(*outputs);
}
Error failure_of(Session& session, std::initializer_list<Tensor> inputs) {
  auto outputs = run(session, inputs);
  REQUIRE(!outputs);
  return std::move(outputs).error();
}

// x[n,3] + w -> relu -> times 2 (in place) -> y
PlanMaker chain() {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 3});
  auto w = maker.constant("w", floats({3}, {-1, 0, 1}));
  auto a = maker.like("a", x), b = maker.like("b", x), y = maker.like("y", x);
  maker.step("op::Add", {x, w}, {a});
  maker.step("op::Relu", {a}, {b});
  maker.step("kernel:scale", {b}, {y}, {{"by", 2.0f}}, 0);
  maker.output("y", y);
  return maker;
}

// x[n] -> which[k] = nonzero(x) -> f = float(which) -> y = f + f: k is known once x was looked at.
PlanMaker data_dependent() {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n"});
  auto which = maker.data_dependent("which", DType::i64, 1);
  auto k = maker.plan.values[static_cast<std::size_t>(which)].dims[0];
  auto f = maker.computed("f", DType::f32, {k});
  auto y = maker.computed("y", DType::f32, {k});
  maker.step("op::NonZero", {x}, {which});
  maker.step("op::Float", {which}, {f});
  maker.step("op::Add", {f, f}, {y});
  maker.output("y", y);
  return maker;
}

}  // namespace

TEST_CASE("operators and kernels run one after the other, at any size of a symbol") {
  Session session = session_of(chain());
  CHECK(same(outputs_of(session, {floats({1, 3}, {0, 1, 2})})[0], floats({1, 3}, {0, 2, 6})));
  CHECK(same(outputs_of(session, {floats({2, 3}, {0, 1, 2, 9, -9, 9})})[0], floats({2, 3}, {0, 2, 6, 16, 0, 20})));
  CHECK(same(outputs_of(session, {floats({0, 3}, {})})[0], floats({0, 3}, {})));
}

TEST_CASE("an output does not change when the session runs again") {
  Session session = session_of(chain());
  Tensor first = outputs_of(session, {floats({1, 3}, {0, 1, 2})})[0];
  outputs_of(session, {floats({1, 3}, {5, 5, 5})});
  CHECK(same(first, floats({1, 3}, {0, 2, 6})));
}

TEST_CASE("inputs are read in place, even if they are not aligned") {
  Session session = session_of(chain());
  std::vector<std::byte> bytes(1 + 3 * sizeof(float));
  const float values[] = {0, 1, 2};
  std::memcpy(bytes.data() + 1, values, sizeof values);
  const std::int64_t dims[] = {1, 3};
  const TensorView views[] = {{DType::f32, dims, bytes.data() + 1}};
  CHECK(same(session.run(views).value()[0], floats({1, 3}, {0, 2, 6})));
}

TEST_CASE("a step that works in place takes over the memory of what dies there") {
  auto arena_of = [](std::int32_t in_place) {
    PlanMaker maker;
    auto x = maker.input("x", DType::f32, {1000});
    auto a = maker.like("a", x), b = maker.like("b", x), c = maker.like("c", x);
    auto y = maker.computed("y", DType::f32, maker.sizes({1000}));
    maker.step("op::Relu", {x}, {a});
    maker.step("kernel:scale", {a}, {b}, {{"by", 3.0f}}, in_place);
    maker.step("kernel:scale", {b}, {c}, {}, in_place);
    maker.step("op::Add", {c, x}, {y});
    maker.output("y", y);
    Session session = session_of(maker);
    Tensor ones(DType::f32, {1000});
    for (float& value : ones.mutable_view().as<float>()) value = 1;
    CHECK(outputs_of(session, {ones})[0].as<float>()[999] == 4);
    return session.arena_bytes();
  };
  CHECK(arena_of(0) == 4032);
  CHECK(arena_of(-1) == 8064);
}

TEST_CASE("a value that is read again later is not worked on in place") {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {2});
  auto a = maker.like("a", x), b = maker.like("b", x), y = maker.like("y", x);
  maker.step("op::Relu", {x}, {a});
  maker.step("kernel:scale", {a}, {b}, {{"by", 3.0f}}, 0);
  maker.step("op::Add", {a, b}, {y});
  maker.output("y", y);
  Session session = session_of(maker);
  CHECK(same(outputs_of(session, {floats({2}, {1, 2})})[0], floats({2}, {4, 8})));
}

TEST_CASE("a kernel sees its constants when it is bound, and has scratch memory") {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 2});
  auto offset = maker.constant("offset", floats({1}, {10}));
  auto y = maker.computed("y", DType::f32, {maker.plan.values[static_cast<std::size_t>(x)].dims[0]});
  maker.step("kernel:sum_rows", {x, offset}, {y});
  maker.output("y", y);
  Session session = session_of(maker);
  CHECK(same(outputs_of(session, {floats({3, 2}, {1, 2, 3, 4, 5, 6})})[0], floats({3}, {13, 17, 21})));
}

TEST_CASE("sizes that the data decides are known once they are there") {
  Session session = session_of(data_dependent());
  CHECK(same(outputs_of(session, {floats({4}, {0, 1, 0, 1})})[0], floats({2}, {2, 6})));
  CHECK(same(outputs_of(session, {floats({4}, {1, 1, 0, 1})})[0], floats({3}, {0, 2, 6})));
  CHECK(same(outputs_of(session, {floats({4}, {0, 0, 0, 0})})[0], floats({0}, {})));
  CHECK(same(outputs_of(session, {floats({4}, {0, 1, 0, 1})})[0], floats({2}, {2, 6})));
}

TEST_CASE("a value with a data-dependent shape can be an output") {
  PlanMaker maker = data_dependent();
  maker.output("which", 1);
  Session session = session_of(maker);
  auto outputs = outputs_of(session, {floats({3}, {0, 1, 1})});
  CHECK(same(outputs[1], Tensor::of<std::int64_t>(DType::i64, {2}, {1, 2})));
}

TEST_CASE("inputs, constants and one value twice may be outputs") {
  PlanMaker maker = chain();
  maker.output("x_again", 0);
  maker.output("w", 1);
  maker.output("y_again", 4);
  Session session = session_of(maker);
  Tensor x = floats({1, 3}, {0, 1, 2});
  auto outputs = outputs_of(session, {x});
  CHECK(same(outputs[1], x));
  CHECK(outputs[1].view().data != x.view().data);
  CHECK(same(outputs[2], floats({3}, {-1, 0, 1})));
  CHECK(same(outputs[3], outputs[0]));
}

TEST_CASE("an output may be read by later steps") {
  PlanMaker maker = chain();
  auto z = maker.like("z", 0);
  maker.step("kernel:scale", {4}, {z}, {{"by", 10.0f}}, 0);
  maker.output("z", z);
  Session session = session_of(maker);
  auto outputs = outputs_of(session, {floats({1, 3}, {0, 1, 2})});
  CHECK(same(outputs[0], floats({1, 3}, {0, 2, 6})));
  CHECK(same(outputs[1], floats({1, 3}, {0, 20, 60})));
}

TEST_CASE("strings are values like any other") {
  PlanMaker maker;
  auto x = maker.input("x", DType::string, {"n"});
  auto suffix = maker.constant("suffix", Tensor::of_strings({1}, {", a string too long for the small-string buffer"}));
  auto a = maker.like("a", x), y = maker.like("y", x);
  maker.step("op::Concat", {x, suffix}, {a});
  maker.step("op::Concat", {a, suffix}, {y});
  maker.output("y", y);
  maker.output("x", x);
  Session session = session_of(maker);
  auto outputs = outputs_of(session, {Tensor::of_strings({2}, {"one", "two"})});
  CHECK(outputs[0].as<std::string>()[1].starts_with("two, a string too long"));
  CHECK(outputs[0].as<std::string>()[0].size() == 3 + 2 * 47);
  CHECK(outputs[1].as<std::string>()[0] == "one");
}

TEST_CASE("an unused output needs no memory in the plan") {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {2});
  auto y = maker.like("y", x);
  maker.step("op::Both", {x}, {y, absent});
  maker.output("y", y);
  Session session = session_of(maker);
  CHECK(same(outputs_of(session, {floats({2}, {1, 2})})[0], floats({2}, {1, 2})));
}

TEST_CASE("inputs that do not fit are refused before anything runs") {
  Session session = session_of(chain());
  CHECK(failure_of(session, {floats({2, 2}, {1, 2, 3, 4})}).what == "dimension 1 of the input 'x' must be 3, but is 2");
}

TEST_CASE("the error of a failing operator names its node, and the session remains usable") {
  PlanMaker maker = chain();
  auto z = maker.like("z", 0);
  maker.step("op::Fail", {0}, {z});
  maker.output("z", z);
  Session session = session_of(maker);
  Error error = failure_of(session, {floats({1, 3}, {0, 1, 2})});
  CHECK(error.what == "cannot gather: index 7 is outside [-3, 3)");
  CHECK(error.where == "Fail #3");
  CHECK(failure_of(session, {floats({1, 3}, {0, 1, 2})}).code == "bad-index");
}

TEST_CASE("an operator that disagrees with the plan is reported as a bug, and memory is not overrun") {
  auto refusal = [](const char* routine) {
    PlanMaker maker;
    auto x = maker.input("x", DType::f32, {4});
    auto y = maker.like("y", x);
    maker.step(routine, {x}, {y});
    maker.output("y", y);
    Session session = session_of(maker);
    Error error = failure_of(session, {floats({4}, {1, 2, 3, 4})});
    CHECK(error.code == "plan-disagrees");
    // Sizes may be what the model states of a value that nothing else tells.
    CHECK(error.kind == (std::string_view(routine) == "op::Shrink" ? Kind::bad_input : Kind::bug));
    return error.what;
  };
  CHECK(refusal("op::Shrink") == "cannot run the model: 'y' would be f32[3] and not f32[4]");
  CHECK(refusal("op::Retype") == "'op::Retype' made f64[4] for 'y', but the plan has f32[4]");
  CHECK(refusal("op::Idle") == "'op::Idle' did not make output 0");
}

TEST_CASE("sizes that do not fit together are refused") {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n"});
  auto n = maker.plan.values[static_cast<std::size_t>(x)].dims[0];
  auto y = maker.computed("y", DType::f32, {maker.reg(ShapeOp::sub, n, maker.size(3))});
  auto z = maker.computed("z", DType::f32, {maker.reg(ShapeOp::floor_div, n, maker.size(0))});
  maker.step("op::Relu", {x}, {y});
  maker.step("op::Relu", {x}, {z});
  maker.output("y", y);
  Session session = session_of(maker);
  Error error = failure_of(session, {floats({2}, {1, 2})});
  CHECK(error.what == "cannot run the model on inputs of these sizes");
  CHECK(error.faults.at(0).what == "cannot run the model: dimension 0 of 'y' would be -1");
  CHECK(error.faults.at(1).what == "cannot run the model: dimension 0 of 'z' cannot be computed");
}

TEST_CASE("the error of a kernel that refuses its operands names the node") {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {4});
  auto y = maker.computed("y", DType::f32, maker.sizes({5}));
  maker.step("kernel:scale", {x}, {y});
  maker.output("y", y);
  Session session = session_of(maker);
  Error error = failure_of(session, {floats({4}, {1, 2, 3, 4})});
  CHECK(error.what == "cannot run 'scale': its operands differ in shape");
  CHECK(error.where == "scale #0");
}

TEST_CASE("a run that would take more memory than it may is refused") {
  Session::Limits limits;
  limits.memory_bytes = 1 << 20;
  Session session = session_of(chain(), limits);
  Error error = failure_of(session, {Tensor(DType::f32, {1 << 16, 3})});
  CHECK(error.code == "memory-limit");
  CHECK(error.what == "cannot run the model on inputs of these sizes: more than 1 MiB of memory are needed");
  outputs_of(session, {floats({1, 3}, {0, 1, 2})});
}

TEST_CASE("more shapes than the cache holds run all the same") {
  Session::Limits limits;
  limits.cached_shapes = 2;
  Session session = session_of(chain(), limits);
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t n = 1; n < 6; ++n) {
      Tensor x(DType::f32, {n, 3});
      for (float& value : x.mutable_view().as<float>()) value = static_cast<float>(n);
      CHECK(outputs_of(session, {x})[0].as<float>().back() == static_cast<float>(2 * (n + 1)));
    }
  }
}

TEST_CASE("a plan that names routines that are not there is refused when it is loaded") {
  PlanMaker maker = chain();
  maker.plan.steps[0].routine = "op:com.example:Add";
  maker.plan.steps[2].routine = "kernel:winograd";
  auto loaded = test::load(maker.artifact());
  REQUIRE(!loaded);
  CHECK(loaded.error().kind == Kind::unsupported);
  REQUIRE(loaded.error().faults.size() == 2);
  CHECK(loaded.error().faults[1].what == "cannot run the model: this program has no routine 'kernel:winograd'");
}

// Stops the run when it reaches a tile, as a signal might.
class StoppingWorkers final : public kernels::Workers {
 public:
  StoppingWorkers(StopToken& stop, std::int64_t at) : stop_(stop), at_(at) {}
  int threads() const override { return 1; }

 protected:
  void run(std::int64_t tiles, Function function, void* context) override {
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      if (tile == at_) stop_.stop();
      function(context, tile);
    }
    if (tiles == at_) stop_.stop();
  }

 private:
  StopToken& stop_;
  std::int64_t at_;
};

TEST_CASE("a signal ends a kernel between its tiles, and a kernel that finished keeps its result") {
  for (std::int64_t at : {std::int64_t{3}, std::int64_t{10}}) {
    PlanMaker maker;
    auto x = maker.input("x", DType::f32, {10, 2});
    auto y = maker.computed("y", DType::f32, maker.sizes({10}));
    maker.step("kernel:sum_rows", {x, maker.constant("offset", floats({1}, {1}))}, {y});
    maker.output("y", y);
    StopToken stop;
    StoppingWorkers workers(stop, at);
    Session::Limits limits;
    limits.stop = &stop;
    Session session(test::load(maker.artifact()).value(), workers, limits);
    const Tensor input(DType::f32, {10, 2});
    const TensorView views[] = {input.view()};
    auto outputs = session.run(views);
    CHECK(outputs.has_value() == (at == 10));
    if (!outputs) CHECK(outputs.error().code == "interrupted");
  }
}

TEST_CASE("an operator that would take for ever ends at the time limit") {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {4});
  auto y = maker.computed("y", DType::f32, maker.sizes({4}));
  maker.step("op::Endless", {x}, {y});
  maker.output("y", y);
  Session::Limits limits;
  limits.time = std::chrono::milliseconds(5);
  Session session = session_of(maker, limits);
  CHECK(failure_of(session, {floats({4}, {1, 2, 3, 4})}).code == "time-limit");
}

TEST_CASE("a profile has the time of each step") {
  Session session = session_of(chain());
  session.profile(true);
  outputs_of(session, {floats({1, 3}, {0, 1, 2})});
  CHECK(session.step_seconds().size() == 3);
}

TEST_CASE("many sessions of one model run at the same time") {
  auto model = test::load(data_dependent().artifact()).value();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      kernels::Alone workers;
      Session session(model, workers);
      for (int round = 0; round < 50; ++round) {
        Tensor x(DType::f32, {8});
        x.mutable_view().as<float>()[static_cast<std::size_t>((thread + round) % 8)] = 1;
        const TensorView views[] = {x.view()};
        auto outputs = session.run(views);
        if (outputs && (*outputs)[0].as<float>()[0] == static_cast<float>(2 * ((thread + round) % 8))) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 200);
}
