// The one file that instantiates Boost.Beast: it takes a minute to compile.
//
// Three kinds of threads: two move bytes (`io`), `workers` predict, and the caller of drain() waits. Each has an error
// boundary, since an exception that leaves a thread ends the process. A connection's handlers run on its strand, one
// after the other, so that its members need no lock.
#include "serve/server.hpp"

#include "base/core_dumps.hpp"
#include "serve/connections.hpp"
#include "serve/descriptors.hpp"
#include "serve/dialect.hpp"
#include "serve/memory_budget.hpp"
#include "serve/percent_decode.hpp"

#include <fmt/core.h>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

namespace modelctl::serve {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::uint32_t header_bytes = 16 * 1024;
// What the parser sees at once. Chunk headers with their extensions, and all trailers together, must fit, since Beast
// parses each from contiguous memory.
constexpr std::size_t buffer_bytes = 64 * 1024;
// Of the accept loop, when the system has no descriptor or no memory: an immediate retry would only spin.
constexpr std::chrono::milliseconds accept_pause{50};
constexpr std::size_t reserved_connections = 32;
constexpr std::size_t response_piece = 1024 * 1024;        // what a client must take of a response within read_timeout
constexpr std::chrono::milliseconds idle_timeout{75'000};  // between the requests of a connection
// Left to everything else that opens files while the server runs.
constexpr std::size_t spare_descriptors = 16;

// A request's body as a string that grows as bytes arrive, never on the claim of a Content-Length, and only as far as
// the connection's share of the memory budget does.
struct BudgetedBody {
  struct value_type {
    std::string text;
    MemoryShare* share = nullptr;  // null: not limited
  };

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, beast::error_code& code) {
      length_ = length.value_or(0);
      code = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& code) {
      std::string& text = body_.text;
      std::size_t size = text.size() + beast::buffer_bytes(buffers);
      if (size > text.capacity()) {
        // Twice as much, so that appending takes linear time, but not more than is still to come.
        std::size_t capacity = 2 * text.capacity();
        if (length_ > 0) capacity = static_cast<std::size_t>(std::min<std::uint64_t>(capacity, length_));
        capacity = std::max(capacity, size);
        if (body_.share != nullptr && !body_.share->resize(capacity)) {
          code = net::error::no_memory;
          return 0;
        }
        text.reserve(capacity);
      }
      for (auto buffer : beast::buffers_range_ref(buffers))
        text.append(static_cast<const char*>(buffer.data()), buffer.size());
      code = {};
      return beast::buffer_bytes(buffers);
    }
    void finish(beast::error_code& code) { code = {}; }

   private:
    value_type& body_;
    std::uint64_t length_ = 0;  // 0: not known
  };
};

// A parser with the limits that hold before a request is admitted.
class RequestParser {
 public:
  RequestParser(const Settings& settings, MemoryShare* share) {
    parser_.header_limit(header_bytes);
    parser_.body_limit(settings.max_body);
    parser_.get().body().share = share;
    // A client may send any number of chunks, each with extensions that nobody reads (RFC 9112, section 7.1.1).
    on_chunk_ = [this](std::uint64_t, beast::string_view extensions, beast::error_code& code) {
      extension_bytes_ += extensions.size();
      if (extension_bytes_ > header_bytes) code = http::error::header_limit;
    };
    parser_.on_chunk_header(on_chunk_);
  }
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  http::request_parser<BudgetedBody>& operator*() { return parser_; }
  http::request_parser<BudgetedBody>* operator->() { return &parser_; }

 private:
  http::request_parser<BudgetedBody> parser_;
  std::function<void(std::uint64_t, beast::string_view, beast::error_code&)> on_chunk_;
  std::size_t extension_bytes_ = 0;
};

ClientRequest plain(http::request<BudgetedBody>&& request) {
  ClientRequest result;
  result.method = std::string(request.method_string());
  std::string_view target(request.target().data(), request.target().size());
  std::size_t question = target.find('?');
  result.path = percent_decode(target.substr(0, question));
  if (question != std::string_view::npos) result.query = target.substr(question + 1);
  for (const auto& field : request) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    result.headers.emplace(std::move(name), std::string(field.value()));
  }
  result.body = std::move(request.body().text);
  return result;
}

ServerResponse busy(std::string_view why) {
  ServerResponse response = error_response(503, why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// Why a request could not be read, as a response; nothing if the client is gone and would not receive it.
std::optional<ServerResponse> refusal(beast::error_code code, bool timed_out, const Settings& settings) {
  if (timed_out) {
    return error_response(
        408, fmt::format("the request did not arrive within {} ms", milliseconds(settings.read_timeout).count()));
  }
  if (code == http::error::body_limit) {
    return error_response(413, fmt::format("the body is larger than the {} bytes that are allowed", settings.max_body));
  }
  if (code == http::error::header_limit) {
    return error_response(431, fmt::format("the headers are larger than the {} bytes that are allowed", header_bytes));
  }
  if (code == http::error::buffer_overflow) {
    return error_response(
        431,
        fmt::format("a chunk's header or the trailers are larger than the {} bytes that are allowed", buffer_bytes));
  }
  if (code == net::error::no_memory) return busy("the bodies of other requests take up the memory for bodies");
  bool ours = code.category() == http::make_error_code(http::error::end_of_stream).category();
  if (!ours || code == http::error::end_of_stream || code == http::error::partial_message) return std::nullopt;
  return error_response(400, fmt::format("this is not an HTTP request: {}", code.message()));
}

// What the parser accepts and a proxy in front might read in another way: request smuggling (RFC 9112,
// sections 3.2, 6.1 and 11.2).
std::optional<ServerResponse> ambiguity(const http::fields& fields, unsigned version) {
  std::size_t hosts = fields.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && version == 11)) return error_response(400, "the request must have one 'Host'");
  auto coding = fields.find(http::field::transfer_encoding);
  if (coding == fields.end() ||
      (fields.count(http::field::transfer_encoding) == 1 && beast::iequals(coding->value(), "chunked")))
    return std::nullopt;
  return error_response(400, "the only 'Transfer-Encoding' that is understood is 'chunked'");
}

}  // namespace

struct Server::State {
  const Settings settings;
  Service& service;
  std::string host;
  std::uint16_t port = 0;

  // Above `io`, since a connection that dies with it still uses them.
  Connections connections;
  MemoryBudget memory;

  net::io_context io;
  // A connection whose prediction waits for a worker has nothing under way in `io`, which must not end for that.
  net::executor_work_guard<net::io_context::executor_type> work = net::make_work_guard(io);
  std::optional<net::ssl::context> tls;
  tcp::acceptor acceptor{net::make_strand(io)};
  net::steady_timer accept_timer{acceptor.get_executor()};
  net::thread_pool workers;
  std::vector<std::thread> threads;
  std::atomic<bool> closing{false};
  const std::size_t prediction_limit;

  State(Settings given, Service& served, std::size_t worker_count, Connections::Limits limits)
      : settings(std::move(given)),
        service(served),
        connections(limits),
        memory(settings.max_buffered),
        workers(worker_count),
        prediction_limit(worker_count + settings.queue) {}

  void run_io() {
    for (;;) {
      try {
        io.run();
        return;
      } catch (...) {  // of a handler: its connection ends with it, and the others go on
        note_failure();
      }
    }
  }
  void note_failure() noexcept {
    try {
      service.metrics.count("modelctl_failed_connections_total", {});
    } catch (...) {  // no memory to count with
    }
  }

  void accept();
  void accept_again();
  void accept_later();
  void add(tcp::socket socket);
};

namespace {

// One of the predictions that run or wait. It is counted from admission to the end of the computation, not of the
// response: a client that reads slowly must not keep others from predicting.
class PredictionSlot {
 public:
  // Nothing if all are taken.
  static std::optional<PredictionSlot> take(Server::State& server) {
    std::atomic<std::size_t>& predictions = server.service.predictions;
    // Compared and counted in one step: with two steps, two requests could each see the other's count and both be
    // refused.
    std::size_t taken = predictions;
    do {
      if (taken >= server.prediction_limit) return std::nullopt;
    } while (!predictions.compare_exchange_weak(taken, taken + 1));
    return PredictionSlot(server.service);
  }
  PredictionSlot(PredictionSlot&& other) noexcept : service_(std::exchange(other.service_, nullptr)) {}
  PredictionSlot& operator=(PredictionSlot&&) = delete;
  ~PredictionSlot() {
    if (service_ != nullptr) --service_->predictions;
  }

 private:
  explicit PredictionSlot(Service& service) : service_(&service) {}
  Service* service_;
};

// A response on its way, which the serializer refers to.
struct Sending {
  Sending(int status, unsigned version)
      : message(http::int_to_status(static_cast<unsigned>(status)), version), serializer(message) {}

  http::response<http::string_body> message;
  http::response_serializer<http::string_body> serializer;
  std::size_t since_armed = 0;  // bytes that the client took since its time was last extended
};

// One connection: reads a request, writes the response to it, and so on until either side closes.
//
//   handshake -> idle -> headers -> body -> waits for a worker -> predicts -> writes -> idle or shutdown
//   '----- may be evicted -----'  '-- read_timeout --'  '-- max_time --'  '- read_timeout for each piece -'
//
// Each phase has a time limit of its own, which is why a drain can wait for the last connection without one. Every
// handler holds a reference to the connection; when the last handler ends without starting another operation, the
// connection ends and its socket closes. While a worker predicts there is no operation: the task holds the reference.
template <class Stream>
class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection<Stream>> {
 public:
  // The connection has been admitted.
  HttpConnection(Server::State& server, Stream stream, Admission admission)
      : server_(server),
        stream_(std::move(stream)),
        timer_(stream_.get_executor()),
        admission_(admission),
        memory_(server.memory) {}
  ~HttpConnection() override { server_.connections.leave(ticket_, admission_); }

  void start() {
    net::dispatch(stream_.get_executor(), [self = this->shared_from_this()] {
      if constexpr (std::is_same_v<Stream, TlsStream>) {
        self->start_waiting();
        self->arm(milliseconds(self->server_.settings.read_timeout));
        self->stream_.async_handshake(net::ssl::stream_base::server, [self](beast::error_code code) {
          self->timer_.cancel();
          if (!code) self->wait_for_request();
        });
      } else {
        self->wait_for_request();
      }
    });
  }

  void close_if_idle() override {
    net::post(stream_.get_executor(), [self = this->shared_from_this()] {
      if (self->idle_) beast::get_lowest_layer(self->stream_).cancel();
    });
  }

  void close_if_waiting() override {
    net::post(stream_.get_executor(), [self = this->shared_from_this()] {
      if (self->ticket_ == 0) return;
      self->evicted_ = true;
      beast::get_lowest_layer(self->stream_).cancel();
    });
  }

 private:
  void start_waiting() {
    if (ticket_ == 0) ticket_ = server_.connections.start_waiting(this->shared_from_this(), admission_);
  }
  void stop_waiting() {
    server_.connections.stop_waiting(ticket_);
    ticket_ = 0;
  }

  // Beast's own stream timer closes the socket, after which no 408 can be sent: this one only cancels the read.
  void arm(std::chrono::milliseconds time) {
    timed_out_ = false;
    timer_.expires_after(time);
    timer_.async_wait([weak = this->weak_from_this()](beast::error_code code) {
      if (auto self = weak.lock(); self && !code) {
        self->timed_out_ = true;
        beast::get_lowest_layer(self->stream_).cancel();
      }
    });
  }

  void wait_for_request() {
    parser_.emplace(server_.settings, &memory_);
    start_waiting();
    if (buffer_.size() > 0) return read_header();
    idle_ = true;
    // After the wait is known to the server: a drain that begins now either finds this connection or is seen here.
    if (server_.closing) return;
    arm(idle_timeout);
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = this->shared_from_this()](beast::error_code code, std::size_t bytes) {
                              self->idle_ = false;
                              self->timer_.cancel();
                              if (code) return self->close_without_request();
                              self->evicted_ = false;
                              self->buffer_.commit(bytes);
                              self->read_header();
                            });
  }

  void read_header() {
    arm(milliseconds(server_.settings.read_timeout));
    http::async_read_header(stream_, buffer_, **parser_,
                            [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                              if (code && self->evicted_) return;
                              self->stop_waiting();
                              if (code) return self->refuse_request(code);
                              const auto& head = (*self->parser_)->get();
                              if (auto refused = ambiguity(head, head.version()))
                                return self->refuse_request(std::move(*refused));
                              if (self->admission_ == Admission::reserve) return self->serve_from_reserve();
                              if (beast::iequals(head[http::field::expect], "100-continue"))
                                return self->write_continue();
                              self->read_body();
                            });
  }

  // One of more connections than the server takes: its request is served if that costs next to nothing.
  void serve_from_reserve() {
    timer_.cancel();
    keep_alive_ = false;
    if ((*parser_)->is_done()) {
      take_request();
      if (match_.route != nullptr && !match_.route->predicts) return write(handle(request_, match_, server_.service));
    }
    refuse_request(busy("too many connections"));
  }

  void write_continue() {
    auto response = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *response,
                      [self = this->shared_from_this(), response](beast::error_code code, std::size_t) {
                        if (!code) self->read_body();
                      });
  }

  void read_body() {
    http::async_read(stream_, buffer_, **parser_,
                     [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                       if (code) return self->refuse_request(code);
                       self->timer_.cancel();
                       self->dispatch();
                     });
  }

  void refuse_request(beast::error_code code) {
    timer_.cancel();
    if (auto response = refusal(code, timed_out_, server_.settings)) refuse_request(std::move(*response));
    else shutdown();
  }

  void refuse_request(ServerResponse response) {
    keep_alive_ = false;
    count_refusal(server_.service, response);
    write(std::move(response));
  }

  void take_request() {
    auto message = (*parser_)->release();
    keep_alive_ = keep_alive_ && message.keep_alive();
    version_ = message.version();
    head_ = message.method() == http::verb::head;
    request_ = plain(std::move(message));
    match_ = match(request_.method, request_.path);
  }

  void dispatch() {
    try {
      take_request();
      if (match_.route == nullptr || !match_.route->predicts) return write(handle(request_, match_, server_.service));
      auto slot = PredictionSlot::take(server_);
      if (!slot) return refuse(busy("too many predictions are waiting"));
      net::post(server_.workers, [self = this->shared_from_this(), slot = std::move(slot),
                                  queued = std::chrono::steady_clock::now()]() mutable {
        self->predict(std::chrono::steady_clock::now() - queued, std::move(*slot));
      });
    } catch (const std::bad_alloc&) { refuse(busy("there is not enough memory to answer the request")); }
  }

  // On a worker. The connection has nothing else under way until the response is posted to its strand.
  void predict(std::chrono::steady_clock::duration waited, PredictionSlot slot) {
    try {
      ServerResponse response = handle(request_, match_, server_.service, waited);
      { auto done = std::move(slot); }  // before the client can ask again
      request_ = {};
      if (!memory_.resize(response.body.capacity())) {
        response = busy("the responses to other requests take up the memory for responses");
        memory_.resize(0);
      }
      net::post(stream_.get_executor(), [self = this->shared_from_this(), response = std::move(response)]() mutable {
        self->write(std::move(response));
      });
    } catch (...) { server_.note_failure(); }
  }

  // Refuses a request that was read in full: the connection can go on.
  void refuse(ServerResponse response) {
    count_refusal(server_.service, response);
    write(std::move(response));
  }

  void write(ServerResponse response) {
    auto sending = std::make_shared<Sending>(response.status, version_);
    auto& message = sending->message;
    message.set(http::field::server, "modelctl/" MODELCTL_VERSION);
    message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    // While it drains, clients are asked to go: their next request finds another server.
    message.keep_alive(keep_alive_ && !server_.service.draining());
    message.content_length(response.body.size());
    if (!head_) message.body() = std::move(response.body);
    arm(milliseconds(server_.settings.read_timeout));
    write_more(std::move(sending));
  }

  // Writes what the socket takes, until the response has ended. A client that does not take a piece of it in time is
  // disconnected. One limit for the whole response would cut off a large one to a client with a slow connection; one
  // for each write would let a client that takes a byte at a time hold the connection and the response's memory.
  void write_more(std::shared_ptr<Sending> sending) {
    auto& serializer = sending->serializer;
    http::async_write_some(stream_, serializer,
                           [self = this->shared_from_this(), sending = std::move(sending)](beast::error_code code,
                                                                                           std::size_t bytes) mutable {
                             if (code || sending->serializer.is_done()) {
                               self->timer_.cancel();
                               bool keep = sending->message.keep_alive();
                               sending.reset();  // before its memory counts as free
                               if (!code) self->written(keep);
                               return;
                             }
                             sending->since_armed += bytes;
                             if (sending->since_armed >= response_piece) {
                               sending->since_armed = 0;
                               self->arm(milliseconds(self->server_.settings.read_timeout));
                             }
                             self->write_more(std::move(sending));
                           });
  }

  void written(bool keep) {
    request_ = {};
    memory_.resize(0);
    if (keep) return wait_for_request();
    shutdown();
  }

  // Nothing was sent that the client could lose.
  void close_without_request() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      if (!evicted_) shutdown();
    }
  }

  void shutdown() {
    start_waiting();  // for the client's end; a new connection is worth more
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      arm(std::chrono::milliseconds(1000));
      stream_.async_shutdown([self = this->shared_from_this()](beast::error_code) { self->timer_.cancel(); });
    } else {
      beast::error_code ignored;
      stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
      // Closing a socket with unread data resets the connection, and the client loses the response: read and discard
      // what arrives, for one second.
      arm(std::chrono::milliseconds(1000));
      discard();
    }
  }

  void discard() {
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                              if (code) self->timer_.cancel();
                              else self->discard();
                            });
  }

  Server::State& server_;
  Stream stream_;
  net::steady_timer timer_;
  const Admission admission_;
  MemoryShare memory_;  // of the body while it is read and used, then of the response
  Connections::Ticket ticket_ = 0;
  beast::flat_buffer buffer_{buffer_bytes};
  std::optional<RequestParser> parser_;
  ClientRequest request_;
  Match match_;
  bool idle_ = false;
  bool timed_out_ = false;
  bool evicted_ = false;
  bool keep_alive_ = true;
  // Of the request, and so of its response: a client of HTTP/1.0 waits for the end of the connection unless the
  // response says that it is kept.
  unsigned version_ = 11;
  bool head_ = false;
};

struct Address {
  std::string host, port;
};

// HOST:PORT, [HOST]:PORT or :PORT, which means every address of the machine.
Result<Address> parse_address(const std::string& text) {
  std::size_t colon = std::min(text.rfind(':'), text.size());
  Address address{text.substr(0, colon), text.substr(std::min(colon + 1, text.size()))};
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  std::uint16_t port = 0;
  const char* last = address.port.data() + address.port.size();
  auto [end, code] = std::from_chars(address.port.data(), last, port);
  if (colon == text.size() || address.port.empty() || code != std::errc() || end != last) {
    return Error(Kind::usage, "bad-address", fmt::format("cannot listen on '{}'", text))
        .help("give --listen as HOST:PORT, as in 127.0.0.1:8080");
  }
  if (address.host.empty()) address.host = "0.0.0.0";
  return address;
}

Error bad_address(const Settings& settings, const beast::error_code& code) {
  std::string what = fmt::format("cannot listen on '{}'", settings.listen);
  if (code == net::error::address_in_use) {
    return Error(Kind::conflict, "address-in-use", what)
        .because(code.message())
        .help("choose another port with --listen HOST:PORT");
  }
  return Error(Kind::usage, "bad-address", what)
      .because(code.message())
      .help("give --listen as HOST:PORT, as in 127.0.0.1:8080");
}

// As many connections as the settings allow, or as the process has descriptors for: each takes one.
Connections::Limits connection_limits(const Settings& settings) {
  Connections::Limits limits{std::max<std::size_t>(settings.max_connections, 1), reserved_connections};
  auto most = descriptor_limit(), open = open_descriptors();
  if (!most || !open) return limits;
  std::size_t taken = *open + spare_descriptors;
  std::size_t available = *most > taken ? *most - taken : 0;
  if (limits.connections + 2 * limits.reserve <= available) return limits;
  limits.reserve = std::clamp<std::size_t>(available / 8, 1, reserved_connections);
  limits.connections = available > 2 * limits.reserve ? available - 2 * limits.reserve : 1;
  return limits;
}

// TLS 1.2 is the oldest that is spoken: RFC 8996 forbids the versions before it.
Result<net::ssl::context> tls_context(const Settings& settings) {
  net::ssl::context context(net::ssl::context::tls_server);
  context.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_sslv2 |
                      net::ssl::context::no_sslv3 | net::ssl::context::no_tlsv1 | net::ssl::context::no_tlsv1_1 |
                      net::ssl::context::single_dh_use);
  beast::error_code code;
  context.use_certificate_chain_file(settings.tls_cert.string(), code);
  if (code) {
    return Error(Kind::bad_config, "bad-certificate",
                 fmt::format("cannot use '{}' as the certificate", settings.tls_cert.string()))
        .at(settings.tls_cert.string())
        .because(code.message())
        .help("--tls-cert takes a PEM file with the server's certificate first, then its chain");
  }
  // Before the key is in memory, since OpenSSL makes copies that nobody wipes.
  forbid_core_dumps();
  context.use_private_key_file(settings.tls_key.string(), net::ssl::context::pem, code);
  if (code) {
    return Error(Kind::bad_config, "bad-tls-key",
                 fmt::format("cannot use '{}' as the certificate's key", settings.tls_key.string()))
        .at(settings.tls_key.string())
        .because(code.message())
        .help("--tls-key takes the unencrypted PEM key that belongs to the certificate");
  }
  return context;
}

}  // namespace

void Server::State::accept() {
  acceptor.async_accept(net::make_strand(io), [this](beast::error_code code, tcp::socket socket) {
    if (closing || code == net::error::operation_aborted) return;
    if (code) return accept_later();
    try {
      add(std::move(socket));
    } catch (const std::exception&) {  // no memory for this connection
      note_failure();
    }
    accept_again();
  });
}

// The accept loop must not end while the server lives, not even when there is no memory to wait for the next one.
void Server::State::accept_again() {
  while (!closing) {
    try {
      return accept();
    } catch (const std::exception&) {
      note_failure();
      std::this_thread::sleep_for(accept_pause);
    }
  }
}

// The system has no descriptor or no memory for the next connection, which stays in the kernel's queue and makes the
// acceptor ready at once: without a pause this would be a busy loop.
void Server::State::accept_later() {
  connections.close_longest_waiting();
  accept_timer.expires_after(accept_pause);
  accept_timer.async_wait([this](beast::error_code code) {
    if (!code) accept_again();
  });
}

void Server::State::add(tcp::socket socket) {
  beast::error_code ignored;
  // A response that ends in a small segment would otherwise wait for the acknowledgment of the one before (Nagle's
  // algorithm), which Linux delays by 40 ms.
  socket.set_option(tcp::no_delay(true), ignored);
  PlainStream stream(std::move(socket));
  Admission admission = connections.admit();
  if (admission == Admission::refused) return;
  auto start = [&]<class Stream>(Stream secured) {
    std::shared_ptr<HttpConnection<Stream>> connection;
    try {
      connection = std::make_shared<HttpConnection<Stream>>(*this, std::move(secured), admission);
    } catch (...) {
      connections.leave(0, admission);  // as the connection would have done
      throw;
    }
    connection->start();
  };
  if (tls) start(TlsStream(std::move(stream), *tls));
  else start(std::move(stream));
}

std::vector<ServerResponse> answer_bytes(std::string_view bytes, const Settings& settings, Service& service) {
  std::vector<ServerResponse> responses;
  while (!bytes.empty()) {
    RequestParser parser(settings, nullptr);
    parser->eager(true);
    beast::error_code code;
    // As a connection's buffer shows them to the parser.
    for (std::size_t seen = 0; !parser->is_done() && (!code || code == http::error::need_more);) {
      std::size_t window = std::min(bytes.size(), buffer_bytes);
      if (seen == window) {
        if (window == buffer_bytes) code = http::error::buffer_overflow;
        else if (code = {}; parser->got_some()) parser->put_eof(code);
        break;
      }
      std::size_t used = parser->put(net::const_buffer(bytes.data(), window), code);
      bytes.remove_prefix(used);
      seen = used > 0 ? 0 : window;
    }
    if (code || !parser->is_done()) {
      if (auto response = refusal(code, false, settings)) responses.push_back(std::move(*response));
      break;
    }
    auto message = parser->release();
    if (auto refused = ambiguity(message, message.version())) {
      responses.push_back(std::move(*refused));
      break;
    }
    bool keep_alive = message.keep_alive();
    ClientRequest request = plain(std::move(message));
    responses.push_back(handle(request, match(request.method, request.path), service));
    if (!keep_alive) break;
  }
  return responses;
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(const Settings& settings, Service& service) {
  if (settings.tls_cert.empty() != settings.tls_key.empty()) {
    return Error(Kind::usage, "half-tls", "cannot serve HTTPS with only one of certificate and key")
        .help("give both --tls-cert and --tls-key");
  }
  if (settings.max_body > settings.max_buffered) {
    return Error(Kind::usage, "bad-limits", "cannot serve: the largest body is larger than the memory for all bodies")
        .help("give --max-buffered at least the value of --max-body");
  }
  Address address = TRY(parse_address(settings.listen));
  int worker_count =
      settings.workers > 0 ? static_cast<int>(settings.workers) : std::max(1u, std::thread::hardware_concurrency());
  auto state =
      std::make_unique<State>(settings, service, static_cast<std::size_t>(worker_count), connection_limits(settings));
  if (!settings.tls_cert.empty()) state->tls.emplace(TRY(tls_context(settings)));

  beast::error_code code;
  tcp::resolver resolver(state->io);
  auto found = resolver.resolve(address.host, address.port, tcp::resolver::passive, code);
  if (code || found.empty()) return bad_address(settings, code);
  tcp::endpoint endpoint = found.begin()->endpoint();
  state->acceptor.open(endpoint.protocol(), code);
  // A restart must not wait until the connections of the process before have left TIME_WAIT.
  if (!code) state->acceptor.set_option(net::socket_base::reuse_address(true), code);
  if (!code) state->acceptor.bind(endpoint, code);
  if (!code) state->acceptor.listen(net::socket_base::max_listen_connections, code);
  if (code) return bad_address(settings, code);
  state->host = address.host;
  state->port = state->acceptor.local_endpoint(code).port();
  state->accept();
  // Two threads move bytes whatever the number of workers: one that writes a large response must not delay health.
  for (int i = 0; i < 2; ++i) state->threads.emplace_back([&state = *state] { state.run_io(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->port; }
std::string Server::address() const { return fmt::format("{}:{}", state_->host, state_->port); }

// The order matters. Unready first, while everything is still served, since load balancers go on sending until they
// have noticed. `closing` before close_idle(): a connection that starts to wait in between sees it and ends by itself.
void Server::drain(std::chrono::milliseconds grace) {
  state_->service.drain();
  std::this_thread::sleep_for(grace);
  state_->closing = true;
  net::post(state_->acceptor.get_executor(), [this] {
    beast::error_code ignored;
    state_->acceptor.close(ignored);
    state_->accept_timer.cancel();
  });
  state_->connections.close_idle();
  state_->connections.wait_until_none();
}

Server::~Server() {
  if (!state_->closing) drain(std::chrono::milliseconds(0));
  state_->io.stop();
  for (std::thread& thread : state_->threads) thread.join();
  state_->workers.join();
}

}  // namespace modelctl::serve
