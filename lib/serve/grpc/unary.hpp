// Methods that a function from a request's message to a response's makes: one that answers at once, or one for
// operators, which may take long.
#pragma once

#include "serve/grpc/method.hpp"
#include "serve/grpc/status.hpp"
#include "serve/guarded.hpp"
#include "serve/service.hpp"

#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <google/protobuf/message.h>

namespace modelctl::serve {

grpc::ByteBuffer to_buffer(const google::protobuf::Message& message);
// Such messages are small; a large one could take many times its size as objects.
Result<void> parse(grpc::ByteBuffer& bytes, google::protobuf::Message& message);

// The bytes that `Result<Response> function(GrpcCall&, const Request&)` makes of bytes.
template <auto function>
struct Unary;
template <class Request, class Response, Result<Response> (*function)(GrpcCall&, const Request&)>
struct Unary<function> {
  static Result<grpc::ByteBuffer> response(GrpcCall& call, grpc::ByteBuffer bytes) {
    return guarded([&]() -> Result<grpc::ByteBuffer> {
      Request request;
      TRY(parse(bytes, request));
      return to_buffer(TRY(function(call, request)));
    });
  }
};

inline void finish(GrpcCall& call, Result<grpc::ByteBuffer> response) {
  if (response) call.finish({std::move(*response), nullptr});
  else call.finish(grpc_status(response.error()));
}

template <auto function>
class AnswerHandler final : public CallHandler {
 public:
  explicit AnswerHandler(GrpcCall& call) : call_(call) {}
  void message(grpc::ByteBuffer bytes) override { finish(call_, Unary<function>::response(call_, std::move(bytes))); }

 private:
  GrpcCall& call_;
};

template <auto function>
class OperationHandler final : public CallHandler {
 public:
  explicit OperationHandler(GrpcCall& call) : call_(call) {}
  void message(grpc::ByteBuffer bytes) override {
    Service& service = call_.service();
    bool taken = service.operations.submit([call = call_.shared_from_this(), bytes = std::move(bytes)] {
      finish(*call, Unary<function>::response(*call, bytes));
    });
    if (!taken) call_.finish({grpc::StatusCode::UNAVAILABLE, "too many operations are waiting"});
  }

 private:
  GrpcCall& call_;
};

}  // namespace modelctl::serve
