// Which tensors are converted to what a model expects, and the help for those that are not.
#include "actions/input_options.hpp"

#include "support/hosts.hpp"
#include "tensor/half.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

Result<Tensor> convert(Tensor tensor, DType type, Dims dims) {
  return convert_input(std::move(tensor), {"x", type, std::move(dims)}, "x.npy", {});
}

std::string help_for(Dims dims, Dims expected, DType type = DType::f32) {
  auto result = convert(Tensor(type, std::move(dims)), DType::f32, std::move(expected));
  REQUIRE(!result);
  return result.error().hint;
}

}  // namespace

TEST_CASE("f64 becomes f32 if every value is one") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto good = convert(Tensor::of<double>(DType::f64, {4}, {0.5, std::nan(""), -infinity, 16777216}), DType::f32, {-1});
  REQUIRE(good);
  CHECK(good->type() == DType::f32);
  CHECK(good->view().as<float>()[0] == 0.5F);
  CHECK(std::isnan(good->view().as<float>()[1]));
  for (double value : {0.1, 16777217.0, 1e300, 1e-300}) {
    auto lossy = convert(Tensor::of<double>(DType::f64, {1}, {value}), DType::f32, {-1});
    REQUIRE(!lossy);
    CHECK(lossy.error().code == "wrong-type");
    CHECK(lossy.error().hint == "convert it with NumPy: x.astype(np.float32)");
  }
}

TEST_CASE("f64 becomes f16 by one rounding, or not at all") {
  CHECK(convert(Tensor::of<double>(DType::f64, {1}, {0.25}), DType::f16, {1}));
  CHECK(!convert(Tensor::of<double>(DType::f64, {1}, {1 + 0x1p-11}), DType::f16, {1}));
  CHECK(!convert(Tensor::of<double>(DType::f64, {1}, {1e5}), DType::f16, {1}));
}

TEST_CASE("integers become other integers in range, and never floats") {
  auto good = convert(Tensor::of<std::int64_t>(DType::i64, {2}, {-2147483648, 2147483647}), DType::i32, {2});
  REQUIRE(good);
  CHECK(good->view().as<std::int32_t>()[0] == std::numeric_limits<std::int32_t>::min());
  CHECK(!convert(Tensor::of<std::int64_t>(DType::i64, {1}, {2147483648}), DType::i32, {1}));
  CHECK(!convert(Tensor::of<std::int32_t>(DType::i32, {1}, {-1}), DType::u8, {1}));
  CHECK(convert(Tensor::of<std::int32_t>(DType::i32, {1}, {255}), DType::u8, {1}));
  CHECK(!convert(Tensor::of<std::int32_t>(DType::i32, {1}, {1}), DType::f32, {1}));
  CHECK(!convert(Tensor::of<float>(DType::f32, {1}, {1}), DType::i32, {1}));
}

TEST_CASE("a missing batch dimension is added if the model's is 1 or symbolic") {
  for (std::int64_t batch : {-1, 1}) {
    auto good = convert(Tensor(DType::f32, {8, 8}), DType::f32, {batch, 8, 8});
    REQUIRE(good);
    CHECK(good->dims() == Dims{1, 8, 8});
  }
  CHECK(!convert(Tensor(DType::f32, {8, 8}), DType::f32, {2, 8, 8}));
  CHECK(!convert(Tensor(DType::f32, {8, 7}), DType::f32, {-1, 8, 8}));
}

TEST_CASE("the help moves the channels of an image, whatever other axes have their size") {
  CHECK(help_for({1, 5, 3, 3}, {-1, 3, -1, -1}) == "convert it with NumPy: x.transpose(0, 3, 1, 2)");
  CHECK(help_for({1, 3, 5, 3}, {-1, 3, 3, 5}) == "convert it with NumPy: x.transpose(0, 3, 1, 2)");
  CHECK(help_for({1, 3, 3, 5}, {-1, 3, 5, 3}) == "convert it with NumPy: x.transpose(0, 2, 3, 1)");
  CHECK(help_for({28, 28, 1}, {-1, 1, -1, -1}) == "convert it with NumPy: np.expand_dims(x, 0).transpose(0, 3, 1, 2)");
  CHECK(help_for({1, 5, 6, 7, 1}, {-1, 1, 5, 6, 7}) == "convert it with NumPy: x.transpose(0, 4, 1, 2, 3)");
}

TEST_CASE("the help is the expression that converts the array") {
  CHECK(help_for({1, 224, 224, 3}, {-1, 3, 224, 224}) == "convert it with NumPy: x.transpose(0, 3, 1, 2)");
  CHECK(help_for({1, 3, 224, 224}, {-1, 224, 224, 3}) == "convert it with NumPy: x.transpose(0, 2, 3, 1)");
  CHECK(help_for({4, 8, 8}, {-1, 1, 8, 8}) == "convert it with NumPy: np.expand_dims(x, 1)");
  CHECK(help_for({4, 1, 8}, {-1, 8}) == "convert it with NumPy: np.squeeze(x, 1)");
  CHECK(help_for({224, 224, 3}, {1, 3, 224, 224}) ==
        "convert it with NumPy: np.expand_dims(x, 0).transpose(0, 3, 1, 2)");
  CHECK(help_for({1, 224, 224, 3}, {-1, 3, 224, 224}, DType::u8) ==
        "convert it with NumPy: x.transpose(0, 3, 1, 2).astype(np.float32)");
  CHECK(help_for({8, 8}, {-1, 1, 8, 8}) == "convert it with NumPy: x.reshape(1, 1, 8, 8)");
  CHECK(help_for({4, 3}, {-1, 2}).empty());
}

TEST_CASE("the rate of sound is that which the model's properties state") {
  test::FakeHost fake;
  auto rate = [&](std::map<std::string, std::string> metadata) {
    return input_options(formats::CsvHeader::automatic, metadata, fake.host).sample_rate;
  };
  CHECK(rate({{"source.property.sample_rate", "16000"}}) == 16000);
  CHECK(rate({{"source.property.sampling_rate", "8000"}}) == 8000);
  CHECK(rate({{"source.property.sample_rate", "16 kHz"}}) == 0);
  CHECK(rate({}) == 0);
}
