// A call may end while something is reported to it: only those that still have an owner are called, outside of the
// lock, which the end of a call takes.
#include "serve/grpc/calls.hpp"

namespace modelctl::serve {

constexpr std::size_t reserved_calls = 32;

bool GrpcCalls::enter(GrpcCall& call, bool beyond_limit) {
  std::lock_guard lock(mutex_);
  if (open_.size() >= limit_ + (beyond_limit ? reserved_calls : 0)) return false;
  open_.insert(&call);
  return true;
}

void GrpcCalls::made() {
  std::lock_guard lock(mutex_);
  ++count_;
}

void GrpcCalls::leave(GrpcCall& call) {
  std::lock_guard lock(mutex_);
  open_.erase(&call);
}

void GrpcCalls::ended() {
  std::lock_guard lock(mutex_);
  if (--count_ == 0) none_.notify_all();
}

void GrpcCalls::wait_until_none() {
  std::unique_lock lock(mutex_);
  none_.wait(lock, [this] { return count_ == 0; });
}

void GrpcCalls::each(const std::function<void(GrpcCall&)>& act) {
  std::vector<std::shared_ptr<GrpcCall>> calls;
  {
    std::lock_guard lock(mutex_);
    for (GrpcCall* call : open_) {
      if (auto owned = call->weak_from_this().lock()) calls.push_back(std::move(owned));
    }
  }
  for (const auto& call : calls) act(*call);
}

void GrpcCalls::tick() {
  TimePoint now = std::chrono::steady_clock::now();
  each([&](GrpcCall& call) { call.tick(now); });
}

void GrpcCalls::close() {
  closing_ = true;
  each([](GrpcCall& call) { call.close(); });
}

}  // namespace modelctl::serve
