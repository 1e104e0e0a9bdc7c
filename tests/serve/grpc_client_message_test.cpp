// What a client writes and reads of the Open Inference Protocol, against protobuf's own classes.
#include "serve/grpc/client_message.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include "inference.pb.h"

using namespace modelctl;
using namespace modelctl::serve;
using google::protobuf::TextFormat;

namespace {

template <class Message>
std::string bytes_of(const std::string& text) {
  Message message;
  REQUIRE(TextFormat::ParseFromString(text, &message));
  return message.SerializeAsString();
}

Result<InferResponse> response_of(const std::string& text) {
  return read_infer_response(bytes_of<inference::ModelInferResponse>(text));
}

std::string reason(const Error& error) {
  CHECK(error.kind == Kind::protocol);
  CHECK(error.code == "bad-response");
  return error.why.empty() ? "" : error.why[0];
}

}  // namespace

TEST_CASE("a request names the model and has raw contents in the order of its inputs") {
  std::vector<formats::NamedTensor> inputs{
      {"ids", Tensor::of<std::int64_t>(DType::i64, {2}, {1, -1})},
      {"text", Tensor::of_strings({1, 2}, {"a", ""})},
      {"scalar", Tensor::of<float>(DType::f32, {}, {1})},
      {"nothing", Tensor(DType::f32, {0, 3})},
  };
  inference::ModelInferRequest request, expected;
  REQUIRE(request.ParseFromString(write_infer_request({"m", "2", ""}, inputs).value()));
  REQUIRE(TextFormat::ParseFromString(
      "model_name: 'm' model_version: '2' inputs { name: 'ids' datatype: 'INT64' shape: 2 } "
      "inputs { name: 'text' datatype: 'BYTES' shape: [1, 2] } inputs { name: 'scalar' datatype: 'FP32' } "
      "inputs { name: 'nothing' datatype: 'FP32' shape: [0, 3] }",
      &expected));
  expected.add_raw_input_contents(std::string("\1", 1) + std::string(7, '\0') + std::string(8, '\xff'));
  expected.add_raw_input_contents(std::string("\1\0\0\0a\0\0\0\0", 9));
  expected.add_raw_input_contents(std::string("\0\0\x80\x3f", 4));
  expected.add_raw_input_contents("");
  CHECK(request.SerializeAsString() == expected.SerializeAsString());
}

TEST_CASE("a response is read with raw and with typed contents") {
  std::string head =
      "model_name: 'm' model_version: '3' outputs { name: 'a' datatype: 'INT64' shape: 2 %s } "
      "outputs { name: 'b' datatype: 'BYTES' %s }";
  auto fill = [](std::string text, const std::string& first, const std::string& second) {
    text.replace(text.find("%s"), 2, first);
    text.replace(text.find("%s"), 2, second);
    return text;
  };
  std::string typed = fill(head, "contents { int64_contents: [5, -6] }", "contents { bytes_contents: 'x' }");
  std::string raw = fill(head, "", "") +
                    " raw_output_contents: '\\005\\0\\0\\0\\0\\0\\0\\0\\372\\377\\377\\377\\377\\377\\377\\377' "
                    "raw_output_contents: '\\001\\0\\0\\0x'";
  for (const std::string& text : {typed, raw}) {
    CAPTURE(text);
    auto response = response_of(text);
    REQUIRE(response);
    CHECK(response->model == "m");
    CHECK(response->version == "3");
    REQUIRE(response->outputs.size() == 2);
    CHECK(response->outputs[0].name == "a");
    CHECK(same(response->outputs[0].tensor, Tensor::of<std::int64_t>(DType::i64, {2}, {5, -6})));
    CHECK(same(response->outputs[1].tensor, Tensor::of_strings({}, {"x"})));
  }
}

TEST_CASE("a response whose contents are not those of its shapes and types is refused") {
  auto reason_of = [](const std::string& text) { return reason(response_of(text).error()); };
  CHECK(reason_of("outputs { name: 'a' datatype: 'FP7' }") == "the output 'a' has no known type or shape");
  CHECK(reason_of("outputs { name: 'a' datatype: 'FP32' shape: -1 }") == "the output 'a' has no known type or shape");
  CHECK(reason_of("outputs { name: 'a' datatype: 'FP32' shape: 2 } raw_output_contents: 'abc'") ==
        "the output 'a': its binary data cannot be read: 3 bytes are not f32[2]");
  CHECK(reason_of("outputs { name: 'a' datatype: 'FP32' shape: 4611686018427387904 contents { fp32_contents: 1 } }") ==
        "the output 'a': its contents are not f32[4611686018427387904]");
  CHECK(reason_of("outputs { name: 'a' datatype: 'FP32' shape: 1 contents { fp32_contents: 1 } } "
                  "raw_output_contents: 'abcd' raw_output_contents: 'abcd'") == "it has 1 outputs and 2 raw contents");
  CHECK(reason(read_infer_response("\x2a\x7f").error()).starts_with("cannot read the response"));
}

TEST_CASE("the description of a model says what inputs are made from if the server does") {
  auto model = read_metadata_response(bytes_of<inference::ModelMetadataResponse>(
      "name: 'm' inputs { name: 'x' datatype: 'BYTES' shape: -1 parameters { key: 'content' value { string_param: "
      "'image' } } parameters { key: 'description' value { string_param: 'a photo' } } } "
      "inputs { name: 'y' datatype: 'INT32' shape: [2, 3] parameters { key: 'content' value { int64_param: 3 } } } "
      "outputs { name: 'z' datatype: 'FP64' }"));
  REQUIRE(model);
  REQUIRE(model->inputs.size() == 2);
  CHECK(model->inputs[0].name == "x");
  CHECK(model->inputs[0].type == DType::string);
  CHECK(model->inputs[0].dims == Dims{-1});
  CHECK(model->inputs[0].content == "image");
  CHECK(model->inputs[1].dims == Dims{2, 3});
  CHECK(model->inputs[1].content.empty());
  REQUIRE(model->outputs.size() == 1);
  CHECK(model->outputs[0].type == DType::f64);
  auto unknown = read_metadata_response(
      bytes_of<inference::ModelMetadataResponse>("inputs { name: 'x' datatype: 'DATE' shape: 1 }"));
  CHECK(reason(unknown.error()) == "'x' has the unknown type 'DATE'");
}

TEST_CASE("the models that are ready are listed once, whatever their versions") {
  auto names = read_index_response(bytes_of<inference::RepositoryIndexResponse>(
      "models { name: 'a' version: '1' state: 'READY' } models { name: 'a' version: '2' state: 'READY' } "
      "models { name: 'b' state: 'UNAVAILABLE' } models { name: 'c' } models { name: 'd' state: 'State.READY' }"));
  REQUIRE(names);
  CHECK(*names == std::vector<std::string>{"a", "c", "d"});
  inference::RepositoryIndexRequest request;
  REQUIRE(request.ParseFromString(write_index_request()));
  CHECK(request.ready());
}
