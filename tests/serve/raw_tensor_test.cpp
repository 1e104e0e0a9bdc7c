// The raw bytes of tensors, as binary extensions of protocols have them.
#include "serve/formats/raw_tensor.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;

namespace {

std::string raw(const Tensor& tensor) {
  std::string bytes;
  REQUIRE(append_raw(bytes, tensor.view()));
  CHECK(bytes.size() == raw_size(tensor.view()));
  return bytes;
}

}  // namespace

TEST_CASE("what is written reads back") {
  Tensor numbers = Tensor::of<std::int64_t>(DType::i64, {2, 1}, {-1, 1LL << 60});
  Tensor strings = Tensor::of_strings({3}, {"a", "", std::string("b\0c", 3)});
  Tensor empty(DType::f32, {0, 4});
  for (const Tensor* tensor : {&numbers, &strings, &empty}) {
    auto back = read_raw(raw(*tensor), tensor->type(), tensor->dims());
    REQUIRE(back);
    CHECK(same(*back, *tensor));
  }
}

TEST_CASE("a string is four bytes of length and its bytes") {
  CHECK(raw(Tensor::of_strings({1}, {"ab"})) == std::string("\x02\0\0\0ab", 6));
}

TEST_CASE("bytes that are not those of the tensor are refused") {
  CHECK_FALSE(read_raw("1234", DType::f32, {2}));
  CHECK_FALSE(read_raw("12345678", DType::f32, {1LL << 62, 4}));
  CHECK_FALSE(read_raw(std::string("\x05\0\0\0ab", 6), DType::string, {1}));
  CHECK_FALSE(read_raw(std::string("\xff\xff\xff\xff", 4), DType::string, {1}));
  CHECK_FALSE(read_raw(std::string("\x01\0\0\0ab", 6), DType::string, {1}));
  CHECK_FALSE(read_raw("", DType::string, {1LL << 40}));
}

TEST_CASE("every byte of a boolean that is not zero is true") {
  auto read = read_raw(std::string("\x00\x02", 2), DType::boolean, {2});
  REQUIRE(read);
  CHECK(raw(*read) == std::string("\x00\x01", 2));
}
