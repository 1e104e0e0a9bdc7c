// The message is kept as the pieces that arrived until a worker decodes it; only its head is read before.
#include "serve/grpc/prediction.hpp"

#include "serve/grpc/status.hpp"
#include "serve/guarded.hpp"
#include "serve/service.hpp"

#include <grpcpp/support/proto_buffer_reader.h>

namespace modelctl::serve {
namespace {

Error no_memory(const char* what) { return {Kind::retry_later, "busy", what}; }

// The same labels and headers as HTTP's.
ModelSelector complete(ModelSelector selector, const GrpcCall& call) {
  if (selector.version.empty()) {
    selector.version = call.header("x-model-version");
    if (selector.version.empty()) selector.label = call.header("x-model-label");
  }
  return selector;
}

class GrpcPrediction final : public PredictionRequest {
 public:
  GrpcPrediction(std::shared_ptr<GrpcCall> call, RequestHead head, grpc::ByteBuffer message,
                 std::unique_ptr<MemoryShare> share, std::function<void(InferReply)> respond)
      : PredictionRequest(complete(std::move(head.selector), *call)),
        call_(std::move(call)),
        message_(std::move(message)),
        respond_(std::move(respond)) {
    reply_.id = std::move(head.id);
    reply_.share = std::move(share);
  }

  Result<std::vector<Tensor>> decode(const LoadedModel& model) override {
    grpc::Slice slice;
    if (!message_.TrySingleSlice(&slice).ok() && !message_.DumpToSingleSlice(&slice).ok())
      return no_memory("there is not enough memory to answer the request");
    request_ = TRY(read_infer_request({reinterpret_cast<const char*>(slice.begin()), slice.size()}, model));
    message_.Clear();
    reply_.share->resize(0);
    return std::move(request_.inputs);
  }

  bool decodes_briefly() const override { return message_.Length() <= std::size_t{128} * 1024; }

  void encode(const LoadedModel* model, Result<std::vector<Tensor>> outputs) noexcept override {
    message_.Clear();
    auto response = guarded([&]() -> Result<std::string> {
      auto computed = TRY(std::move(outputs));
      auto text = TRY(write_infer_response(request_, *model, computed));
      if (reply_.share->resize(text.capacity())) return text;
      return no_memory("the responses to other requests take up the memory for responses");
    });
    try {
      if (response) reply_.response = std::move(*response);
      else reply_.status = grpc_status(response.error());
      reply_.served = served(model);
      call_->service().record(*this, model, response ? 200 : info(response.error().kind).http_status, "grpc");
    } catch (...) {  // no memory to count with
    }
  }

  void send() noexcept override {
    try {
      respond_(std::move(reply_));
    } catch (...) {  // no memory to answer with: the client's deadline ends the call
    }
  }

  std::string_view header(const std::string& name) const override { return call_->header(name); }
  std::string_view client() const override { return call_->client(); }

 private:
  const std::shared_ptr<GrpcCall> call_;
  grpc::ByteBuffer message_;
  InferRequest request_;
  InferReply reply_;
  const std::function<void(InferReply)> respond_;
};

}  // namespace

std::weak_ptr<PredictionRequest> predict(GrpcCall& call, grpc::ByteBuffer message,
                                         std::function<void(InferReply)> respond) {
  InferReply refused;
  std::shared_ptr<PredictionRequest> prediction;
  auto made = guarded([&]() -> Result<void> {
    auto entry = call.service().limits.enter(call.token(), call.client(), std::chrono::steady_clock::now());
    if (entry.retry_after > 0)
      return Error(Kind::retry_later, "too-many-requests", "this client asks for more predictions than it may");
    auto answered = [place = std::move(entry.place), respond](InferReply reply) mutable {
      place.reset();
      respond(std::move(reply));
    };
    auto share = std::make_unique<MemoryShare>(call.service().memory);
    if (!share->resize(message.Length())) return no_memory("there is not enough memory to answer the request");
    grpc::ProtoBufferReader reader(&message);
    RequestHead head = TRY(read_request_head(reader));
    refused.id = head.id;
    prediction = std::make_shared<GrpcPrediction>(call.shared_from_this(), std::move(head), std::move(message),
                                                  std::move(share), std::move(answered));
    prediction->deadline = call.deadline();
    call.service().predict(prediction);
    return {};
  });
  if (made) return prediction;
  refused.status = grpc_status(made.error());
  respond(std::move(refused));
  return {};
}

}  // namespace modelctl::serve
