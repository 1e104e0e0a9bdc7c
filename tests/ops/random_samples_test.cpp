// Random operators: reproducible, documented number by number, and of the right distribution.
#include "ops/reference/random_samples.hpp"

#include "ops/schema/operator.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

namespace {

Tensor sample(std::string_view name, Attributes attributes, std::vector<Tensor> inputs = {}) {
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  auto outputs = ops::evaluate("", name, attributes, views, 1);
  REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
  return (*outputs)[0];
}

Attributes seeded(float seed, std::vector<std::int64_t> shape) { return {{"seed", seed}, {"shape", std::move(shape)}}; }

}  // namespace

TEST_CASE("a seed gives the same numbers each time, and another seed others") {
  for (const char* name : {"RandomNormal", "RandomUniform"}) {
    Tensor once = sample(name, seeded(7, {100}));
    CHECK(same(once, sample(name, seeded(7, {100}))));
    CHECK_FALSE(same(once, sample(name, seeded(8, {100}))));
    // The shape of the tensor does not matter.
    CHECK(same(once, sample(name, seeded(7, {4, 25})).reshaped({100})));
  }
}

TEST_CASE("the generator is the one that is documented, number by number") {
  ops::RandomSamples samples(Attributes{});
  CHECK(samples.uniform(0) == doctest::Approx(0.8833108082136426).epsilon(1e-12));
  CHECK(samples.uniform(1) == doctest::Approx(0.43152799704850997).epsilon(1e-12));
}

TEST_CASE("uniform numbers fill their bounds evenly") {
  Attributes attributes = seeded(1, {100000});
  attributes.set("low", -2.0f);
  attributes.set("high", 6.0f);
  Tensor x = sample("RandomUniform", attributes);
  int buckets[8] = {};
  for (float value : x.as<float>()) {
    REQUIRE(value >= -2);
    REQUIRE(value < 6);
    ++buckets[static_cast<int>(value + 2)];
  }
  for (int count : buckets) CHECK(std::abs(count - 12500) < 500);  // five standard deviations
}

TEST_CASE("normal numbers have their mean, their variance and few far away") {
  Attributes attributes = seeded(1, {100000});
  attributes.set("mean", 10.0f);
  attributes.set("scale", 2.0f);
  Tensor x = sample("RandomNormal", attributes);
  double sum = 0, squares = 0;
  int far = 0;
  for (float value : x.as<float>()) {
    double z = (double{value} - 10) / 2;
    sum += z;
    squares += z * z;
    far += std::fabs(z) > 2;
  }
  CHECK(std::fabs(sum / 1e5) < 0.02);
  CHECK(std::fabs(squares / 1e5 - 1) < 0.03);
  CHECK(std::abs(far - 4550) < 350);
}

TEST_CASE("Bernoulli and Multinomial draw by their probabilities") {
  Tensor half(DType::f32, {10000});
  for (float& p : half.mutable_view().as<float>()) p = 0.25f;
  double ones = 0;
  Tensor bits = sample("Bernoulli", {{"seed", 3.0f}}, {half});  // named, so that it outlives the loop
  for (float value : bits.as<float>()) ones += value;
  CHECK(std::fabs(ones - 2500) < 220);

  Tensor logs = Tensor::of<float>(DType::f32, {1, 3}, {std::log(1.0f), std::log(2.0f), std::log(5.0f)});
  int counts[3] = {};
  Tensor drawn = sample("Multinomial", {{"seed", 3.0f}, {"sample_size", std::int64_t{8000}}}, {logs});
  for (std::int32_t value : drawn.as<std::int32_t>()) ++counts[value];
  CHECK(std::abs(counts[0] - 1000) < 160);
  CHECK(std::abs(counts[1] - 2000) < 200);
  CHECK(std::abs(counts[2] - 5000) < 240);
}
