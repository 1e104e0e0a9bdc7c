// The health service. A server is serving when it is ready; the services that it has are as ready as the server.
#include "serve/grpc/unary.hpp"

#include "health.pb.h"

namespace modelctl::serve {
namespace {

using Request = grpc::health::v1::HealthCheckRequest;
using Response = grpc::health::v1::HealthCheckResponse;

bool known(const std::string& service) {
  if (service.empty()) return true;
  for (const MethodDef* method : methods()) {
    if (method->path.substr(1, method->path.rfind('/') - 1) == service) return true;
  }
  return false;
}

Response::ServingStatus status(const Service& service) {
  return service.ready() ? Response::SERVING : Response::NOT_SERVING;
}

Result<Response> check(GrpcCall& call, const Request& request) {
  if (!known(request.service())) return Error(Kind::not_found, "unknown-service", "there is no such service");
  Response response;
  response.set_status(status(call.service()));
  return response;
}

// The status now, and then whenever it changes; of a client that reads slowly, the latest.
class WatchHandler final : public CallHandler {
 public:
  explicit WatchHandler(GrpcCall& call) : call_(call) {}

  void message(grpc::ByteBuffer bytes) override {
    Request request;
    if (auto parsed = parse(bytes, request); !parsed) return call_.finish(grpc_status(parsed.error()));
    std::lock_guard lock(mutex_);
    known_ = known(request.service());
    watching_ = true;
    report();
  }
  void written() override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    report();
    end_if_closing();
  }
  void tick() override {
    std::lock_guard lock(mutex_);
    report();
  }
  void close() override {
    std::lock_guard lock(mutex_);
    closing_ = true;
    report();
    end_if_closing();
  }

 private:
  void report() {
    if (!watching_ || writing_) return;
    auto now = known_ ? status(call_.service()) : Response::SERVICE_UNKNOWN;
    if (reported_ == now) return;
    reported_ = now;
    writing_ = true;
    Response response;
    response.set_status(now);
    call_.write({to_buffer(response), nullptr});
  }

  // After the last status has left.
  void end_if_closing() {
    if (closing_ && !writing_) call_.finish({grpc::StatusCode::UNAVAILABLE, "the server is stopping"});
  }

  GrpcCall& call_;
  std::mutex mutex_;
  bool known_ = false, watching_ = false, writing_ = false, closing_ = false;
  std::optional<Response::ServingStatus> reported_;
};

constexpr MethodDef defs[] = {
    {.path = "/grpc.health.v1.Health/Check",
     .open = open_as<AnswerHandler<check>>,
     .health = true,
     .needs = Scope::none},
    {.path = "/grpc.health.v1.Health/Watch", .open = open_as<WatchHandler>, .needs = Scope::none},
};

}  // namespace

std::span<const MethodDef> health_methods() { return defs; }

}  // namespace modelctl::serve
