// gRPC's own client for the tests, without generated stubs: a method is called by its path.
#pragma once

#include "serve/grpc/grpc_server.hpp"
#include "serve/models.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/sync_stream.h>

#include "inference.pb.h"

namespace modelctl::test {

// A gRPC server in the test's process, on any free port, with the model 'twice', and a channel to it.
struct RunningGrpc {
  Scratch scratch;
  serve::Service service;
  std::unique_ptr<serve::FrontEnd> server;
  std::shared_ptr<grpc::Channel> channel;

  explicit RunningGrpc(serve::Settings settings = {}, bool load = true, serve::ModelControl* control = nullptr,
                       std::string admin_token = "")
      : service(on_any_port(settings)) {
    gate.set(true);
    service.set_control(control);
    if (!admin_token.empty()) use_admin_token(service, admin_token);
    auto started = serve::start_grpc(service);
    REQUIRE(started);
    server = std::move(*started);
    if (load) REQUIRE(service.registry.publish(twice_model(scratch, service)));
    channel = connect();
  }
  static serve::Settings on_any_port(serve::Settings settings) {
    settings.grpc = "127.0.0.1:0";
    return settings;
  }
  std::uint16_t port() const { return server->endpoint().port; }
  std::shared_ptr<grpc::Channel> connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all channels to one server share a connection
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port()), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  template <class Request, class Response>
  grpc::Status call(const char* path, const Request& request, Response& response, grpc::ClientContext& context) {
    grpc::internal::RpcMethod method(path, grpc::internal::RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<Request, Response>(channel.get(), method, &context, request, &response);
  }
  template <class Request, class Response>
  grpc::Status call(const char* path, const Request& request, Response& response) {
    grpc::ClientContext context;
    return call(path, request, response, context);
  }
  grpc::Status infer(const inference::ModelInferRequest& request, inference::ModelInferResponse& response,
                     grpc::ClientContext& context) {
    return call("/inference.GRPCInferenceService/ModelInfer", request, response, context);
  }
  grpc::Status infer(const inference::ModelInferRequest& request, inference::ModelInferResponse& response) {
    grpc::ClientContext context;
    return infer(request, response, context);
  }
};

template <class Request, class Response>
std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> open_stream(grpc::Channel& channel, const char* path,
                                                                         grpc::ClientContext& context) {
  grpc::internal::RpcMethod method(path, grpc::internal::RpcMethod::BIDI_STREAMING);
  return std::unique_ptr<grpc::ClientReaderWriter<Request, Response>>(
      grpc::internal::ClientReaderWriterFactory<Request, Response>::Create(&channel, method, &context));
}

// For the model 'twice', with raw contents.
inline inference::ModelInferRequest twice_request(std::vector<float> values) {
  inference::ModelInferRequest request;
  request.set_model_name("twice");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(static_cast<std::int64_t>(values.size() / 2));
  input.add_shape(2);
  request.add_raw_input_contents(values.data(), values.size() * sizeof(float));
  return request;
}

inline std::vector<float> raw_floats(const inference::ModelInferResponse& response) {
  const std::string& raw = response.raw_output_contents(0);
  std::vector<float> values(raw.size() / sizeof(float));
  std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

}  // namespace modelctl::test
