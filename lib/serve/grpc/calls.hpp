// All calls that are open: how many there may be, and what reports time and the end of the server to them.
#pragma once

#include "serve/grpc/call.hpp"

#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <set>

namespace modelctl::serve {

class GrpcCalls {
 public:
  // Calls beyond `limit` are refused, except those of the health service: a server that is busy must not look dead.
  GrpcCalls(Service& service, std::size_t limit) : service_(service), limit_(limit) {}

  Service& service() const { return service_; }
  grpc::AsyncGenericService& source() { return source_; }

  // Counts a call. False if there are too many: the call is then refused.
  bool enter(GrpcCall& call, bool beyond_limit);
  void leave(GrpcCall& call);

  // A call object is made, and has ended: also one that awaits its client.
  void made();
  void ended();
  // Returns when the last one has ended. Others hold calls, too: the scheduler does until it has dropped a prediction.
  void wait_until_none();

  void tick();
  // Ends the calls that would go on for ever, those that come later too.
  void close();
  bool closing() const { return closing_; }

 private:
  void each(const std::function<void(GrpcCall&)>& act);

  Service& service_;
  const std::size_t limit_;
  grpc::AsyncGenericService source_;
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;     // of all
  std::set<GrpcCall*> open_;  // those of clients
  std::atomic<bool> closing_{false};
};

}  // namespace modelctl::serve
