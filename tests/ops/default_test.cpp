// Optional inputs: what a run takes for an input that the caller leaves out.
#include "ops/schema/example.hpp"
#include "sessions.hpp"

namespace modelctl::test {
namespace {

using ops::f32;

constexpr const char* sum = R"(graph "g" {
  input x: f32[2]
  input w: f32[2]
  const d: f32[2] = [1.0, 2.0]
  given = modelctl::Default(w, d)
  y = Add(x, given)
  output y
})";

TEST_CASE("an optional input that is absent has its default, and one that is given replaces it") {
  check(sum, {{{f32({2}, {10, 20}), Tensor()}, {f32({2}, {11, 22})}},
              {{f32({2}, {10, 20}), f32({2}, {5, 6})}, {f32({2}, {15, 26})}},
              {{f32({2}, {10, 20}), Tensor()}, {f32({2}, {11, 22})}}});
}

TEST_CASE("the signature names the optional inputs, and only they may be absent") {
  auto model = model_of(sum, 2);
  CHECK_FALSE(model->signature().inputs[0].optional);
  CHECK(model->signature().inputs[1].optional);
  runtime::Session session(model, alone);
  auto refused = run(session, {Tensor(), f32({2}, {5, 6})});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "the input 'x' is missing");
  refused = run(session, {f32({2}, {10, 20}), f32({3}, {5, 6, 7})});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "wrong-size");
}

}  // namespace
}  // namespace modelctl::test
