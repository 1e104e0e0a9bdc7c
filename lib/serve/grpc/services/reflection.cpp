// Server reflection, with which tools such as grpcurl find out what there is to call. Its two versions have the same
// messages; the older one is asked by older tools, and is not listed itself.
#include "serve/grpc/unary.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>

#include "reflection.pb.h"

namespace modelctl::serve {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using Request = grpc::reflection::v1::ServerReflectionRequest;
using Response = grpc::reflection::v1::ServerReflectionResponse;

void list_services(Response& response) {
  std::set<std::string> names;
  for (const MethodDef* method : methods()) names.emplace(method->path.substr(1, method->path.rfind('/') - 1));
  for (const std::string& name : names) {
    if (DescriptorPool::generated_pool()->FindServiceByName(name) != nullptr)
      response.mutable_list_services_response()->add_service()->set_name(name);
  }
}

// The file, then those that it imports.
void add_file(const FileDescriptor& file, std::set<const FileDescriptor*>& added, Response& response) {
  if (!added.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.mutable_file_descriptor_response()->add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), added, response);
}

void add_files(const FileDescriptor* file, Response& response) {
  std::set<const FileDescriptor*> added;
  if (file != nullptr) return add_file(*file, added, response);
  auto& error = *response.mutable_error_response();
  error.set_error_code(grpc::StatusCode::NOT_FOUND);
  error.set_error_message("there is no such file or symbol");
}

Result<Response> reflect(GrpcCall&, const Request& request) {
  Response response;
  *response.mutable_original_request() = request;
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  switch (request.message_request_case()) {
    case Request::kListServices: list_services(response); break;
    case Request::kFileByFilename: add_files(pool.FindFileByName(request.file_by_filename()), response); break;
    case Request::kFileContainingSymbol:
      add_files(pool.FindFileContainingSymbol(request.file_containing_symbol()), response);
      break;
    default: add_files(nullptr, response);  // there are no extensions
  }
  return response;
}

// One response for each request, in their order; the next request is read when the client has taken the response.
class ReflectionHandler final : public CallHandler {
 public:
  explicit ReflectionHandler(GrpcCall& call) : call_(call) {}
  void message(grpc::ByteBuffer bytes) override {
    auto response = Unary<reflect>::response(call_, std::move(bytes));
    if (response) call_.write({std::move(*response), nullptr});
    else call_.finish(grpc_status(response.error()));
  }
  void written() override { call_.read(); }
  void end() override { call_.finish(grpc::Status::OK); }
  void close() override { call_.finish({grpc::StatusCode::UNAVAILABLE, "the server is stopping"}); }

 private:
  GrpcCall& call_;
};

constexpr MethodDef defs[] = {
    {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
     .open = open_as<ReflectionHandler>,
     .streams = true,
     .needs = Scope::none},
    {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     .open = open_as<ReflectionHandler>,
     .streams = true,
     .needs = Scope::none},
};

}  // namespace

std::span<const MethodDef> reflection_methods() { return defs; }

}  // namespace modelctl::serve
