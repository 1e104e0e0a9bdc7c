// Threads: some move bytes and calls, one for each completion queue, and one accepts connections and tells the time.
// The scheduler's workers predict.
//
// Connections are accepted here and handed over, because gRPC's own listener ends for good when the process has no
// descriptor left, and takes any number of connections.
#include "serve/grpc/grpc_server.hpp"

#include "serve/descriptors.hpp"
#include "serve/grpc/calls.hpp"
#include "serve/grpc/credentials.hpp"
#include "serve/http/accept_loop.hpp"
#include "serve/service.hpp"

#include <fmt/core.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <limits>
#include <thread>

namespace modelctl::serve {

using boost::system::error_code;

namespace {

constexpr int calls_awaited = 16;              // by each queue
constexpr std::size_t spare_descriptors = 16;  // left to everything else that opens files
constexpr int metadata_bytes = 16 * 1024;      // as HTTP's headers
constexpr std::size_t most_streams = 1000;     // of one connection
constexpr std::chrono::milliseconds tick_time{100};
constexpr std::chrono::minutes idle_time{30};       // of a connection without calls
constexpr std::chrono::seconds keepalive_time{60};  // after which a silent client is asked whether it is there
constexpr std::chrono::seconds keepalive_timeout{20};

int as_int(std::uint64_t number) {
  return static_cast<int>(std::min<std::uint64_t>(number, std::numeric_limits<int>::max()));
}

template <class Duration>
int as_ms(Duration time) {
  return as_int(static_cast<std::uint64_t>(std::chrono::milliseconds(time).count()));
}

// Those that were handed over and are still open. gRPC does not report when it closes one; a descriptor whose socket is
// another one now, or none, was closed.
class OpenConnections {
 public:
  bool full(std::size_t limit) {
    if (sockets_.size() < limit) return false;
    std::erase_if(sockets_, [](const Socket& socket) { return inode(socket.descriptor) != socket.inode; });
    return sockets_.size() >= limit;
  }
  void add(int descriptor) { sockets_.push_back({descriptor, inode(descriptor)}); }

 private:
  struct Socket {
    int descriptor;
    ino_t inode;
  };
  static ino_t inode(int descriptor) {
    struct stat status {};
    return ::fstat(descriptor, &status) == 0 ? status.st_ino : 0;
  }
  std::vector<Socket> sockets_;
};

bool descriptors_left() {
  auto most = descriptor_limit(), open = open_descriptors();
  return !most || !open || *open + spare_descriptors < *most;
}

class GrpcServer final : public FrontEnd {
 public:
  explicit GrpcServer(Service& service) : service_(service), calls_(service, service.settings().max_connections) {}
  ~GrpcServer() override;

  Result<void> start();
  Endpoint endpoint() const override { return endpoint_; }
  bool on_all_interfaces() const override { return listening_.on_all_interfaces; }
  Listener listener() override { return {"grpc", accept_loop_.descriptor(), listening_.file}; }
  void take_over() override;
  void drain(std::chrono::milliseconds grace) override;
  void hand_over(std::chrono::milliseconds grace) override;

 private:
  void close();
  void add(StreamSocket socket);
  void tick();
  void run_io();
  static void run_calls(grpc::ServerCompletionQueue& queue);

  Service& service_;
  const Settings& settings_ = service_.settings();
  Endpoint endpoint_;
  GrpcCalls calls_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::unique_ptr<grpc::Server> server_;
  net::io_context io_;
  ListeningSocket listening_;
  AcceptLoop accept_loop_{io_, [this](StreamSocket socket) { add(std::move(socket)); }, [] {}};
  net::steady_timer tick_timer_{io_};
  OpenConnections open_;
  std::vector<std::thread> threads_;
  std::thread io_thread_;
  bool drained_ = false;
};

Result<void> GrpcServer::start() {
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function([](gpr_log_func_args*) {});  // what clients do wrong is not for the operator's log
  TRY(service_.tls.load());
  listening_ = TRY(service_.listen("grpc", settings_.grpc, "--grpc"));
  endpoint_ = listening_.endpoint;
  if (listening_.is_unix()) endpoint_.role = "grpc";
  else endpoint_.scheme = service_.tls.current() == nullptr ? "grpc" : "grpcs";
  accept_loop_.open(listening_);

  grpc::ServerBuilder builder;
  using Builder = grpc::ServerBuilder::experimental_type;
  connections_ = builder.experimental().AddExternalConnectionAcceptor(Builder::ExternalConnectionType::FROM_FD,
                                                                      server_credentials(service_.tls));
  builder.RegisterAsyncGenericService(&calls_.source());
  for (std::size_t i = 0; i < service_.front_end_threads(); ++i) queues_.push_back(builder.AddCompletionQueue());
  builder.SetMaxReceiveMessageSize(as_int(settings_.max_body));
  builder.SetMaxSendMessageSize(-1);  // max_response is kept before
  // gRPC inflates a message before it looks at its size: a few kilobytes could take all memory.
  for (auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP})
    builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             as_int(std::min(settings_.max_connections, most_streams)));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, metadata_bytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, as_ms(milliseconds(settings_.read_timeout)));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, as_ms(idle_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, as_ms(keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, as_ms(keepalive_timeout));
  // What gRPC itself holds of messages that arrive: near the limit it cancels calls.
  grpc::ResourceQuota quota("modelctl");
  quota.Resize(settings_.max_buffered);
  builder.SetResourceQuota(quota);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return Error(Kind::bad_config, "grpc-failed", fmt::format("cannot serve gRPC on '{}'", settings_.grpc))
        .because("the library does not accept the settings or the certificate");
  }
  for (auto& queue : queues_) {
    for (int i = 0; i < calls_awaited; ++i) GrpcCall::await(calls_, *queue);
    threads_.emplace_back([&queue = *queue] { run_calls(queue); });
  }
  if (!listening_.inherited) accept_loop_.start();
  tick();
  io_thread_ = std::thread([this] { run_io(); });
  return {};
}

void GrpcServer::run_calls(grpc::ServerCompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) GrpcCall::ended(tag, ok);
}

void GrpcServer::run_io() {
  for (;;) {
    try {
      io_.run();
      return;
    } catch (...) {  // no memory for a connection
    }
  }
}

// One that is not taken is closed.
void GrpcServer::add(StreamSocket socket) {
  if (!descriptors_left() || open_.full(settings_.max_connections)) return;
  error_code code;
  socket.set_option(net::ip::tcp::no_delay(true), code);
  socket.native_non_blocking(true, code);  // gRPC expects it, and sets it for its own listeners alone
  if (code) return;
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = accept_loop_.descriptor();
  parameters.fd = socket.release(code);
  if (code) return;
  open_.add(parameters.fd);
  connections_->HandleNewConnection(&parameters);
}

void GrpcServer::tick() {
  tick_timer_.expires_after(tick_time);
  tick_timer_.async_wait([this](error_code code) {
    if (code) return;
    calls_.tick();
    tick();
  });
}

void GrpcServer::take_over() {
  if (!std::exchange(listening_.inherited, false)) return;
  listening_.file.set_owned(true);
  accept_loop_.start();
}

void GrpcServer::drain(std::chrono::milliseconds grace) {
  service_.drain();
  std::this_thread::sleep_for(grace);
  accept_loop_.stop();
  close();
}

// gRPC would end a connection in its handshake, which is not one that its client tries again.
void GrpcServer::hand_over(std::chrono::milliseconds grace) {
  service_.leave();
  accept_loop_.stop();
  std::this_thread::sleep_for(grace);
  close();
}

// The server ends when the last call does, each of which has limits; those that have none are ended.
void GrpcServer::close() {
  calls_.close();
  server_->Shutdown();
  drained_ = true;
}

GrpcServer::~GrpcServer() {
  if (server_ && !drained_) drain(std::chrono::milliseconds(0));
  io_.stop();
  if (io_thread_.joinable()) io_thread_.join();
  for (auto& queue : queues_) queue->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  for (auto& queue : queues_) run_calls(*queue);  // of a server that did not start: a queue must be empty when it ends
  calls_.wait_until_none();
}

}  // namespace

Result<std::unique_ptr<FrontEnd>> start_grpc(Service& service) {
  auto server = std::make_unique<GrpcServer>(service);
  TRY(server->start());
  return server;
}

}  // namespace modelctl::serve
