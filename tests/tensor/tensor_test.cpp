// Tensors, their sizes and their shared memory.
#include "tensor/tensor.hpp"

#include "tensor/attributes.hpp"
#include "tensor/dispatch.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace modelctl;

TEST_CASE("an element type is named as it is parsed") {
  for (int number = 1; number < 80; ++number) {
    auto type = static_cast<DType>(number);
    if (name(type) == "undefined") continue;
    CHECK(dtype_from_name(name(type)) == type);
  }
  CHECK(!dtype_from_name("undefined"));
  CHECK(!dtype_from_name("float"));
  CHECK(!dtype_from_name(""));
}

TEST_CASE("bool is neither a float nor an integer, and strings have no size") {
  CHECK(!is_float(DType::boolean));
  CHECK(!is_integer(DType::boolean));
  CHECK(is_integer(DType::u4));
  CHECK(is_float(DType::bf16));
  CHECK(bits(DType::string) == 0);
  CHECK(bits(DType::i2) == 2);
}

TEST_CASE("an element count is refused if a dimension is negative or the product overflows") {
  CHECK(element_count(Dims{}) == 1);
  CHECK(element_count(Dims{2, 3, 4}) == 24);
  CHECK(element_count(Dims{2, 0, 4}) == 0);
  CHECK(!element_count(Dims{2, -1}));
  CHECK(!element_count(Dims{std::int64_t{1} << 32, std::int64_t{1} << 32}));
  CHECK(!element_count(Dims{0, std::int64_t{1} << 62, 4}));
  CHECK(element_count(Dims{std::int64_t{1} << 62}) == std::int64_t{1} << 62);
}

TEST_CASE("a byte size is refused if it overflows, and packs what is less than a byte") {
  CHECK(byte_size(DType::f32, Dims{3}) == 12);
  CHECK(byte_size(DType::u4, Dims{3}) == 2);
  CHECK(byte_size(DType::i2, Dims{5}) == 2);
  CHECK(byte_size(DType::c128, Dims{2}) == 32);
  CHECK(!byte_size(DType::f32, Dims{std::int64_t{1} << 62}));
  CHECK(!byte_size(DType::u16, Dims{(std::int64_t{1} << 61) + 1}));
  CHECK(byte_size(DType::u16, Dims{std::int64_t{1} << 61}) == std::uint64_t{1} << 62);
}

TEST_CASE("the most elements of less than a byte have a size that is not 0") {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  for (DType type : {DType::u4, DType::i4, DType::f4e2m1}) {
    CHECK(byte_size(type, Dims{most}) == std::uint64_t{1} << 61);
    CHECK(byte_size(type, Dims{most - 1}) == std::uint64_t{1} << 61);
    CHECK(byte_size(type, Dims{std::int64_t{1} << 31, std::int64_t{1} << 31}) == std::uint64_t{1} << 61);
  }
  for (DType type : {DType::u2, DType::i2}) CHECK(byte_size(type, Dims{most}) == std::uint64_t{1} << 60);
}

TEST_CASE("a tensor is described by its type and dimensions") {
  CHECK(describe(DType::f32, Dims{1, 3}) == "f32[1,3]");
  CHECK(describe(DType::i64, Dims{}) == "i64[]");
}

TEST_CASE("a new tensor is zero, and aligned to a cache line") {
  Tensor tensor(DType::f32, {5, 3});
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.view().data) % 64 == 0);
  for (float value : tensor.as<float>()) CHECK(value == 0);
  CHECK(tensor.bytes().size() == 60);
}

TEST_CASE("a tensor of strings has empty strings, and none if a dimension is 0") {
  Tensor tensor(DType::string, {2});
  CHECK(tensor.as<std::string>()[1].empty());
  CHECK(Tensor(DType::string, {0}).elements() == 0);
}

TEST_CASE("a copy and a reshape share their memory, which lives as long as either") {
  Tensor tensor = Tensor::of<float>(DType::f32, {2, 2}, {1, 2, 3, 4});
  Tensor flat = tensor.reshaped({4});
  const void* data = tensor.view().data;
  tensor = Tensor();
  CHECK(!tensor.present());
  CHECK(flat.view().data == data);
  CHECK(flat.as<float>()[3] == 4);
}

TEST_CASE("tensors are the same if type, dimensions and bytes are") {
  Tensor a = Tensor::of<float>(DType::f32, {2}, {1, 2});
  CHECK(same(a, Tensor::of<float>(DType::f32, {2}, {1, 2})));
  CHECK(!same(a, a.reshaped({1, 2})));
  CHECK(!same(a, Tensor::of<float>(DType::f32, {2}, {1, 3})));
  CHECK(!same(Tensor::of<float>(DType::f32, {1}, {0.0f}), Tensor::of<float>(DType::f32, {1}, {-0.0f})));
  CHECK(same(Tensor::of_strings({1}, {"a"}), Tensor::of_strings({1}, {"a"})));
  CHECK(!same(Tensor::of_strings({1}, {"a"}), Tensor::of_strings({1}, {"b"})));
  CHECK(same(Tensor(DType::f32, {0}), Tensor(DType::f32, {0})));
  CHECK(same(Tensor(), Tensor()));
}

TEST_CASE("attributes are found by name, kept sorted, and give their default if absent") {
  Attributes attributes{{"strides", std::vector<std::int64_t>{2, 2}}, {"alpha", 0.5f}, {"mode", std::string("linear")}};
  attributes.set("axis", std::int64_t{-1});
  attributes.set("alpha", 0.25f);
  CHECK(attributes.begin()->first == "alpha");
  CHECK(attributes.size() == 4);
  CHECK(attributes.number("alpha") == 0.25f);
  CHECK(attributes.integer("axis") == -1);
  CHECK(attributes.integer("keepdims", 1) == 1);
  CHECK(attributes.text("mode") == "linear");
  CHECK(attributes.integers("strides") == std::vector<std::int64_t>{2, 2});
  CHECK(attributes.integers("pads").empty());
  CHECK(attributes.tensor("value") == nullptr);
  attributes.erase("mode");
  CHECK(!attributes.has("mode"));
}

TEST_CASE("dispatch calls the body for the matching type, and reports if there is none") {
  std::size_t size = 0;
  auto body = [&]<class T>() { size = sizeof(T); };
  CHECK(with_type<Numbers>(DType::f64, body));
  CHECK(size == 8);
  CHECK(with_type<Floats>(DType::bf16, body));
  CHECK(size == 2);
  CHECK(!with_type<Floats>(DType::i32, body));
  CHECK(!with_type<Numbers>(DType::boolean, body));
  CHECK(with_type<NumbersBoolAndString>(DType::string, body));
  CHECK(size == sizeof(std::string));
}
