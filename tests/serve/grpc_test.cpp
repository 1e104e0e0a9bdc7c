// The gRPC server in the test's process, with gRPC's own client.
#include "base/files.hpp"
#include "serve/grpc_client.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "health.pb.h"
#include "reflection.pb.h"

using namespace modelctl;
using namespace modelctl::serve;
using grpc::StatusCode;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using test::gate;
using test::open_stream;
using test::raw_floats;
using test::RunningGrpc;
using test::twice_request;
using Floats = std::vector<float>;

namespace {

constexpr const char* infer_path = "/inference.GRPCInferenceService/ModelInfer";
constexpr const char* stream_path = "/inference.GRPCInferenceService/ModelStreamInfer";

void after(std::chrono::milliseconds time, grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + time);
}

// Until nothing waits or runs any more.
void wait_until_idle(const Service& service) {
  while (service.pending() > 0) std::this_thread::yield();
}
void wait_until_busy(const Service& service, std::size_t count) {
  while (service.pending() < count) std::this_thread::yield();
}

}  // namespace

TEST_CASE("raw contents are answered with raw contents") {
  RunningGrpc running;
  auto request = twice_request({1, 2, 3, 4.5});
  request.set_id("42");
  ModelInferResponse response;
  REQUIRE(running.infer(request, response).ok());
  CHECK(response.model_name() == "twice");
  CHECK(response.model_version() == "7");
  CHECK(response.id() == "42");
  REQUIRE(response.outputs_size() == 1);
  CHECK(response.outputs(0).name() == "y");
  CHECK(response.outputs(0).datatype() == "FP32");
  CHECK(std::vector<std::int64_t>(response.outputs(0).shape().begin(), response.outputs(0).shape().end()) ==
        std::vector<std::int64_t>{2, 2});
  CHECK(raw_floats(response) == Floats{2, 4, 6, 9});
}

TEST_CASE("typed contents are answered with typed contents") {
  RunningGrpc running;
  auto request = twice_request({0, 0});
  request.clear_raw_input_contents();
  for (float value : {1.f, 2.f}) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(value);
  ModelInferResponse response;
  REQUIRE(running.infer(request, response).ok());
  CHECK(response.raw_output_contents_size() == 0);
  const auto& contents = response.outputs(0).contents().fp32_contents();
  CHECK(Floats(contents.begin(), contents.end()) == Floats{2, 4});
}

TEST_CASE("the server and its models are described as REST describes them") {
  RunningGrpc running;
  inference::ServerMetadataResponse server;
  REQUIRE(
      running.call("/inference.GRPCInferenceService/ServerMetadata", inference::ServerMetadataRequest(), server).ok());
  CHECK(server.name() == "modelctl");
  inference::ModelMetadataRequest request;
  request.set_name("twice");
  inference::ModelMetadataResponse model;
  REQUIRE(running.call("/inference.GRPCInferenceService/ModelMetadata", request, model).ok());
  CHECK(model.ShortDebugString() ==
        "name: \"twice\" versions: \"7\" platform: \"modelctl_native\" inputs { name: \"x\" datatype: \"FP32\" "
        "shape: -1 shape: 2 } outputs { name: \"y\" datatype: \"FP32\" shape: -1 shape: 2 }");
  request.set_version("8");
  auto status = running.call("/inference.GRPCInferenceService/ModelMetadata", request, model);
  CHECK(status.error_code() == StatusCode::NOT_FOUND);
  CHECK(status.error_message() == "there is no version '8' of 'twice' here; there is '7'");
}

TEST_CASE("a server with no model yet is live and not ready, for clients and for health checks") {
  RunningGrpc running({}, false);
  auto ready = [&] {
    inference::ServerReadyResponse response;
    REQUIRE(
        running.call("/inference.GRPCInferenceService/ServerReady", inference::ServerReadyRequest(), response).ok());
    return response.ready();
  };
  auto health = [&](const std::string& name) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    grpc::health::v1::HealthCheckResponse response;
    auto status = running.call("/grpc.health.v1.Health/Check", request, response);
    return status.ok() ? static_cast<int>(response.status()) : -static_cast<int>(status.error_code());
  };
  inference::ServerLiveResponse live;
  REQUIRE(running.call("/inference.GRPCInferenceService/ServerLive", inference::ServerLiveRequest(), live).ok());
  CHECK(live.live());
  CHECK(!ready());
  CHECK(health("") == grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  ModelInferResponse response;
  CHECK(running.infer(twice_request({1, 2}), response).error_code() == StatusCode::UNAVAILABLE);
  REQUIRE(running.service.registry.publish(twice_model(running.scratch, running.service)));
  CHECK(ready());
  CHECK(health("") == grpc::health::v1::HealthCheckResponse::SERVING);
  CHECK(health("inference.GRPCInferenceService") == grpc::health::v1::HealthCheckResponse::SERVING);
  CHECK(health("other") == -StatusCode::NOT_FOUND);
}

TEST_CASE("a watcher of the health service gets every change") {
  RunningGrpc running({}, false);
  grpc::ClientContext context;
  using Stream = grpc::health::v1::HealthCheckResponse;
  auto stream = open_stream<grpc::health::v1::HealthCheckRequest, Stream>(*running.channel,
                                                                          "/grpc.health.v1.Health/Watch", context);
  REQUIRE(stream->Write({}));
  Stream now;
  REQUIRE(stream->Read(&now));
  CHECK(now.status() == Stream::NOT_SERVING);
  REQUIRE(running.service.registry.publish(twice_model(running.scratch, running.service)));
  REQUIRE(stream->Read(&now));
  CHECK(now.status() == Stream::SERVING);
  std::thread draining([&] { running.server->drain(std::chrono::milliseconds(0)); });
  REQUIRE(stream->Read(&now));
  CHECK(now.status() == Stream::NOT_SERVING);
  CHECK(!stream->Read(&now));
  CHECK(stream->Finish().error_code() == StatusCode::UNAVAILABLE);
  draining.join();
}

TEST_CASE("each failure has the status of its kind, and the message that REST has") {
  RunningGrpc running;
  ModelInferResponse response;
  auto fails = [&](auto change, StatusCode code, const std::string& message) {
    auto request = twice_request({1, 2});
    change(request);
    auto status = running.infer(request, response);
    CHECK(status.error_code() == code);
    CHECK(status.error_message() == message);
  };
  fails([](auto& request) { request.set_model_name("other"); }, StatusCode::NOT_FOUND,
        "there is no model 'other' here; there is 'twice'");
  fails([](auto& request) { request.mutable_inputs(0)->set_name("z"); }, StatusCode::INVALID_ARGUMENT,
        "the model has no input 'z'; it has 'x'");
  fails([](auto& request) { request.clear_inputs(), request.clear_raw_input_contents(); }, StatusCode::INVALID_ARGUMENT,
        "the input 'x' is missing");
  fails([](auto& request) { request.mutable_inputs(0)->set_datatype("INT64"); }, StatusCode::INVALID_ARGUMENT,
        "cannot read the input 'x': its datatype is 'INT64' but the model takes 'FP32'");
  fails([](auto& request) { request.mutable_inputs(0)->set_shape(0, 2); }, StatusCode::INVALID_ARGUMENT,
        "cannot read the input 'x': its binary data cannot be read: 8 bytes are not f32[2,2]");
  fails([](auto& request) { request.mutable_inputs(0)->set_shape(0, -1); }, StatusCode::INVALID_ARGUMENT,
        "cannot read the input 'x': its binary data cannot be read: 8 bytes are not f32[-1,2]");
  fails([](auto& request) { request.add_raw_input_contents("more"); }, StatusCode::INVALID_ARGUMENT,
        "the request has 1 inputs and 2 raw contents");
  fails([](auto& request) { request.add_outputs()->set_name("z"); }, StatusCode::INVALID_ARGUMENT,
        "the model has no output 'z'; it has 'y'");
  fails(
      [](auto& request) {
        request = twice_request({-1, 2});
      },
      StatusCode::INTERNAL, "the operator met a negative number");
  fails(
      [](auto& request) {
        request = twice_request({-2, 2});
      },
      StatusCode::UNAVAILABLE, "cannot run the model: the machine has not enough memory");
}

TEST_CASE("a method that does not exist is unimplemented") {
  RunningGrpc running;
  inference::ServerLiveResponse response;
  auto status = running.call("/inference.GRPCInferenceService/Nothing", inference::ServerLiveRequest(), response);
  CHECK(status.error_code() == StatusCode::UNIMPLEMENTED);
}

TEST_CASE("bytes that are not a message are an invalid argument") {
  RunningGrpc running;
  for (const char* path : {infer_path, "/inference.GRPCInferenceService/ModelMetadata"}) {
    for (std::string bytes : {"\xff\xff\xff", "\x2a\x05x", "\x0a\xff\xff\xff\xff\x0f"}) {
      grpc::Slice slice(bytes);
      grpc::ByteBuffer request(&slice, 1), response;
      CHECK(running.call(path, request, response).error_code() == StatusCode::INVALID_ARGUMENT);
    }
  }
}

TEST_CASE("a message that is too large is refused, and the next one is served") {
  Settings settings;
  settings.max_body = 1000;
  RunningGrpc running(settings);
  ModelInferResponse response;
  CHECK(running.infer(twice_request(Floats(1000)), response).error_code() == StatusCode::RESOURCE_EXHAUSTED);
  CHECK(running.infer(twice_request({1, 2}), response).ok());
}

TEST_CASE("a message for which the memory of all requests does not suffice is to be tried again") {
  Settings settings;
  settings.max_body = settings.max_buffered = 1 << 20;
  RunningGrpc running(settings);
  REQUIRE(running.service.memory.take(settings.max_buffered));
  ModelInferResponse response;
  CHECK(running.infer(twice_request(Floats(100'000)), response).error_code() == StatusCode::UNAVAILABLE);
  CHECK(running.infer(twice_request({1, 2}), response).ok());
  running.service.memory.give_back(settings.max_buffered);
  CHECK(running.infer(twice_request(Floats(100'000)), response).ok());
  while (running.service.memory.taken() > 0) std::this_thread::yield();  // until the server knows that it was taken
}

TEST_CASE("a response that is larger than allowed is refused") {
  Settings settings;
  settings.max_response = 1000;
  RunningGrpc running(settings);
  ModelInferResponse response;
  auto status = running.infer(twice_request(Floats(1000)), response);
  CHECK(status.error_code() == StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message() == "the response would be larger than the 1000 bytes that are allowed");
}

TEST_CASE("a compressed message is refused before it is inflated") {
  RunningGrpc running;
  ModelInferResponse response;
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  CHECK(running.infer(twice_request(Floats(10'000)), response, context).error_code() == StatusCode::UNIMPLEMENTED);
  CHECK(running.infer(twice_request({1, 2}), response).ok());
}

TEST_CASE("HTTP/1 and garbage on the port end their connection and nothing else") {
  RunningGrpc running;
  for (std::string bytes : {std::string("GET / HTTP/1.1\r\nHost: test\r\n\r\n"), std::string(5000, '\xff'),
                            std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string(100, 'x'),
                            std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    test::HttpClient client(running.port());
    client.send(bytes);
    client.end_sending();
    while (!client.closed()) client.take(4096);
  }
  ModelInferResponse response;
  CHECK(running.infer(twice_request({1, 2}), response).ok());
}

TEST_CASE("a call that passes its deadline is late, and its prediction ends") {
  RunningGrpc running;
  REQUIRE(running.service.registry.publish(test::endless_model(running.service)));
  ModelInferRequest request = twice_request({1, 2});
  request.set_model_name("endless");
  auto& input = *request.mutable_inputs(0);
  input.clear_shape();
  input.add_shape(2);
  ModelInferResponse response;
  grpc::ClientContext context;
  after(std::chrono::milliseconds(50), context);
  CHECK(running.infer(request, response, context).error_code() == StatusCode::DEADLINE_EXCEEDED);
  wait_until_idle(running.service);
}

TEST_CASE("a call that its client cancels ends its prediction") {
  RunningGrpc running;
  REQUIRE(running.service.registry.publish(test::endless_model(running.service)));
  ModelInferRequest request = twice_request({1, 2});
  request.set_model_name("endless");
  request.mutable_inputs(0)->clear_shape();
  request.mutable_inputs(0)->add_shape(2);
  grpc::ClientContext context;
  grpc::Status status;
  std::thread caller([&] {
    ModelInferResponse response;
    status = running.infer(request, response, context);
  });
  wait_until_busy(running.service, 1);
  context.TryCancel();
  caller.join();
  CHECK(status.error_code() == StatusCode::CANCELLED);
  wait_until_idle(running.service);
}

TEST_CASE("predictions beyond the queue are to be tried again") {
  Settings settings;
  settings.workers = 1;
  settings.queue = 1;
  RunningGrpc running(settings);
  gate.set(false);
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (std::size_t i = 1; i <= 2; ++i) {
    callers.emplace_back([&] {
      ModelInferResponse response;
      good += running.infer(twice_request({1, 2}), response).ok();
    });
    wait_until_busy(running.service, i);
  }
  ModelInferResponse response;
  CHECK(running.infer(twice_request({1, 2}), response).error_code() == StatusCode::UNAVAILABLE);
  gate.set(true);
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 2);
}

TEST_CASE("a drain answers every call that was accepted, then there is nobody") {
  RunningGrpc running;
  gate.set(false);
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      ModelInferResponse response;
      good += running.infer(twice_request({1, 2}), response).ok();
    });
  }
  wait_until_busy(running.service, 8);
  std::thread draining([&] { running.server->drain(std::chrono::milliseconds(0)); });
  while (running.service.ready()) std::this_thread::yield();
  gate.set(true);
  draining.join();
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 8);
  ModelInferResponse response;
  CHECK(running.infer(twice_request({1, 2}), response).error_code() == StatusCode::UNAVAILABLE);
}

TEST_CASE("calls beyond the limit are refused, and health checks are served") {
  Settings settings;
  settings.max_connections = 2;
  RunningGrpc running(settings);
  grpc::ClientContext first, second;
  auto other = running.connect();
  auto one = open_stream<ModelInferRequest, inference::ModelStreamInferResponse>(*other, stream_path, first);
  auto two = open_stream<ModelInferRequest, inference::ModelStreamInferResponse>(*other, stream_path, second);
  inference::ModelStreamInferResponse answer;
  for (auto* stream : {one.get(), two.get()}) {
    REQUIRE(stream->Write(twice_request({1, 2})));
    REQUIRE(stream->Read(&answer));
  }
  ModelInferResponse response;
  CHECK(running.infer(twice_request({1, 2}), response).error_code() == StatusCode::UNAVAILABLE);
  grpc::health::v1::HealthCheckResponse health;
  CHECK(running.call("/grpc.health.v1.Health/Check", grpc::health::v1::HealthCheckRequest(), health).ok());
}

TEST_CASE("a client that sends no message in time gets an error") {
  Settings settings;
  settings.read_timeout = 0.05;
  RunningGrpc running(settings);
  grpc::ClientContext context;
  auto call = open_stream<ModelInferRequest, ModelInferResponse>(*running.channel, infer_path, context);
  ModelInferResponse response;
  CHECK(!call->Read(&response));
  CHECK(call->Finish().error_message() == "the message did not arrive in time");
}

TEST_CASE("a client that does not take its response is cut off, and its memory is free again") {
  Settings settings;
  settings.read_timeout = 0.05;
  RunningGrpc running(settings);
  grpc::ClientContext context;
  auto stream =
      open_stream<ModelInferRequest, inference::ModelStreamInferResponse>(*running.channel, stream_path, context);
  REQUIRE(stream->Write(twice_request(Floats(2'000'000))));
  auto model = running.service.select({}).value();
  while (model->statistics.snapshot().success.count == 0) std::this_thread::yield();
  while (running.service.memory.taken() > 0) std::this_thread::yield();
  inference::ModelStreamInferResponse response;
  CHECK(!stream->Read(&response));
  CHECK(stream->Finish().error_code() == StatusCode::CANCELLED);
}

TEST_CASE("a stream has a response for each request, in their order, and an error ends only its own") {
  RunningGrpc running;
  grpc::ClientContext context;
  auto stream =
      open_stream<ModelInferRequest, inference::ModelStreamInferResponse>(*running.channel, stream_path, context);
  constexpr int count = 200;
  std::thread writer([&] {
    for (int i = 0; i < count; ++i) {
      auto request = i % 10 == 3 ? twice_request({-1, 0}) : twice_request({static_cast<float>(i), 0});
      request.set_id(std::to_string(i));
      REQUIRE(stream->Write(request));
    }
    stream->WritesDone();
  });
  inference::ModelStreamInferResponse response;
  for (int i = 0; i < count; ++i) {
    REQUIRE(stream->Read(&response));
    CHECK(response.infer_response().id() == std::to_string(i));
    if (i % 10 == 3) CHECK(response.error_message() == "the operator met a negative number");
    else CHECK(raw_floats(response.infer_response()) == Floats{2.f * static_cast<float>(i), 0});
  }
  CHECK(!stream->Read(&response));
  CHECK(stream->Finish().ok());
  writer.join();
}

TEST_CASE("a drain answers the requests of a stream, and ends it") {
  RunningGrpc running;
  gate.set(false);
  grpc::ClientContext context;
  auto stream =
      open_stream<ModelInferRequest, inference::ModelStreamInferResponse>(*running.channel, stream_path, context);
  for (int i = 0; i < 3; ++i) REQUIRE(stream->Write(twice_request({1, 2})));
  wait_until_busy(running.service, 3);
  std::thread draining([&] { running.server->drain(std::chrono::milliseconds(0)); });
  while (running.service.ready()) std::this_thread::yield();
  gate.set(true);
  inference::ModelStreamInferResponse response;
  for (int i = 0; i < 3; ++i) CHECK(stream->Read(&response));
  CHECK(!stream->Read(&response));
  CHECK(stream->Finish().error_code() == StatusCode::UNAVAILABLE);
  draining.join();
}

TEST_CASE("metadata selects the version as headers do, and calls are counted") {
  RunningGrpc running;
  REQUIRE(running.service.registry.publish(twice_model(running.scratch, running.service, {"twice", "8", "", "", {}})));
  auto version = [&](const char* key, const char* value, const char* field) {
    auto request = twice_request({1, 2});
    request.set_model_version(field);
    grpc::ClientContext context;
    if (*key != 0) context.AddMetadata(key, value);
    ModelInferResponse response;
    REQUIRE(running.infer(request, response, context).ok());
    return response.model_version();
  };
  CHECK(version("", "", "") == "8");
  CHECK(version("", "", "7") == "7");
  CHECK(version("x-model-version", "7", "") == "7");
  CHECK(version("x-model-label", "stable", "") == "8");
  std::string text = running.service.metrics.text(false);
  CHECK(text.find("modelctl_requests_total{model=\"twice\",version=\"7\",code=\"200\",protocol=\"grpc\"} 2\n") !=
        std::string::npos);
}

TEST_CASE("an operator who has the token loads and unloads models") {
  struct Control : ModelControl {
    std::string loaded, unloaded;
    Result<void> load(const std::string& model) override { return loaded = model, Result<void>(); }
    Result<void> unload(const std::string& model) override { return unloaded = model, Result<void>(); }
  } control;
  RunningGrpc running({}, true, &control, "0123456789abcdef");
  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelUnloadRequest unload;
  load.set_model_name("a");
  unload.set_model_name("b");
  inference::RepositoryModelLoadResponse loaded;
  inference::RepositoryModelUnloadResponse unloaded;
  constexpr const char* load_path = "/inference.GRPCInferenceService/RepositoryModelLoad";
  CHECK(running.call(load_path, load, loaded).error_code() == StatusCode::UNAUTHENTICATED);
  grpc::ClientContext first, second;
  for (auto* context : {&first, &second}) context->AddMetadata("authorization", "Bearer 0123456789abcdef");
  CHECK(running.call(load_path, load, loaded, first).ok());
  CHECK(running.call("/inference.GRPCInferenceService/RepositoryModelUnload", unload, unloaded, second).ok());
  CHECK(control.loaded == "a");
  CHECK(control.unloaded == "b");
  inference::RepositoryIndexResponse index;
  REQUIRE(
      running.call("/inference.GRPCInferenceService/RepositoryIndex", inference::RepositoryIndexRequest(), index).ok());
  CHECK(index.ShortDebugString() == "models { name: \"twice\" version: \"7\" state: \"READY\" }");
}

TEST_CASE("a call of gRPC needs the scope of its method") {
  RunningGrpc running;
  running.service.tokens.use(serve::parse_tokens("app predict predict-0123456789\nops admin admin-0123456789").value());
  auto request = twice_request({1, 2});
  inference::ModelInferResponse response;
  CHECK(running.infer(request, response).error_code() == grpc::StatusCode::UNAUTHENTICATED);
  grpc::ClientContext known;
  known.AddMetadata("authorization", "bearer predict-0123456789");
  CHECK(running.infer(request, response, known).ok());
  grpc::ClientContext other;
  other.AddMetadata("authorization", "Bearer predict-0123456789");
  inference::RepositoryModelUnloadRequest unload;
  inference::RepositoryModelUnloadResponse unloaded;
  CHECK(running.call("/inference.GRPCInferenceService/RepositoryModelUnload", unload, unloaded, other).error_code() ==
        grpc::StatusCode::PERMISSION_DENIED);
  inference::ServerReadyResponse ready;
  CHECK(running.call("/inference.GRPCInferenceService/ServerReady", inference::ServerReadyRequest(), ready).ok());
}

TEST_CASE("a call has the id that its client gave it, and a line of the access log") {
  test::Scratch scratch;
  serve::Settings settings;
  settings.access_log = scratch / "log";
  RunningGrpc running(settings);
  REQUIRE(running.service.access_log.open());
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "mine");
  inference::ModelInferResponse response;
  REQUIRE(running.infer(twice_request({1, 2}), response, context).ok());
  auto id = context.GetServerInitialMetadata().find("x-request-id");
  REQUIRE(id != context.GetServerInitialMetadata().end());
  CHECK(std::string(id->second.data(), id->second.size()) == "mine");
  std::string line;
  for (int tries = 0; tries < 1000 && line.empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    line = read_text_file(scratch / "log").value_or("");
  }
  for (const char* part : {R"("id": "mine")", R"("client": "127.0.0.1")", R"("protocol": "grpc")",
                           R"("route": "/inference.GRPCInferenceService/ModelInfer")",
                           R"("model": "twice", "version": "7")", R"("status": 200, "grpc_status": 0)"}) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  }
}

TEST_CASE("a client beyond its rate gets RESOURCE_EXHAUSTED") {
  serve::Settings settings;
  settings.rate = 1;
  RunningGrpc running(settings);
  inference::ModelInferResponse response;
  auto request = twice_request({1, 2});
  bool limited = false;
  for (int i = 0; i < 20 && !limited; ++i)
    limited = running.infer(request, response).error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  CHECK(limited);
}

TEST_CASE("reflection lists the services, and has the descriptors of their files") {
  RunningGrpc running;
  grpc::ClientContext context;
  using grpc::reflection::v1::ServerReflectionRequest;
  using grpc::reflection::v1::ServerReflectionResponse;
  auto stream = open_stream<ServerReflectionRequest, ServerReflectionResponse>(
      *running.channel, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", context);
  ServerReflectionRequest request;
  ServerReflectionResponse response;
  request.set_list_services("");
  REQUIRE(stream->Write(request));
  REQUIRE(stream->Read(&response));
  CHECK(response.list_services_response().ShortDebugString() ==
        "service { name: \"grpc.health.v1.Health\" } service { name: \"grpc.reflection.v1.ServerReflection\" } "
        "service { name: \"inference.GRPCInferenceService\" }");
  request.set_file_containing_symbol("inference.GRPCInferenceService");
  REQUIRE(stream->Write(request));
  REQUIRE(stream->Read(&response));
  CHECK(response.file_descriptor_response().file_descriptor_proto_size() == 2);
  request.set_file_by_filename("nothing.proto");
  REQUIRE(stream->Write(request));
  REQUIRE(stream->Read(&response));
  CHECK(response.error_response().error_code() == StatusCode::NOT_FOUND);
  stream->WritesDone();
  CHECK(stream->Finish().ok());
}

TEST_CASE("an address that is taken is refused") {
  RunningGrpc running;
  Settings settings;
  settings.grpc = "127.0.0.1:" + std::to_string(running.port());
  Service service(settings);
  auto second = start_grpc(service);
  REQUIRE(!second);
  CHECK(second.error().code == "address-in-use");
  CHECK(second.error().hint == "choose another port with --grpc HOST:PORT");
}
