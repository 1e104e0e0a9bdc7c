// The one file that instantiates Boost.Beast: it takes a minute to compile.
#include "serve/server.hpp"

#include "serve/dialect.hpp"

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

#include <condition_variable>
#include <list>
#include <mutex>
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

std::string percent_decode(std::string_view text) {
  auto nibble = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = -1, low = -1;
    if (text[i] == '%' && i + 2 < text.size()) high = nibble(text[i + 1]), low = nibble(text[i + 2]);
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

HttpRequest plain(http::request<http::string_body>&& request) {
  HttpRequest result;
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
  result.body = std::move(request.body());
  return result;
}

void limit(http::request_parser<http::string_body>& parser, const ServerOptions& options) {
  parser.header_limit(header_bytes);
  parser.body_limit(options.body_bytes);
}

// Why a request could not be read, as an answer; nothing where the other side is gone and none would arrive.
std::optional<HttpResponse> refusal(beast::error_code code, bool timed_out, const ServerOptions& options) {
  if (timed_out) {
    return error_response(408, fmt::format("the request did not arrive within {} ms", options.read_timeout.count()));
  }
  if (code == http::error::body_limit) {
    return error_response(413,
                          fmt::format("the body is larger than the {} bytes that are allowed", options.body_bytes));
  }
  if (code == http::error::header_limit) {
    return error_response(431, fmt::format("the headers are larger than the {} bytes that are allowed", header_bytes));
  }
  bool ours = code.category() == http::make_error_code(http::error::end_of_stream).category();
  if (!ours || code == http::error::end_of_stream || code == http::error::partial_message) return std::nullopt;
  return error_response(400, fmt::format("this is no HTTP request: {}", code.message()));
}

// What the parser lets through, and a proxy in front might read otherwise (RFC 9112, sections 3.2 and 6.1).
std::optional<HttpResponse> ambiguity(const http::fields& fields, unsigned version) {
  std::size_t hosts = fields.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && version == 11)) return error_response(400, "the request must have one 'Host'");
  auto coding = fields.find(http::field::transfer_encoding);
  if (coding == fields.end() ||
      (fields.count(http::field::transfer_encoding) == 1 && beast::iequals(coding->value(), "chunked")))
    return std::nullopt;
  return error_response(400, "the only 'Transfer-Encoding' that is understood is 'chunked'");
}

// What a connection needs of the server, and how the server reaches its connections.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void close_if_idle() = 0;
};

}  // namespace

struct Server::State {
  ServerOptions options;
  Service& service;
  std::uint16_t port = 0;

  // Above `io`, since a connection that dies with it still says so here.
  std::mutex mutex;
  std::condition_variable changed;
  std::list<std::weak_ptr<Connection>> connections;
  std::size_t open = 0;

  net::io_context io;
  std::optional<net::ssl::context> tls;
  tcp::acceptor acceptor{net::make_strand(io)};
  net::thread_pool workers;
  std::vector<std::thread> threads;
  std::atomic<bool> closing{false};
  std::atomic<std::size_t> predictions{0};  // running or waiting
  std::size_t prediction_limit;

  State(ServerOptions given, Service& served, std::size_t worker_count)
      : options(std::move(given)),
        service(served),
        workers(worker_count),
        prediction_limit(worker_count + options.queue) {}

  void accept();
  void began() {
    std::lock_guard lock(mutex);
    ++open;
  }
  void ended() {
    std::lock_guard lock(mutex);
    --open;
    changed.notify_all();
  }
  // A place among the predictions that run or wait; false where all are taken.
  bool take_place() {
    std::size_t taken = predictions;
    do {
      if (taken >= prediction_limit) return false;
    } while (!predictions.compare_exchange_weak(taken, taken + 1));
    service.metrics.add("modelctl_inflight", {}, 1);
    return true;
  }
  void give_place() {
    --predictions;
    service.metrics.add("modelctl_inflight", {}, -1);
  }
};

namespace {

// One connection: reads a request, has it answered, writes the answer, and so on until either side closes. All of its
// handlers run on its strand.
template <class Stream>
class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection<Stream>> {
 public:
  HttpConnection(Server::State& server, Stream stream)
      : server_(server), stream_(std::move(stream)), timer_(stream_.get_executor()) {
    server_.began();
  }
  ~HttpConnection() override { server_.ended(); }

  void start() {
    net::dispatch(stream_.get_executor(), [self = this->shared_from_this()] {
      if constexpr (std::is_same_v<Stream, TlsStream>) {
        self->arm(self->server_.options.read_timeout);
        self->stream_.async_handshake(net::ssl::stream_base::server, [self](beast::error_code code) {
          self->timer_.cancel();
          if (!code) self->wait_for_request();
        });
      } else {
        self->wait_for_request();
      }
    });
  }

  // More connections than are allowed: say so and go.
  void refuse() {
    net::dispatch(stream_.get_executor(), [self = this->shared_from_this()] {
      self->keep_alive_ = false;
      self->write(busy("too many connections"));
    });
  }

  void close_if_idle() override {
    net::post(stream_.get_executor(), [self = this->shared_from_this()] {
      if (self->idle_) beast::get_lowest_layer(self->stream_).cancel();
    });
  }

 private:
  static HttpResponse busy(std::string_view why) {
    HttpResponse response = error_response(503, why);
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }

  // Beast's own stream timer closes the socket, which leaves no way to say 408: this one only cancels the read.
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
    parser_.emplace();
    limit(*parser_, server_.options);
    if (buffer_.size() > 0) return read_header();
    if (server_.closing) return;
    idle_ = true;
    arm(server_.options.idle_timeout);
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = this->shared_from_this()](beast::error_code code, std::size_t bytes) {
                              self->idle_ = false;
                              self->timer_.cancel();
                              if (code) return self->shutdown();
                              self->buffer_.commit(bytes);
                              self->read_header();
                            });
  }

  void read_header() {
    arm(server_.options.read_timeout);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                              if (code) return self->refuse_request(code);
                              const auto& head = self->parser_->get();
                              if (auto refused = ambiguity(head, head.version()))
                                return self->refuse_request(std::move(*refused));
                              if (beast::iequals(head[http::field::expect], "100-continue"))
                                return self->write_continue();
                              self->read_body();
                            });
  }

  void write_continue() {
    auto response = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *response,
                      [self = this->shared_from_this(), response](beast::error_code code, std::size_t) {
                        if (!code) self->read_body();
                      });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                       if (code) return self->refuse_request(code);
                       self->timer_.cancel();
                       self->dispatch();
                     });
  }

  void refuse_request(beast::error_code code) {
    timer_.cancel();
    if (auto response = refusal(code, timed_out_, server_.options)) refuse_request(std::move(*response));
    else shutdown();
  }

  void refuse_request(HttpResponse response) {
    keep_alive_ = false;
    count_refusal(server_.service, response);
    write(std::move(response));
  }

  void dispatch() {
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    head_ = message.method() == http::verb::head;
    request_ = plain(std::move(message));
    match_ = match(request_.method, request_.path);
    if (match_.route == nullptr || !match_.route->predicts) return write(answer(request_, match_, server_.service));
    if (!server_.take_place()) {
      HttpResponse response = busy("too many predictions are waiting");
      count_refusal(server_.service, response);
      return write(std::move(response));
    }
    net::post(server_.workers, [self = this->shared_from_this(), queued = std::chrono::steady_clock::now()] {
      auto waited = std::chrono::steady_clock::now() - queued;
      HttpResponse response = answer(self->request_, self->match_, self->server_.service, waited);
      self->server_.give_place();
      net::post(self->stream_.get_executor(),
                [self, response = std::move(response)]() mutable { self->write(std::move(response)); });
    });
  }

  void write(HttpResponse response) {
    auto message = std::make_shared<http::response<http::string_body>>(
        http::int_to_status(static_cast<unsigned>(response.status)), 11);
    message->set(http::field::server, "modelctl/" MODELCTL_VERSION);
    message->set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message->set(name, value);
    message->keep_alive(keep_alive_ && !server_.closing);
    message->content_length(response.body.size());
    if (!head_) message->body() = std::move(response.body);
    bool keep = message->keep_alive();
    arm(server_.options.read_timeout);  // a client that does not read its answer is let go
    http::async_write(stream_, *message,
                      [self = this->shared_from_this(), message, keep](beast::error_code code, std::size_t) {
                        self->timer_.cancel();
                        if (code) return;
                        if (keep) return self->wait_for_request();
                        self->shutdown();
                      });
  }

  void shutdown() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      arm(std::chrono::milliseconds(1000));
      stream_.async_shutdown([self = this->shared_from_this()](beast::error_code) { self->timer_.cancel(); });
    } else {
      beast::error_code ignored;
      stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
      // Data still unread would make the system reset the connection, and the answer be lost: take in what comes, for a
      // moment.
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
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;
  Match match_;
  bool idle_ = false;
  bool timed_out_ = false;
  bool keep_alive_ = true;
  bool head_ = false;
};

Error bad_address(const ServerOptions& options, const beast::error_code& code) {
  Kind kind = code == net::error::address_in_use ? Kind::conflict : Kind::usage;
  return Error(kind, kind == Kind::conflict ? "address-in-use" : "bad-address",
               fmt::format("cannot listen on '{}:{}'", options.host, options.port))
      .because(code.message())
      .help(kind == Kind::conflict ? "choose another port with --listen HOST:PORT"
                                   : "give --listen as HOST:PORT, as in 127.0.0.1:8080");
}

Result<net::ssl::context> tls_context(const ServerOptions& options) {
  net::ssl::context context(net::ssl::context::tls_server);
  context.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_sslv2 |
                      net::ssl::context::no_sslv3 | net::ssl::context::no_tlsv1 | net::ssl::context::no_tlsv1_1 |
                      net::ssl::context::single_dh_use);
  beast::error_code code;
  context.use_certificate_chain_file(options.tls_certificate.string(), code);
  if (code) {
    return Error(Kind::bad_config, "bad-certificate",
                 fmt::format("cannot use '{}' as the certificate", options.tls_certificate.string()))
        .at(options.tls_certificate.string())
        .because(code.message())
        .help("--tls-cert takes a PEM file with the server's certificate first, then its chain");
  }
  context.use_private_key_file(options.tls_key.string(), net::ssl::context::pem, code);
  if (code) {
    return Error(Kind::bad_config, "bad-tls-key",
                 fmt::format("cannot use '{}' as the certificate's key", options.tls_key.string()))
        .at(options.tls_key.string())
        .because(code.message())
        .help("--tls-key takes the unencrypted PEM key that belongs to the certificate");
  }
  return context;
}

}  // namespace

void Server::State::accept() {
  acceptor.async_accept(net::make_strand(io), [this](beast::error_code code, tcp::socket socket) {
    if (closing || code == net::error::operation_aborted) return;
    if (!code) {
      beast::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto add = [this](auto connection) {
        bool full;
        {
          std::lock_guard lock(mutex);
          connections.remove_if([](const auto& weak) { return weak.expired(); });
          full = open > options.connections;
          if (!full) connections.push_back(connection);
        }
        if (full) connection->refuse();
        else connection->start();
      };
      if (tls) add(std::make_shared<HttpConnection<TlsStream>>(*this, TlsStream(PlainStream(std::move(socket)), *tls)));
      else add(std::make_shared<HttpConnection<PlainStream>>(*this, PlainStream(std::move(socket))));
    }
    accept();
  });
}

std::vector<HttpResponse> answer_bytes(std::string_view bytes, const ServerOptions& options, Service& service) {
  std::vector<HttpResponse> answers;
  while (!bytes.empty()) {
    http::request_parser<http::string_body> parser;
    limit(parser, options);
    parser.eager(true);
    beast::error_code code;
    bytes.remove_prefix(parser.put(net::const_buffer(bytes.data(), bytes.size()), code));
    if (!code && !parser.is_done()) parser.put_eof(code);
    if (code || !parser.is_done()) {
      if (auto response = refusal(code, false, options)) answers.push_back(std::move(*response));
      break;
    }
    auto message = parser.release();
    if (auto refused = ambiguity(message, message.version())) {
      answers.push_back(std::move(*refused));
      break;
    }
    bool keep_alive = message.keep_alive();
    HttpRequest request = plain(std::move(message));
    answers.push_back(answer(request, match(request.method, request.path), service));
    if (!keep_alive) break;
  }
  return answers;
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Service& service) {
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return Error(Kind::usage, "half-tls", "cannot serve HTTPS with only one of certificate and key")
        .help("give both --tls-cert and --tls-key");
  }
  int worker_count = options.workers > 0 ? options.workers : std::max(1u, std::thread::hardware_concurrency());
  auto state = std::make_unique<State>(options, service, static_cast<std::size_t>(worker_count));
  if (!options.tls_certificate.empty()) state->tls.emplace(TRY(tls_context(options)));

  beast::error_code code;
  tcp::resolver resolver(state->io);
  auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, code);
  if (code || found.empty()) return bad_address(options, code);
  tcp::endpoint endpoint = found.begin()->endpoint();
  state->acceptor.open(endpoint.protocol(), code);
  if (!code) state->acceptor.set_option(net::socket_base::reuse_address(true), code);
  if (!code) state->acceptor.bind(endpoint, code);
  if (!code) state->acceptor.listen(net::socket_base::max_listen_connections, code);
  if (code) return bad_address(options, code);
  state->port = state->acceptor.local_endpoint(code).port();
  state->accept();
  // Two threads move bytes whatever the number of workers: enough for any traffic that two cores can answer.
  for (int i = 0; i < 2; ++i) state->threads.emplace_back([&io = state->io] { io.run(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->port; }

void Server::drain(std::chrono::milliseconds grace) {
  state_->service.drain();
  std::this_thread::sleep_for(grace);
  state_->closing = true;
  net::post(state_->acceptor.get_executor(), [this] {
    beast::error_code ignored;
    state_->acceptor.close(ignored);
  });
  std::unique_lock lock(state_->mutex);
  auto connections = state_->connections;
  // Not under the lock: ours may turn out to be the last hold on a connection, whose end takes the lock too.
  lock.unlock();
  for (const auto& weak : connections) {
    if (auto connection = weak.lock()) connection->close_if_idle();
  }
  lock.lock();
  // Requests under way are finished; what hangs longer than a slow request may is cut.
  state_->changed.wait_for(lock, state_->options.read_timeout * 3, [this] { return state_->open == 0; });
}

Server::~Server() {
  if (!state_->closing) drain(std::chrono::milliseconds(0));
  state_->io.stop();
  for (std::thread& thread : state_->threads) thread.join();
  state_->workers.join();
}

}  // namespace modelctl::serve
