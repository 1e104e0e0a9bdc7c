// The JSON of responses, value by value.
#include "serve/formats/json_writer.hpp"

#include "tensor/half.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace modelctl;
using namespace modelctl::serve;

TEST_CASE("numbers are written in the shortest form that reads back") {
  auto tensor = Tensor::of<float>(DType::f32, {2, 2}, {0.1f, 1.0f, 1e-20f, 16777216.0f});
  CHECK(JsonWriter(1000).nested(tensor.view()).done().value() == "[[0.1,1],[1e-20,16777216]]");
}

TEST_CASE("what JSON has no number for is written as the string that is read") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  auto tensor = Tensor::of<float>(DType::f32, {3, 1}, {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity});
  CHECK(JsonWriter(1000).flat(tensor.view()).done().value() == "[\"NaN\",\"Infinity\",\"-Infinity\"]");
}

TEST_CASE("numbers of f16 and bf16 are written as numbers") {
  auto half = Tensor::of<Half>(DType::f16, {3}, {Half(0.5f), Half(-65504.0f), Half(0.1f)});
  CHECK(JsonWriter(1000).flat(half.view()).done().value() == "[0.5,-65504,0.1]");
  auto brain = Tensor::of<BFloat16>(DType::bf16, {1}, {BFloat16(3.0f)});
  CHECK(JsonWriter(1000).flat(brain.view()).done().value() == "[3]");
}

TEST_CASE("a string that is not UTF-8 is replaced in a message and refused in a tensor") {
  CHECK(JsonWriter(1000).string("a\xff\xc3\xa9\xf0\x9f").done().value() ==
        "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"");
  auto done = JsonWriter(1000).flat(Tensor::of_strings({1}, {"\xff"}).view()).done();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == "no-json-form");
}

TEST_CASE("integers, booleans and strings are written as what they are") {
  JsonWriter text(1000);
  text.flat(Tensor::of<std::int64_t>(DType::i64, {2}, {-5, 9'000'000'000'000'000'000}).view());
  text.flat(Tensor::of<bool>(DType::boolean, {2}, {true, false}).view());
  text.flat(Tensor::of_strings({1}, {"a\"b"}).view());
  CHECK(text.done().value() == "[-5,9000000000000000000][true,false][\"a\\\"b\"]");
}

TEST_CASE("a text beyond its limit fails, and takes hardly more memory than the limit") {
  Tensor large(DType::f32, {1000, 1000});
  JsonWriter text(100);
  text.nested(large.view()).flat(large.view()).string(std::string(1000, 'a'));
  auto done = text.done();
  REQUIRE_FALSE(done);
  CHECK(done.error().what == "the response would be larger than the 100 bytes that are allowed");
  CHECK(JsonWriter(12).raw("[").string("a string").raw("]").done().value() == "[\"a string\"]");
  CHECK_FALSE(JsonWriter(11).raw("[").string("a string").raw("]").done());
}
