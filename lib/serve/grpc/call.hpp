// One call of a client: its messages in and out, its limits, and its end. What they mean is left to the handler of the
// method (method.hpp).
//
//   awaited -> accepted -> reading <-> handler -> writing ... -> finished -> done
//
// Every method is served as a stream of bytes: the call is then known before its message is read, so that it can be
// refused before, and one state machine serves all methods. Each operation under way holds a reference to the call;
// when the last one ends, the call ends.
#pragma once

#include "serve/access_log.hpp"
#include "serve/memory_budget.hpp"
#include "serve/models/prediction.hpp"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace modelctl::serve {

class GrpcCall;
class GrpcCalls;
class Service;
struct MethodDef;

// What a method does with a call. message(), end(), written() and cancelled() come from one thread, one after the
// other; tick() and close() from others at any time.
class CallHandler {
 public:
  virtual ~CallHandler() = default;
  // The next message is read when GrpcCall::read() is called again.
  virtual void message(grpc::ByteBuffer message) = 0;
  virtual void end() {}        // the client sends no more messages
  virtual void written() {}    // a message has left
  virtual void cancelled() {}  // nobody waits for the answer: the client is gone, or its deadline has passed
  virtual void tick() {}       // several times a second
  virtual void close() {}      // the server ends: so must a call that would go on for ever
};

// A message on its way out, and its part of the memory for all responses.
struct OutgoingMessage {
  grpc::ByteBuffer bytes;
  std::unique_ptr<MemoryShare> share;
};

grpc::ByteBuffer to_buffer(std::string text);  // takes the text's memory

class GrpcCall : public std::enable_shared_from_this<GrpcCall> {
 public:
  // Asks the queue for the next call of any client. The call keeps itself until it is done.
  static void await(GrpcCalls& calls, grpc::ServerCompletionQueue& queue);
  // An operation has ended: `tag` is what the queue returned.
  static void ended(void* tag, bool ok);

  GrpcCall(GrpcCalls& calls, grpc::ServerCompletionQueue& queue) : counted_(calls), queue_(queue) {}
  ~GrpcCall();

  // On any thread. Messages leave in the order of the calls; finish() after all of them.
  void read();
  void write(OutgoingMessage message);
  void finish(OutgoingMessage last);
  void finish(const grpc::Status& status);

  std::string_view header(const std::string& name) const;  // of the client's metadata
  const std::string& client() const { return client_; }    // its address, without the port
  const std::string& token() const { return token_; }      // its name; empty: none
  void note(Served served);                                // who had part in the response, for the access log
  TimePoint deadline() const { return deadline_; }
  Service& service() const;

  void tick(TimePoint now);
  void close();

 private:
  // What an operation of gRPC's returns through the queue.
  struct Operation {
    void (GrpcCall::*ended)(bool ok);
    std::shared_ptr<GrpcCall> call;  // while it is under way
  };
  void* begin(Operation& operation);

  void accepted(bool ok);
  bool refuse_access();
  void has_read(bool ok);
  void has_written(bool ok);
  void has_finished(bool ok);
  void is_done(bool ok);
  void write_next();
  void log();

  // First, so that it ends last: the server may end with it.
  struct Counted {
    explicit Counted(GrpcCalls& counting);
    ~Counted();
    GrpcCalls& calls;
  };
  const Counted counted_;
  GrpcCalls& calls_ = counted_.calls;
  grpc::ServerCompletionQueue& queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  Operation accept_{&GrpcCall::accepted, {}}, read_{&GrpcCall::has_read, {}}, write_{&GrpcCall::has_written, {}},
      finish_{&GrpcCall::has_finished, {}}, done_{&GrpcCall::is_done, {}};
  const MethodDef* method_ = nullptr;
  std::unique_ptr<CallHandler> handler_;
  std::string client_, token_;
  TimePoint deadline_ = TimePoint::max();
  grpc::ByteBuffer incoming_;

  std::mutex mutex_;
  std::deque<OutgoingMessage> outgoing_;
  std::optional<grpc::Status> end_;  // to be sent after them
  AccessRecord record_;
  TimePoint begun_;
  OutgoingMessage current_;  // being written
  bool writing_ = false;
  bool ending_ = false;  // the status is on its way
  TimePoint read_by_ = TimePoint::max();
  TimePoint write_by_ = TimePoint::max();
};

}  // namespace modelctl::serve
