// Predictions: one for a call, or many in a stream. Responses of a stream come in the order of its requests, as clients
// of Triton expect; a request that fails has an error in its response, and the stream goes on.
#include "serve/grpc/method.hpp"
#include "serve/grpc/prediction.hpp"

namespace modelctl::serve {
namespace {

// ModelInfer.
class InferHandler final : public CallHandler {
 public:
  explicit InferHandler(GrpcCall& call) : call_(call) {}

  void message(grpc::ByteBuffer message) override {
    prediction_ = predict(call_, std::move(message), [call = call_.shared_from_this()](InferReply reply) {
      call->note(std::move(reply.served));
      if (!reply.status.ok()) return call->finish(reply.status);
      call->finish({to_buffer(std::move(reply.response)), std::move(reply.share)});
    });
  }
  void cancelled() override {
    if (auto prediction = prediction_.lock()) prediction->cancelled.stop();
  }

 private:
  GrpcCall& call_;
  std::weak_ptr<PredictionRequest> prediction_;
};

// ModelStreamInfer. Requests of a stream run at the same time, but only so many that the client has not the responses
// of: then no further one is read, and gRPC's flow control stops the client.
class StreamHandler final : public CallHandler {
 public:
  explicit StreamHandler(GrpcCall& call) : call_(call) {}

  void message(grpc::ByteBuffer message) override {
    std::shared_ptr<Slot> slot = std::make_shared<Slot>();
    {
      std::lock_guard lock(mutex_);
      slots_.push_back(slot);
      ++open_;
    }
    auto prediction =
        predict(call_, std::move(message),
                [this, slot, call = call_.shared_from_this()](InferReply reply) { complete(*slot, std::move(reply)); });
    std::lock_guard lock(mutex_);
    slot->prediction = std::move(prediction);
    paused_ = true;
    read_more();
  }
  void written() override {
    std::lock_guard lock(mutex_);
    --open_;
    read_more();
    finish_if_empty();
  }
  void end() override { stop(grpc::Status::OK); }
  void close() override { stop({grpc::StatusCode::UNAVAILABLE, "the server is stopping"}); }
  void cancelled() override {
    std::lock_guard lock(mutex_);
    for (const auto& slot : slots_) {
      if (auto prediction = slot->prediction.lock()) prediction->cancelled.stop();
    }
  }

 private:
  // A request, until its response is handed to the call.
  struct Slot {
    std::weak_ptr<PredictionRequest> prediction;
    std::optional<OutgoingMessage> response;
  };
  static constexpr std::size_t most_open = 32;

  void complete(Slot& slot, InferReply reply) {
    std::string text = reply.status.ok() ? write_stream_response(reply.response)
                                         : write_stream_error(reply.id, reply.status.error_message());
    std::lock_guard lock(mutex_);
    slot.response = OutgoingMessage{to_buffer(std::move(text)), std::move(reply.share)};
    while (!slots_.empty() && slots_.front()->response) {
      call_.write(std::move(*slots_.front()->response));
      slots_.pop_front();
    }
  }
  void stop(grpc::Status status) {
    std::lock_guard lock(mutex_);
    if (!last_) last_ = std::move(status);
    finish_if_empty();
  }
  // Under the lock.
  void read_more() {
    if (!paused_ || open_ >= most_open || last_) return;
    paused_ = false;
    call_.read();
  }
  void finish_if_empty() {
    if (last_ && open_ == 0) call_.finish(*last_);
  }

  GrpcCall& call_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Slot>> slots_;  // in the order of the requests
  std::size_t open_ = 0;                     // requests whose responses the client has not taken
  bool paused_ = false;                      // no read is under way
  std::optional<grpc::Status> last_;         // when the client, or the server, ends the stream
};

constexpr MethodDef defs[] = {
    {.path = "/inference.GRPCInferenceService/ModelInfer", .open = open_as<InferHandler>},
    {.path = "/inference.GRPCInferenceService/ModelStreamInfer", .open = open_as<StreamHandler>, .streams = true},
};

}  // namespace

std::span<const MethodDef> infer_methods() { return defs; }

}  // namespace modelctl::serve
