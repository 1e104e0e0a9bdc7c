// Loads a gRPC server of the Open Inference Protocol, or is one with a fixed answer, to compare with:
//
//   grpc_load serve SIZE       prints its port and answers ModelInfer with SIZE floats until it is killed
//   grpc_load ADDRESS MODEL INPUT SIZES CALLS SECONDS
//                              keeps CALLS calls under way, of an FP32 input of SIZES ("1,4")
//
// The second prints requests per second, and the median and 99th percentile of the time of a call, as one line of JSON.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "inference.pb.h"

namespace {

constexpr const char* method = "/inference.GRPCInferenceService/ModelInfer";
using Clock = std::chrono::steady_clock;

grpc::ByteBuffer buffer_of(const google::protobuf::Message& message) {
  grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

// What grpc_cpp_plugin would generate for an asynchronous service with one raw method.
class FixedService final : public grpc::Service {
 public:
  FixedService() {
    AddMethod(new grpc::internal::RpcServiceMethod(method, grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRaw(0);
  }
  struct Call {
    grpc::ServerContext context;
    grpc::ByteBuffer request;
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer{&context};
    bool answered = false;
  };
  void await(grpc::ServerCompletionQueue& queue) {
    auto* call = new Call;
    RequestAsyncUnary(0, &call->context, &call->request, &call->writer, &queue, &queue, call);
  }
};

int serve(std::int64_t size) {
  inference::ModelInferResponse response;
  response.set_model_name("fixed");
  response.set_model_version("1");
  auto& output = *response.add_outputs();
  output.set_name("y");
  output.set_datatype("FP32");
  output.add_shape(1);
  output.add_shape(size);
  response.add_raw_output_contents(std::string(static_cast<std::size_t>(size) * sizeof(float), '\0'));
  const grpc::ByteBuffer answer = buffer_of(response);
  FixedService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < 2; ++i) queues.push_back(builder.AddCompletionQueue());
  auto server = builder.BuildAndStart();
  std::printf("%d\n", port);
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (auto& queue : queues) {
    threads.emplace_back([&] {
      for (int i = 0; i < 16; ++i) service.await(*queue);
      void* tag = nullptr;
      bool ok = false;
      while (queue->Next(&tag, &ok)) {
        auto* call = static_cast<FixedService::Call*>(tag);
        if (call->answered || !ok) {
          delete call;
          continue;
        }
        service.await(*queue);
        call->answered = true;
        call->writer.Finish(answer, grpc::Status::OK, call);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

struct Load {
  grpc::GenericStub stub;
  grpc::CompletionQueue queue;
  const grpc::ByteBuffer request;
  std::vector<double> times;
  int failed = 0;

  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer response;
    grpc::Status status;
    Clock::time_point start;
  };
  Load(std::shared_ptr<grpc::Channel> channel, grpc::ByteBuffer body)
      : stub(std::move(channel)), request(std::move(body)) {}

  void begin() {
    auto* call = new Call;
    call->start = Clock::now();
    call->reader = stub.PrepareUnaryCall(&call->context, method, request, &queue);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, call);
  }
  void run(int calls, Clock::time_point end) {
    for (int i = 0; i < calls; ++i) begin();
    void* tag = nullptr;
    bool ok = false;
    for (int open = calls; open > 0 && queue.Next(&tag, &ok);) {
      std::unique_ptr<Call> call(static_cast<Call*>(tag));
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - call->start).count());
      if (!call->status.ok() && failed++ == 0) std::fprintf(stderr, "%s\n", call->status.error_message().c_str());
      if (Clock::now() < end) begin();
      else --open;
    }
  }
};

int load(const std::string& address, const std::string& model, const std::string& name, const std::string& sizes,
         int calls, double seconds) {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype("FP32");
  std::size_t elements = 1;
  std::istringstream list(sizes);
  for (std::string size; std::getline(list, size, ',');) {
    input.add_shape(std::stol(size));
    elements *= std::stoul(size);
  }
  request.add_raw_input_contents(std::string(4 * elements, '\0'));
  Load run(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()), buffer_of(request));
  run.run(calls, Clock::now() + std::chrono::milliseconds(200));  // the connection, caches
  run.times.clear();
  auto start = Clock::now();
  run.run(calls, start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  double took = std::chrono::duration<double>(Clock::now() - start).count();
  std::sort(run.times.begin(), run.times.end());
  std::printf("{\"per_second\": %.1f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"requests\": %zu, \"failed\": %d}\n",
              static_cast<double>(run.times.size()) / took, run.times[run.times.size() / 2],
              run.times[run.times.size() * 99 / 100], run.times.size(), run.failed);
  return run.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> given(arguments + 1, arguments + count);
  if (given.size() == 2 && given[0] == "serve") return serve(std::stoll(given[1]));
  if (given.size() == 6) return load(given[0], given[1], given[2], given[3], std::stoi(given[4]), std::stod(given[5]));
  std::fprintf(stderr, "usage: grpc_load serve | ADDRESS MODEL INPUT SIZES CALLS SECONDS\n");
  return 64;
}
