// JSON tensors of requests and responses.
#include "serve/json.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace modelctl;
using namespace modelctl::serve;

namespace {

Result<Tensor> read(std::string_view text, DType type, const std::optional<Dims>& shape = std::nullopt) {
  auto document = TRY(JsonDocument::parse(text));
  return tensor_from_json(document.root(), type, shape, "the input 'x'");
}

std::string fault(std::string_view text, DType type, const std::optional<Dims>& shape = std::nullopt) {
  auto tensor = read(text, type, shape);
  if (tensor) return "";
  return tensor.error().what + (tensor.error().why.empty() ? "" : ": " + tensor.error().why.front());
}

}  // namespace

TEST_CASE("nested lists give a tensor its dimensions") {
  auto tensor = read("[[1, 2.5, -3e2], [4, 5, 6]]", DType::f32);
  REQUIRE(tensor);
  CHECK(tensor->dims() == Dims{2, 3});
  CHECK(tensor->as<float>()[2] == -300.0f);
}

TEST_CASE("a flat list takes the shape that is given") {
  auto tensor = read("[1, 2, 3, 4]", DType::i64, Dims{2, 2});
  REQUIRE(tensor);
  CHECK(tensor->dims() == Dims{2, 2});
}

TEST_CASE("an empty list is an empty tensor") {
  auto tensor = read("[[], []]", DType::f32);
  REQUIRE(tensor);
  CHECK(tensor->dims() == Dims{2, 0});
}

TEST_CASE("strings and booleans are read as what they are") {
  CHECK(read("[\"a\", \"b\"]", DType::string)->as<std::string>()[1] == "b");
  CHECK(read("[true, false]", DType::boolean)->as<bool>()[0]);
}

TEST_CASE("what does not fit a tensor is refused with its reason") {
  CHECK(fault("[[1, 2], [3]]", DType::f32) ==
        "cannot read the input 'x': the lists are ragged: one of 2 elements was expected");
  CHECK(fault("[1, [2]]", DType::f32) ==
        "cannot read the input 'x': the lists are ragged: some nest deeper than others");
  CHECK(fault("[1.5]", DType::i64) == "cannot read the input 'x': '1.5E0' is no i64");
  CHECK(fault("[300]", DType::u8) == "cannot read the input 'x': '300' is no u8");
  CHECK(fault("[\"a\"]", DType::f32) == "cannot read the input 'x': '\"a\"' is no f32");
  CHECK(fault("[1, 2, 3]", DType::f32, Dims{2, 2}) ==
        "cannot read the input 'x': the data is f32[3] but its shape says f32[2,2]");
  CHECK(fault("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", DType::f32) ==
        "cannot read the input 'x': it nests deeper than 16 lists");
}

TEST_CASE("a document that is no JSON is refused with the place") {
  CHECK(fault("{\"a\": }", DType::f32) == "cannot read the body as JSON: at byte 6: syntax error");
  CHECK(fault("[1] 2", DType::f32) == "cannot read the body as JSON: at byte 4: extra data");
  CHECK(fault("[1", DType::f32) == "cannot read the body as JSON: at byte 2: incomplete JSON");
  CHECK(fault("", DType::f32) == "cannot read the body as JSON: at byte 0: incomplete JSON");
}

TEST_CASE("a document that nests too deep is refused") {
  CHECK(fault(std::string(100, '['), DType::f32) == "cannot read the body as JSON: at byte 32: too deep");
}

TEST_CASE("numbers are written in the shortest form that reads back") {
  auto tensor = Tensor::of<float>(DType::f32, {2, 2}, {0.1f, 1.0f, 1e-20f, 16777216.0f});
  CHECK(JsonText(1000).nested(tensor.view()).done().value() == "[[0.1,1],[1e-20,16777216]]");
}

TEST_CASE("what JSON cannot say is written as null") {
  auto tensor = Tensor::of<float>(DType::f32, {2, 1},
                                  {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()});
  CHECK(JsonText(1000).flat(tensor.view()).done().value() == "[null,null]");
}

TEST_CASE("integers, booleans and strings are written as what they are") {
  JsonText text(1000);
  text.flat(Tensor::of<std::int64_t>(DType::i64, {2}, {-5, 9'000'000'000'000'000'000}).view());
  text.flat(Tensor::of<bool>(DType::boolean, {2}, {true, false}).view());
  text.flat(Tensor::of_strings({1}, {"a\"b"}).view());
  CHECK(text.done().value() == "[-5,9000000000000000000][true,false][\"a\\\"b\"]");
}

TEST_CASE("a text beyond its limit fails, and takes hardly more memory than the limit") {
  Tensor large(DType::f32, {1000, 1000});
  JsonText text(100);
  text.nested(large.view()).flat(large.view()).string(std::string(1000, 'a'));
  auto done = text.done();
  REQUIRE_FALSE(done);
  CHECK(done.error().what == "the response would be larger than the 100 bytes that are allowed");
  CHECK(JsonText(12).raw("[").string("a string").raw("]").done().value() == "[\"a string\"]");
  CHECK_FALSE(JsonText(11).raw("[").string("a string").raw("]").done());
}
