// RandomNormal, RandomUniform and their Like forms, Bernoulli and Multinomial. reference/random_samples.hpp documents
// the generator: the same seed gives the same tensor in every run, on every machine.
//
// Smallest runner: regular, since a model for inference has no random numbers.
#include "ops/reference/element.hpp"
#include "ops/reference/generated.hpp"
#include "ops/reference/random_samples.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

// Of input 0's shape, and type unless `dtype` says another.
Result<void> infer_like(Inference& call) {
  auto type = numbered_type(call.attributes(), "dtype", call.element(0));
  if (!type) return call.bad(type.error().what);
  const Shape* x = call.shape(0);
  call.set_output(0, *type, x == nullptr ? std::nullopt : std::optional(*x));
  return {};
}

Result<void> infer_shaped(Inference& call) {
  auto type = numbered_type(call.attributes(), "dtype", DType::f32);
  if (!type) return call.bad(type.error().what);
  Shape shape;
  for (std::int64_t size : call.attributes().integers("shape")) {
    if (size < 0) return call.bad("a size of " + std::to_string(size));
    shape.push_back(size);
  }
  call.set_output(0, *type, std::move(shape));
  return {};
}

Result<void> infer_multinomial(Inference& call) {
  TRY(need_rank(call, 0, 2, 2));
  auto type = numbered_type(call.attributes(), "dtype", DType::i32);
  if (!type) return call.bad(type.error().what);
  std::int64_t samples = call.attributes().integer("sample_size", 1);
  if (samples < 0) return call.bad("a size of " + std::to_string(samples));
  const Shape* x = call.shape(0);
  call.set_output(0, *type, Shape{x == nullptr ? call.fresh_symbol() : (*x)[0], samples});
  return {};
}

// Element i is a function of the seed and i. A normal element uses the uniform numbers 2i and 2i + 1 (Box and Muller),
// so that two elements share none.
template <bool normal, bool like>
Result<void> numbers(const Call& call, Outputs& outputs) {
  const Attributes& attributes = call.attributes;
  if (like && !call.input(0).present()) return refuse("there is no input");
  DType type = TRY(numbered_type(attributes, "dtype", like ? call.input(0).type : DType::f32));
  // The specification permits only float types as results, although numbered_type knows all numbers.
  if (!holds<Floats>(type)) return refuse_type(type);
  const Dims& shape = attributes.integers("shape");
  DimsView dims = like ? call.input(0).dims : DimsView(shape);
  for (std::int64_t size : dims) {
    if (size < 0) return refuse("a size of " + std::to_string(size));
  }
  RandomSamples samples(attributes);
  if constexpr (normal) {
    double mean = attributes.number("mean"), scale = attributes.number("scale", 1);
    return generate(outputs, type, dims, [&](std::int64_t i) { return mean + scale * samples.normal(i); });
  } else {
    double low = attributes.number("low"), high = attributes.number("high", 1);
    // Only as many bits as f32 has, so that no number between 0 and 1 is rounded up to 1. f16 and bf16 have fewer and
    // may still round up to the upper bound.
    double grain = type == DType::f64 ? 0x1p53 : 0x1p24;
    return generate(outputs, type, dims, [&](std::int64_t i) {
      return low + (high - low) * std::floor(samples.uniform(i) * grain) / grain;
    });
  }
}

// True with the probability that the element gives; element i compares random number i with it. Random numbers are in
// [0, 1), so that 0 is never and 1 always true; a NaN is false.
Result<void> bernoulli(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  DType type = TRY(numbered_type(call.attributes, "dtype", x.type));
  RandomSamples samples(call.attributes);
  auto load = load_of<double>(x.type);
  return generate(outputs, type, x.dims, [&](std::int64_t i) { return samples.uniform(i) < load(x.data, i) ? 1 : 0; });
}

// The input holds log probabilities, up to an additive constant for each row. Sampling is by inversion: the running
// sums of exp(x - max) are computed once for each row, and each sample is a binary search for u * total in them,
// O(classes + samples * log classes) for a row. Subtracting the maximum keeps the exponentials in (0, 1], whatever the
// constant.
Result<void> multinomial(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  if (x.rank() != 2 || x.dim(1) == 0) return refuse("the input must be rows of one class or more");
  DType type = TRY(numbered_type(call.attributes, "dtype", DType::i32));
  if (type != DType::i32 && type != DType::i64) return refuse_type(type);
  std::int64_t samples = call.attributes.integer("sample_size", 1), classes = x.dim(1);
  if (samples < 0) return refuse("a size of " + std::to_string(samples));
  RandomSamples random(call.attributes);
  auto load = load_of<double>(x.type);
  std::vector<double> sums(static_cast<std::size_t>(classes));
  std::int64_t row = -1;
  return generate(outputs, type, Dims{x.dim(0), samples}, [&](std::int64_t i) {
    // Elements are asked for in order, so that the sums of a row are made once.
    if (i / samples != row) {
      row = i / samples;
      double top = -HUGE_VAL, sum = 0;
      for (std::int64_t c = 0; c < classes; ++c) top = std::max(top, load(x.data, row * classes + c));
      for (std::int64_t c = 0; c < classes; ++c) {
        sums[static_cast<std::size_t>(c)] = sum += std::exp(load(x.data, row * classes + c) - top);
      }
    }
    // The last class is not compared: it gets what rounding leaves at the end. upper_bound and not lower_bound: for u =
    // 0 the latter would choose a first class of probability 0.
    auto found = std::upper_bound(sums.begin(), sums.end() - 1, random.uniform(i) * sums.back());
    return static_cast<double>(found - sums.begin());
  });
}

constexpr AttributeDef seed = {"seed", AttributeType::number, "the seed; if absent, one made of the output's name"};
constexpr AttributeDef dtype_like = {"dtype", AttributeType::integer,
                                     "the element type, as ONNX numbers them; the input's if absent"};
constexpr AttributeDef dtype_shaped = {"dtype", AttributeType::integer,
                                       "the element type, as ONNX numbers them; f32 if absent"};
constexpr AttributeDef shape = {"shape", AttributeType::integers, "the output's sizes", true};
constexpr AttributeDef mean = {"mean", AttributeType::number, "0 if absent"};
constexpr AttributeDef scale = {"scale", AttributeType::number, "the standard deviation; 1 if absent"};
constexpr AttributeDef high = {"high", AttributeType::number, "the upper bound; 1 if absent"};
constexpr AttributeDef low = {"low", AttributeType::number, "the lower bound; 0 if absent"};
constexpr AttributeDef of_normal[] = {dtype_shaped, mean, scale, seed, shape};
constexpr AttributeDef of_normal_like[] = {dtype_like, mean, scale, seed};
constexpr AttributeDef of_uniform[] = {dtype_shaped, high, low, seed, shape};
constexpr AttributeDef of_uniform_like[] = {dtype_like, high, low, seed};
constexpr AttributeDef of_bernoulli[] = {dtype_like, seed};
constexpr AttributeDef of_multinomial[] = {
    {"dtype", AttributeType::integer, "the element type, as ONNX numbers them: i32, if absent, or i64"},
    {"sample_size", AttributeType::integer, "samples for each row; 1 if absent"},
    seed};

// Examples with only one possible outcome; tests/ops/random_samples_test.cpp tests the distributions.
constexpr OpDef defs[] = {
    {
        .name = "RandomNormal",
        .since = 22,
        .summary = "Numbers of a normal distribution.",
        .inputs = "",
        .outputs = "output",
        .types = float_types,
        .attributes = of_normal,
        .infer = infer_shaped,
        .impure = true,
        .examples =
            [] {
              return Examples{{"without spread",
                               {},
                               {{"shape", Ints{2, 1}}, {"mean", 3.0f}, {"scale", 0.0f}, {"dtype", std::int64_t{11}}},
                               {f64({2, 1}, {3, 3})},
                               0}};
            },
    },
    {
        .name = "RandomNormalLike",
        .since = 22,
        .summary = "Numbers of a normal distribution, as many as the input has.",
        .inputs = "input",
        .outputs = "output",
        .types = any_type,
        .attributes = of_normal_like,
        .infer = infer_like,
        .impure = true,
        .examples =
            [] {
              return Examples{{"without spread",
                               {f32({3}, {9, 9, 9})},
                               {{"mean", 1.5f}, {"scale", 0.0f}},
                               {f32({3}, {1.5f, 1.5f, 1.5f})},
                               0}};
            },
    },
    {
        .name = "RandomUniform",
        .since = 22,
        .summary = "Numbers between two bounds.",
        .inputs = "",
        .outputs = "output",
        .types = float_types,
        .attributes = of_uniform,
        .infer = infer_shaped,
        .impure = true,
        .examples =
            [] {
              return Examples{
                  {"equal bounds", {}, {{"shape", Ints{2}}, {"low", 2.0f}, {"high", 2.0f}}, {f32({2}, {2, 2})}, 0}};
            },
    },
    {
        .name = "RandomUniformLike",
        .since = 22,
        .summary = "Numbers between two bounds, as many as the input has.",
        .inputs = "input",
        .outputs = "output",
        .types = any_type,
        .attributes = of_uniform_like,
        .infer = infer_like,
        .impure = true,
        .examples =
            [] {
              return Examples{{"equal bounds",
                               {i32({1, 2}, {9, 9})},
                               {{"low", 2.0f}, {"high", 2.0f}, {"dtype", std::int64_t{1}}},
                               {f32({1, 2}, {2, 2})},
                               0}};
            },
    },
    {
        .name = "Bernoulli",
        .since = 22,
        .summary = "1 with the input's probability, else 0.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_bernoulli,
        .infer = infer_like,
        .impure = true,
        .examples =
            [] {
              return Examples{{"what is certain", {f32({2, 2}, {0, 1, 1, 0})}, {}, {f32({2, 2}, {0, 1, 1, 0})}, 0}};
            },
    },
    {
        .name = "Multinomial",
        .since = 22,
        .summary = "Random samples of classes by their log probabilities.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = of_multinomial,
        .infer = infer_multinomial,
        .impure = true,
        .examples =
            [] {
              return Examples{{"the only class with a chance",
                               {f32({2, 3}, {-1e9f, 0, -1e9f, 5, -1e9f, -1e9f})},
                               {{"sample_size", std::int64_t{2}}, {"dtype", std::int64_t{7}}},
                               {i64({2, 2}, {1, 1, 0, 0})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "RandomNormal", numbers<true, false>},
                          {"", "RandomNormalLike", numbers<true, true>},
                          {"", "RandomUniform", numbers<false, false>},
                          {"", "RandomUniformLike", numbers<false, true>},
                          {"", "Bernoulli", bernoulli},
                          {"", "Multinomial", multinomial}};

}  // namespace

std::span<const OpDef> random_ops() { return defs; }
std::span<const OpRun> random_runs() { return runs; }

}  // namespace modelctl::ops
