// The operations of a call run on the threads of the completion queues, and its answer comes from whoever has it: what
// both use is under the lock. Operations start under it, too; none of them calls back before it returns.
#include "serve/grpc/call.hpp"

#include "serve/grpc/calls.hpp"
#include "serve/grpc/method.hpp"
#include "serve/grpc/status.hpp"
#include "serve/http/percent_decode.hpp"
#include "serve/service.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

constexpr std::uint64_t response_piece = 1024 * 1024;  // what a client must take of a response within read_timeout

// "ipv4:127.0.0.1:50000", "ipv6:%5B::1%5D:50000" (gRPC's naming of peers)
std::string address_of(std::string_view peer) {
  peer.remove_prefix(std::min(peer.find(':') + 1, peer.size()));
  std::string address = percent_decode(peer.substr(0, peer.rfind(':')));
  if (address.starts_with('[') && address.ends_with(']')) return address.substr(1, address.size() - 2);
  return address;
}

const MethodDef* find_method(std::string_view path) {
  for (const MethodDef* method : methods()) {
    if (method->path == path) return method;
  }
  return nullptr;
}

}  // namespace

grpc::ByteBuffer to_buffer(std::string text) {
  auto owned = std::make_unique<std::string>(std::move(text));
  char* data = owned->data();
  std::size_t size = owned->size();
  grpc::Slice slice(
      data, size, [](void* owner) { delete static_cast<std::string*>(owner); }, owned.release());
  return {&slice, 1};
}

GrpcCall::Counted::Counted(GrpcCalls& counting) : calls(counting) { calls.made(); }
GrpcCall::Counted::~Counted() { calls.ended(); }

GrpcCall::~GrpcCall() { calls_.leave(*this); }

Service& GrpcCall::service() const { return calls_.service(); }

void* GrpcCall::begin(Operation& operation) {
  operation.call = shared_from_this();
  return &operation;
}

void GrpcCall::ended(void* tag, bool ok) {
  auto* operation = static_cast<Operation*>(tag);
  auto call = std::move(operation->call);
  try {
    (*call.*operation->ended)(ok);
  } catch (...) {  // no memory for this call
    call->context_.TryCancel();
  }
}

void GrpcCall::await(GrpcCalls& calls, grpc::ServerCompletionQueue& queue) {
  auto call = std::make_shared<GrpcCall>(calls, queue);
  // Returned by the queue only if the call is accepted: from then on it holds the call.
  call->context_.AsyncNotifyWhenDone(&call->done_);
  calls.source().RequestCall(&call->context_, &call->stream_, &queue, &queue, call->begin(call->accept_));
}

// Not ok: the server ends, and no call came.
void GrpcCall::accepted(bool ok) {
  if (!ok) return;
  begin(done_);
  await(calls_, queue_);
  client_ = address_of(context_.peer());
  begun_ = std::chrono::steady_clock::now();
  record_ = {.time = std::chrono::system_clock::now(),
             .identity = service().identities.identify(header("x-request-id"), header("traceparent")),
             .client = client_,
             .protocol = "grpc",
             .method = "POST"};
  context_.AddInitialMetadata("x-request-id", record_.identity.id);
  if (!record_.identity.trace.empty()) context_.AddInitialMetadata("traceresponse", record_.identity.trace_response());
  auto wall = context_.deadline();
  if (wall != std::chrono::system_clock::time_point::max())
    deadline_ = std::chrono::steady_clock::now() + (wall - std::chrono::system_clock::now());
  method_ = find_method(context_.method());
  if (method_ != nullptr) record_.route = method_->path;
  else record_.path = context_.method().substr(0, 256);
  if (method_ == nullptr) {
    return finish({grpc::StatusCode::UNIMPLEMENTED,
                   fmt::format("there is no method '{}'", std::string_view(context_.method()).substr(0, 128))});
  }
  if (refuse_access()) return;
  handler_ = method_->open(*this);
  if (!calls_.enter(*this, method_->health)) return finish({grpc::StatusCode::UNAVAILABLE, "too many calls"});
  read();
  if (calls_.closing()) close();
}

// Before its message is read.
bool GrpcCall::refuse_access() {
  Access access = service().tokens.check(method_->needs, header("authorization"));
  token_ = record_.served.token = std::move(access.name);
  if (!access.refusal) return false;
  service().metrics.count(
      "modelctl_requests_total",
      {{"model", ""}, {"version", ""}, {"code", std::to_string(access.refusal->status)}, {"protocol", "grpc"}});
  finish({grpc_code(access.refusal->status), access.refusal->message});
  return true;
}

void GrpcCall::read() {
  std::lock_guard lock(mutex_);
  if (ending_) return;
  if (!method_->streams) read_by_ = std::chrono::steady_clock::now() + milliseconds(service().settings().read_timeout);
  stream_.Read(&incoming_, begin(read_));
}

void GrpcCall::has_read(bool ok) {
  {
    std::lock_guard lock(mutex_);
    read_by_ = TimePoint::max();
    record_.received += ok ? incoming_.Length() : 0;
  }
  if (ok) return handler_->message(std::exchange(incoming_, {}));
  handler_->end();
  if (!method_->streams) finish({grpc::StatusCode::INVALID_ARGUMENT, "the call has no message"});
}

void GrpcCall::write(OutgoingMessage message) {
  std::lock_guard lock(mutex_);
  outgoing_.push_back(std::move(message));
  write_next();
}

void GrpcCall::finish(OutgoingMessage last) {
  std::lock_guard lock(mutex_);
  if (end_) return;
  outgoing_.push_back(std::move(last));
  end_ = grpc::Status::OK;
  write_next();
}

void GrpcCall::finish(const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  if (end_) return;
  end_ = status;
  write_next();
}

// Under the lock.
void GrpcCall::write_next() {
  if (writing_ || ending_) return;
  if (outgoing_.empty()) {
    if (!end_) return;
    ending_ = true;
    return stream_.Finish(*end_, begin(finish_));
  }
  writing_ = true;
  current_ = std::move(outgoing_.front());
  outgoing_.pop_front();
  record_.sent += current_.bytes.Length();
  auto pieces = static_cast<double>(1 + current_.bytes.Length() / response_piece);
  write_by_ = std::chrono::steady_clock::now() + milliseconds(pieces * service().settings().read_timeout);
  ending_ = outgoing_.empty() && end_ && end_->ok();
  if (ending_) stream_.WriteAndFinish(current_.bytes, grpc::WriteOptions(), *end_, begin(finish_));
  else stream_.Write(current_.bytes, begin(write_));
}

// Not ok: the client is gone.
void GrpcCall::has_written(bool ok) {
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    write_by_ = TimePoint::max();
    current_ = {};
    if (!ok) {
      ending_ = true;
      outgoing_.clear();
    }
    write_next();
  }
  handler_->written();
}

void GrpcCall::has_finished(bool) {
  std::lock_guard lock(mutex_);
  write_by_ = TimePoint::max();
  current_ = {};
}

void GrpcCall::is_done(bool) {
  if (handler_ && context_.IsCancelled()) handler_->cancelled();
  log();
}

void GrpcCall::note(Served served) {
  std::lock_guard lock(mutex_);
  served.token = std::move(record_.served.token);
  record_.served = std::move(served);
}

// A call that was cancelled may still have its answer under way, which nobody gets.
void GrpcCall::log() {
  if (!service().access_log.is_open()) return;
  std::lock_guard lock(mutex_);
  record_.aborted = context_.IsCancelled();
  auto code = record_.aborted || !end_ ? grpc::StatusCode::CANCELLED : end_->error_code();
  record_.status = http_status(code);
  record_.grpc_status = code;
  record_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  service().access_log.write(std::move(record_));
}

// A client that does not send its message in time gets an error; one that does not take its response is cut off.
void GrpcCall::tick(TimePoint now) {
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    late = now > read_by_;
    if (late) read_by_ = TimePoint::max();
    if (now > write_by_) context_.TryCancel();
  }
  if (late) finish({grpc::StatusCode::DEADLINE_EXCEEDED, "the message did not arrive in time"});
  handler_->tick();
}

void GrpcCall::close() { handler_->close(); }

std::string_view GrpcCall::header(const std::string& name) const {
  const auto& metadata = context_.client_metadata();
  auto found = metadata.find(name);
  if (found == metadata.end()) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace modelctl::serve
