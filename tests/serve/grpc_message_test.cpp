// ModelInferRequest and ModelInferResponse against protobuf's own classes.
#include "serve/grpc/infer_message.hpp"

#include "serve/models.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include "inference.pb.h"

using namespace modelctl;
using namespace modelctl::serve;
using google::protobuf::TextFormat;
using test::PlanMaker;

namespace {

// x[2,2] -> y[2,2] of a type.
std::shared_ptr<LoadedModel> model_of(const Service& service, DType type) {
  PlanMaker maker;
  auto x = maker.input("x", type, {"n", 2}), y = maker.like("y", x);
  maker.step("op:test:Twice", {x}, {y});
  maker.output("y", y);
  auto model = runtime::Model::load(maker.artifact().value(), test::rows, kernels::Cpu{});
  REQUIRE(model);
  return service.prepare(*model, {"m", "1", "", "", {}});
}

std::string request_text(std::string_view datatype, const std::string& contents) {
  return "model_name: 'm' id: '7' inputs { name: 'x' datatype: '" + std::string(datatype) +
         "' shape: [2, 2] contents { " + contents + " } }";
}

std::string bytes_of(const std::string& text) {
  inference::ModelInferRequest request;
  REQUIRE(TextFormat::ParseFromString(text, &request));
  return request.SerializeAsString();
}

Result<InferRequest> read(const LoadedModel& model, const std::string& text) {
  return read_infer_request(bytes_of(text), model);
}

struct Case {
  DType type;
  const char *datatype, *contents;
  std::string raw;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {DType::boolean, "BOOL", "bool_contents: [true, false, true, true]", std::string("\1\0\1\1", 4)},
      {DType::i8, "INT8", "int_contents: [1, -1, 127, -128]", "\x01\xff\x7f\x80"},
      {DType::u8, "UINT8", "uint_contents: [1, 2, 127, 255]", "\x01\x02\x7f\xff"},
      {DType::i16, "INT16", "int_contents: [1, -1, 2, -32768]", std::string("\1\0\xff\xff\2\0\0\x80", 8)},
      {DType::u16, "UINT16", "uint_contents: [1, 2, 3, 65535]", std::string("\1\0\2\0\3\0\xff\xff", 8)},
      {DType::i32, "INT32", "int_contents: [1, 2, 3, -2]", std::string("\1\0\0\0\2\0\0\0\3\0\0\0\xfe\xff\xff\xff", 16)},
      {DType::u32, "UINT32", "uint_contents: [1, 2, 3, 4294967295]",
       std::string("\1\0\0\0\2\0\0\0\3\0\0\0\xff\xff\xff\xff", 16)},
      {DType::i64, "INT64", "int64_contents: [1, 0, 0, -1]",
       std::string("\1", 1) + std::string(23, '\0') + std::string(8, '\xff')},
      {DType::u64, "UINT64", "uint64_contents: [1, 0, 0, 18446744073709551615]",
       std::string("\1", 1) + std::string(23, '\0') + std::string(8, '\xff')},
      {DType::f32, "FP32", "fp32_contents: [1, 0, 0, 0]", std::string("\0\0\x80\x3f", 4) + std::string(12, '\0')},
      {DType::f64, "FP64", "fp64_contents: [1, 0, 0, 0]",
       std::string("\0\0\0\0\0\0\xf0\x3f", 8) + std::string(24, '\0')},
      {DType::string, "BYTES", "bytes_contents: ['a', '', 'bc', '\\377']",
       std::string("\1\0\0\0a\0\0\0\0\2\0\0\0bc\1\0\0\0\xff", 20)},
  };
  return all;
}

}  // namespace

TEST_CASE("each type is read and written in its typed and in its raw form") {
  Service service;
  for (const Case& each : cases()) {
    CAPTURE(each.datatype);
    auto model = model_of(service, each.type);
    auto typed = read(*model, request_text(each.datatype, each.contents));
    REQUIRE(typed);
    CHECK(!typed->raw);
    inference::ModelInferRequest request;
    REQUIRE(request.ParseFromString(bytes_of(request_text(each.datatype, ""))));
    request.mutable_inputs(0)->clear_contents();
    request.add_raw_input_contents(each.raw);
    auto raw = read_infer_request(request.SerializeAsString(), *model);
    REQUIRE(raw);
    CHECK(raw->raw);
    REQUIRE(typed->inputs.size() == 1);
    CHECK(same(typed->inputs[0], raw->inputs[0]));

    inference::ModelInferResponse response, expected;
    REQUIRE(response.ParseFromString(write_infer_response(*typed, *model, typed->inputs).value()));
    std::string head = "model_name: 'm' model_version: '1' id: '7' outputs { name: 'y' datatype: '" +
                       std::string(each.datatype) + "' shape: [2, 2]";
    REQUIRE(TextFormat::ParseFromString(head + " contents { " + each.contents + " } }", &expected));
    CHECK(response.SerializeAsString() == expected.SerializeAsString());
    REQUIRE(response.ParseFromString(write_infer_response(*raw, *model, raw->inputs).value()));
    REQUIRE(TextFormat::ParseFromString(head + " }", &expected));
    expected.add_raw_output_contents(each.raw);
    CHECK(response.SerializeAsString() == expected.SerializeAsString());
  }
}

TEST_CASE("half floats have raw contents only, and their response is raw") {
  Service service;
  for (DType type : {DType::f16, DType::bf16}) {
    std::string datatype = type == DType::f16 ? "FP16" : "BF16";
    auto model = model_of(service, type);
    auto typed = read(*model, request_text(datatype, "fp32_contents: [1, 2, 3, 4]"));
    REQUIRE(!typed);
    CHECK(typed.error().what == "cannot read the input 'x': '" + datatype + "' has raw contents only");
    InferRequest request;
    request.outputs = {0};
    request.raw = false;
    inference::ModelInferResponse response;
    std::vector<Tensor> outputs{Tensor(type, {1, 2})};
    REQUIRE(response.ParseFromString(write_infer_response(request, *model, outputs).value()));
    REQUIRE(response.raw_output_contents_size() == 1);
    CHECK(response.raw_output_contents(0) == std::string(4, '\0'));
  }
}

TEST_CASE("contents that are not those of the shape and the type are refused") {
  Service service;
  auto fails = [&](DType type, const char* datatype, const char* contents) {
    auto model = model_of(service, type);
    auto request = read(*model, request_text(datatype, contents));
    REQUIRE(!request);
    CHECK(request.error().kind == Kind::bad_input);
  };
  fails(DType::f32, "FP32", "fp32_contents: [1, 2, 3]");
  fails(DType::f32, "FP32", "fp32_contents: [1, 2, 3, 4, 5]");
  fails(DType::f32, "FP32", "fp64_contents: [1, 2, 3, 4]");
  fails(DType::f32, "FP32", "fp32_contents: [1, 2, 3, 4] int_contents: 1");
  fails(DType::i8, "INT8", "int_contents: [1, 2, 3, 128]");
  fails(DType::u16, "UINT16", "uint_contents: [1, 2, 3, 65536]");
  fails(DType::string, "BYTES", "bytes_contents: ['a', 'b', 'c']");
}

TEST_CASE("numbers that are not packed are read, too") {
  Service service;
  auto model = model_of(service, DType::i64);
  // InferTensorContents with int64_contents: a tag of its own for each number.
  std::string contents("\x18\x05\x18\x06\x18\x07\x18\x08", 8);
  std::string input("\x0a\x01x\x12\x05INT64\x18\x02\x18\x02", 14);
  input += "\x2a\x08" + contents;
  std::string message("\x2a", 1);
  message += static_cast<char>(input.size());
  auto request = read_infer_request(message + input, *model);
  REQUIRE(request);
  auto numbers = request->inputs[0].as<std::int64_t>();
  CHECK(std::vector<std::int64_t>(numbers.begin(), numbers.end()) == std::vector<std::int64_t>{5, 6, 7, 8});
}

TEST_CASE("more tensors or dimensions than any model has are refused before they take memory") {
  Service service;
  auto model = model_of(service, DType::f32);
  std::string inputs;
  for (int i = 0; i < 20'000; ++i) inputs += std::string("\x2a\x00", 2);
  auto request = read_infer_request(inputs, *model);
  REQUIRE(!request);
  CHECK(request.error().what == "the request has more than 10000 tensors");
  std::string shape = "inputs { name: 'x' datatype: 'FP32' ";
  for (int i = 0; i < 17; ++i) shape += "shape: 1 ";
  auto deep = read(*model, shape + "}");
  REQUIRE(!deep);
  CHECK(deep.error().what == "an input has more than 16 dimensions");
}

TEST_CASE("tensors in shared memory are not supported") {
  Service service;
  auto model = model_of(service, DType::f32);
  auto request =
      read(*model,
           "inputs { name: 'x' datatype: 'FP32' shape: [1, 2] parameters { key: 'shared_memory_region' value "
           "{ string_param: 'r' } } }");
  REQUIRE(!request);
  CHECK(request.error().kind == Kind::unsupported);
}

TEST_CASE("the head of a request is read wherever its fields are") {
  std::string message = "\x3a\x03raw";  // raw_input_contents, first
  inference::ModelInferRequest request;
  request.set_model_name("m");
  request.set_model_version("1");
  request.set_id("7");
  message += request.SerializeAsString();
  google::protobuf::io::ArrayInputStream pieces(message.data(), static_cast<int>(message.size()), 3);
  auto head = read_request_head(pieces);
  REQUIRE(head);
  CHECK(head->selector.model == "m");
  CHECK(head->selector.version == "1");
  CHECK(head->id == "7");
}
