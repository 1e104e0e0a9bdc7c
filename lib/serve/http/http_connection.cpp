// One connection. Its handlers run on its strand, one after the other, so that its members need no lock.
//
// Beast parses requests; bytes are read and written here, because Beast's own operations are templates of which each
// handler is an instance (byte_stream.hpp).
#include "serve/dialect.hpp"
#include "serve/http/byte_stream.hpp"
#include "serve/http/cors.hpp"
#include "serve/http/request_parser.hpp"
#include "serve/server_state.hpp"

#include <fmt/format.h>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

namespace modelctl::serve {
namespace {

constexpr std::size_t response_piece = 1024 * 1024;  // what a client must take of a response within read_timeout
constexpr std::size_t one_write = 64 * 1024;         // a body up to this size is sent together with its head
constexpr std::size_t read_piece = 4 * 1024;         // for headers; a body is read in larger pieces
constexpr std::size_t longest_method = 16, longest_path = 256;  // in the log
constexpr std::chrono::milliseconds idle_timeout{75'000};       // between the requests of a connection

// A response on its way.
struct Sending {
  std::string head, body;
  std::string_view left;        // of the two, what is being written
  std::size_t since_armed = 0;  // bytes that the client took since its time was last extended
  bool keep = false;            // the connection, afterwards
};

// The status line and the headers. `keep`: as a client of HTTP/1.0 and one of HTTP/1.1 expect to be told.
std::string head_of(const ServerResponse& response, const RequestIdentity& identity, unsigned version, bool keep) {
  std::string head;
  head.reserve(512);
  auto add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  head.append(version < 11 ? "HTTP/1.0 " : "HTTP/1.1 ").append(fmt::format_int(response.status).c_str()).append(" ");
  head.append(reason.data(), reason.size()).append("\r\n");
  add("Server", "modelctl/" MODELCTL_VERSION);
  add("X-Request-Id", identity.id);
  if (!identity.trace.empty()) add("traceresponse", identity.trace_response());
  for (const auto& [name, value] : response.headers) add(name, value);
  if (keep && version < 11) head += "Connection: keep-alive\r\n";
  if (!keep && version >= 11) head += "Connection: close\r\n";
  // RFC 9110, section 8.6: no length where there is no body; that of a 304 would be the length of what is not sent.
  if (response.status != 204 && response.status != 304) {
    add("Content-Type", response.content_type);
    add("Content-Length", fmt::format_int(response.body.size()).c_str());
  }
  return head += "\r\n";
}

// One connection: reads a request, writes the response to it, and so on until either side closes.
//
//   handshake -> idle -> headers -> body -> waits for a worker -> predicts -> writes -> idle or shutdown
//   '----- may be evicted -----'  '-- read_timeout --'  '-- max_time --'  '- read_timeout for each piece -'
//
// Each phase has a time limit of its own, which is why a drain can wait for the last connection without one. Every
// handler holds a reference to the connection; when the last handler ends without starting another operation, the
// connection ends and its socket closes. While a prediction waits or runs there is no operation: whoever will respond
// holds the reference.
class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  // The connection has been admitted.
  HttpConnection(Server::State& server, StreamSocket socket, ConnectionPlace place)
      : place_(std::move(place)),
        server_(server),
        stream_(std::move(socket), server.tls()),
        timer_(stream_.executor()),
        memory_(server.memory) {
    client_ = client_of(stream_.socket().native_handle());
  }

  void start() {
    net::dispatch(stream_.executor(), [self = shared_from_this()] {
      if (!self->stream_.secure()) return self->wait_for_request();
      self->place_.start_waiting(self);
      self->arm(milliseconds(self->server_.settings.read_timeout));
      self->stream_.handshake([self](beast::error_code code, std::size_t) {
        self->timer_.cancel();
        if (!code) self->wait_for_request();
      });
    });
  }

  void close_if_idle() override {
    net::post(stream_.executor(), [self = shared_from_this()] {
      if (self->idle_) self->stream_.cancel();
    });
  }

  void close_if_waiting() override {
    net::post(stream_.executor(), [self = shared_from_this()] {
      if (!self->place_.waiting()) return;
      self->evicted_ = true;
      self->stream_.cancel();
    });
  }

 private:
  // Cancels what is under way and leaves the socket open, so that a 408 can be sent.
  void arm(std::chrono::milliseconds time) {
    timed_out_ = false;
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this()](beast::error_code code) {
      if (auto self = weak.lock(); self && !code) {
        self->timed_out_ = true;
        self->stream_.cancel();
      }
    });
  }

  void wait_for_request() {
    parser_.emplace(server_.settings, &memory_);
    place_.start_waiting(shared_from_this());
    // Of a client that does not wait for responses: not within the call that sent one, or they would nest.
    if (buffer_.size() > 0)
      return net::post(stream_.executor(), [self = shared_from_this()] { self->begin_request(); });
    idle_ = true;
    // After the wait is known to the server: a drain that begins now either finds this connection or is seen here.
    if (server_.closing && !has_received()) return stop_reading();
    arm(idle_timeout);
    start_reading();
  }

  // Reads what comes next: the beginning of the next request, or the client's end. While a prediction is under way that
  // end cancels it: as other servers do, one that sends no more is taken for one that is gone (RFC 9112, section 9.6,
  // leaves that to the server). What comes early stays in the buffer, and nothing more is read until its turn.
  void start_reading() {
    if (reading_) return;
    reading_ = true;
    // The buffer of a body that came before: connections that wait are many.
    if (buffer_.size() == 0 && buffer_.capacity() > read_piece) buffer_.shrink_to_fit();
    stream_.read_some(buffer_.prepare(read_piece),
                      [self = shared_from_this()](beast::error_code code, std::size_t bytes) {
                        self->reading_ = false;
                        self->buffer_.commit(bytes);
                        self->has_read(code);
                      });
  }
  void has_read(beast::error_code code) {
    if (closing_) return shutdown();
    if (idle_) {
      idle_ = false;
      timer_.cancel();
      // A request that came while the connection was closed for being idle is answered.
      if (code == net::error::operation_aborted && !evicted_ && !timed_out_ && has_received()) code = {};
      if (code) return close_without_request();
      evicted_ = false;
      return begin_request();
    }
    if (!code) return;
    // The end is reported once. A read for a next request would not end before the idle time-out.
    keep_alive_ = false;
    if (auto prediction = prediction_.lock()) prediction->cancelled.stop();
  }
  bool has_received() {
    beast::error_code code;
    return stream_.socket().available(code) > 0 && !code;
  }
  // The connection ends when the read does.
  void stop_reading() {
    if (reading_) stream_.cancel();
  }

  void begin_request() {
    record_ = {.time = std::chrono::system_clock::now(), .client = client_, .protocol = "http"};
    begun_ = std::chrono::steady_clock::now();
    limited_ = timed_out_ = false;
    parse(RequestParser::Until::headers);
  }

  // The time for reading the request begins when it does not come whole.
  void limit_reading() {
    if (!std::exchange(limited_, true)) arm(milliseconds(server_.settings.read_timeout));
  }

  // Parses what was read, and reads more as long as the request, or its headers, go on.
  void parse(RequestParser::Until until) {
    auto data = buffer_.data();
    beast::error_code code;
    buffer_.consume(parser_->parse({static_cast<const char*>(data.data()), data.size()}, until, code));
    if (code == http::error::need_more && buffer_.size() < buffer_bytes) return read_more(until);
    if (code == http::error::need_more) code = http::error::buffer_overflow;
    parsed(until, code);
  }

  void read_more(RequestParser::Until until) {
    limit_reading();
    std::size_t piece = until == RequestParser::Until::headers ? read_piece : buffer_bytes;
    stream_.read_some(buffer_.prepare(std::min(piece, buffer_bytes - buffer_.size())),
                      [self = shared_from_this(), until](beast::error_code code, std::size_t bytes) {
                        self->buffer_.commit(bytes);
                        if (code) self->parsed(until, code);
                        else self->parse(until);
                      });
  }

  void parsed(RequestParser::Until until, beast::error_code code) {
    if (until == RequestParser::Until::headers) return has_headers(code);
    if (code) return refuse_request(code);
    timer_.cancel();
    dispatch();
  }

  void has_headers(beast::error_code code) {
    if (code && evicted_) return;
    place_.stop_waiting();
    if (code) return refuse_request(code);
    const auto& head = (*parser_)->get();
    identify(head);
    auto method = head.method_string(), target = head.target();
    match_ = match({method.data(), method.size()}, target_of({target.data(), target.size()}).path, server_.settings,
                   server_.role);
    if (auto refused = ambiguity(head, head.version())) return refuse_request(std::move(*refused));
    if (place_.admission() == Admission::reserve) return serve_from_reserve();
    if (auto refused = refuse_body()) return refuse_request(std::move(*refused));
    if (!has_memory_for_body()) return refuse_request(no_memory_for_body());
    if ((*parser_)->chunked()) head_without_trailers_ = head;
    // RFC 9110, section 10.1.1: a client of HTTP/1.0 does not know the interim response.
    if (head.version() > 10 && beast::iequals(head[http::field::expect], "100-continue")) return write_continue();
    parse(RequestParser::Until::end);
  }

  // A client that may not send it is refused before its body is read.
  std::optional<ServerResponse> refuse_body() {
    if ((*parser_)->is_done() || server_.trusted() || match_.route == nullptr) return std::nullopt;
    std::string name;
    auto authorization = (*parser_)->get()[http::field::authorization];
    auto refused = refuse_access(server_.service, *match_.route, {authorization.data(), authorization.size()}, name);
    if (refused) refused->served.token = std::move(name);
    return refused;
  }

  void identify(const http::request_header<>& head) {
    auto id = head["X-Request-Id"], trace = head["traceparent"];
    record_.identity = server_.service.identities.identify({id.data(), id.size()}, {trace.data(), trace.size()});
    auto method = head.method_string();
    record_.method = std::string_view(method.data(), std::min<std::size_t>(method.size(), longest_method));
  }
  // For the log: the route, or the path of a request that has none.
  void note_route(const Match& match, std::string_view path) {
    if (match.dialect != nullptr) record_.protocol = match.dialect->name;
    if (match.route == nullptr) record_.path = path.substr(0, longest_path);
    else if (match.route->configured != nullptr) record_.route = server_.settings.*match.route->configured;
    else record_.route = match.route->pattern;
  }

  // Asked before the body is read; one of unknown length needs some memory at least. Nothing is reserved on the claim
  // of a length: other bodies may take the memory meanwhile, and the body is then refused where it no longer fits.
  bool has_memory_for_body() {
    auto length = (*parser_)->content_length();
    if (!length && !(*parser_)->chunked()) return true;
    return memory_.could_hold(length ? *length : MemoryShare::uncounted + 1);
  }

  // One of more connections than the server takes: its request is served if that costs next to nothing.
  void serve_from_reserve() {
    timer_.cancel();
    keep_alive_ = false;
    if ((*parser_)->is_done()) {
      auto request = take_request();
      if (match_.route != nullptr && !match_.route->predicts()) return answer(std::move(request));
    }
    refuse_request(busy("too many connections"));
  }

  void write_continue() {
    limit_reading();
    static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    // No client has left so little space that these bytes are cut off, except one that takes nothing.
    stream_.write_some(net::buffer(text), [self = shared_from_this()](beast::error_code code, std::size_t bytes) {
      if (!code && bytes == text.size()) self->parse(RequestParser::Until::end);
    });
  }

  void refuse_request(beast::error_code code) {
    timer_.cancel();
    if (auto response = refusal(code, timed_out_, server_.settings)) refuse_request(std::move(*response));
    else shutdown();
  }

  void refuse_request(ServerResponse response) {
    keep_alive_ = false;
    head_ = (*parser_)->is_header_done() && (*parser_)->get().method() == http::verb::head;
    if ((*parser_)->is_header_done()) {
      auto origin = (*parser_)->get()[http::field::origin];
      allow_origin(response, allowed_origin(server_.settings, {origin.data(), origin.size()}));
    }
    count_refusal(server_.service, response);
    write(std::move(response));
  }

  ClientRequest take_request() {
    auto message = (*parser_)->release();
    // Beast adds trailers to the headers. None of them may act as one (RFC 9110, section 6.5.1).
    if (head_without_trailers_) message.base() = *std::exchange(head_without_trailers_, std::nullopt);
    keep_alive_ = keep_alive_ && message.keep_alive();
    version_ = message.version();
    head_ = message.method() == http::verb::head;
    ClientRequest request = plain(std::move(message));
    request.client = client_;
    request.memory = &memory_;
    request.trusted = server_.trusted();
    record_.received = request.body.size();
    note_route(match_, request.path);
    return request;
  }

  void dispatch() {
    try {
      answer(take_request());
    } catch (const std::bad_alloc&) {  // before anybody else had the request: the connection can go on
      ServerResponse response = busy("there is not enough memory to answer the request");
      count_refusal(server_.service, response);
      write(std::move(response));
    }
  }

  // The connection has nothing else under way until the response comes, except that it listens for the client's end.
  void answer(ClientRequest request) {
    prediction_ = handle(std::move(request), std::exchange(match_, {}), server_.service,
                         [self = shared_from_this()](ServerResponse response) { self->respond(std::move(response)); });
    if (!prediction_.expired() && buffer_.size() == 0) start_reading();
  }

  // On any thread.
  void respond(ServerResponse response) {
    try {
      if (!memory_.resize(response.body.capacity())) {
        response = busy("the responses to other requests take up the memory for responses");
        memory_.resize(0);
      }
      net::dispatch(stream_.executor(), [self = shared_from_this(), response = std::move(response)]() mutable {
        self->write(std::move(response));
      });
    } catch (...) { server_.note_failure(); }
  }

  void write(ServerResponse response) {
    // While it drains, clients are asked to go: their next request finds another server. One that was sent before is
    // answered here, if there is time.
    bool leaves = server_.service.leaving() && (buffer_.size() == 0 || server_.closing);
    bool keep = keep_alive_ && !leaves;
    if (record_.identity.id.empty()) record_.identity = server_.service.identities.identify({}, {});
    sending_ = Sending{.head = head_of(response, record_.identity, version_, keep), .keep = keep};
    record_.status = response.status;
    record_.served = std::move(response.served);
    record_.sent = head_ ? 0 : response.body.size();
    if (!head_ && response.body.size() <= one_write) sending_.head += response.body;
    else if (!head_) sending_.body = std::move(response.body);
    sending_.left = sending_.head;
    // Most responses fit into the socket's buffer.
    if (took(stream_.write_now(net::buffer(sending_.left)))) return ended(false);
    arm(milliseconds(server_.settings.read_timeout));
    write_more();
  }

  // Writes what the socket takes, until the response has ended. A client that does not take a piece of it in time is
  // disconnected. One limit for the whole response would cut off a large one to a client with a slow connection; one
  // for each write would let a client that takes a byte at a time hold the connection and the response's memory.
  void write_more() {
    stream_.write_some(
        net::buffer(sending_.left),
        [self = shared_from_this()](beast::error_code code, std::size_t bytes) { self->has_written(code, bytes); });
  }
  void has_written(beast::error_code code, std::size_t bytes) {
    if (took(bytes) || code) {
      timer_.cancel();
      return ended(code.failed());
    }
    if (sending_.since_armed >= response_piece) {
      sending_.since_armed = 0;
      arm(milliseconds(server_.settings.read_timeout));
    }
    write_more();
  }

  // Notes what the socket took. True if that was the rest.
  bool took(std::size_t bytes) {
    sending_.left.remove_prefix(bytes);
    if (sending_.left.empty() && !sending_.head.empty()) {
      sending_.head.clear();
      sending_.left = sending_.body;
    }
    sending_.since_armed += bytes;
    return sending_.left.empty();
  }
  void ended(bool aborted) {
    bool keep = sending_.keep && keep_alive_;
    sending_ = {};  // before its memory counts as free
    log(aborted);
    if (!aborted) written(keep);
  }

  void log(bool aborted) {
    if (!server_.service.access_log.is_open()) return;
    record_.aborted = aborted;
    record_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    server_.service.access_log.write(std::exchange(record_, {}));
  }

  void written(bool keep) {
    memory_.resize(0);
    if (keep) return wait_for_request();
    shutdown();
  }

  // Nothing was sent that the client could lose.
  void close_without_request() {
    if (stream_.secure() && !evicted_) shutdown();
  }

  void shutdown() {
    closing_ = true;
    if (reading_) return stop_reading();       // and come back
    place_.start_waiting(shared_from_this());  // for the client's end; a new connection is worth more
    arm(std::chrono::milliseconds(1000));
    if (stream_.secure()) {
      stream_.shutdown([self = shared_from_this()](beast::error_code, std::size_t) { self->timer_.cancel(); });
    } else {
      beast::error_code ignored;
      stream_.socket().shutdown(net::socket_base::shutdown_send, ignored);
      // Closing a socket with unread data resets the connection, and the client loses the response: read and discard
      // what arrives, for one second.
      discard();
    }
  }

  void discard() {
    buffer_.clear();
    stream_.read_some(buffer_.prepare(read_piece), [self = shared_from_this()](beast::error_code code, std::size_t) {
      // Data that always are there leave the timer no read to cancel.
      if (code || self->timed_out_) self->timer_.cancel();
      else self->discard();
    });
  }

  ConnectionPlace place_;  // first, so that it ends last: the server may end with it
  Server::State& server_;
  ByteStream stream_;
  net::steady_timer timer_;
  std::string client_;  // its address
  MemoryShare memory_;  // of the body while it is read and used, then of the response
  beast::flat_buffer buffer_{buffer_bytes};
  std::optional<RequestParser> parser_;
  Match match_;                                  // of the request
  std::weak_ptr<PredictionRequest> prediction_;  // under way
  Sending sending_;
  AccessRecord record_;  // of the request
  TimePoint begun_;
  bool reading_ = false;  // a read that began before its request's turn, or for an idle connection
  bool idle_ = false;
  bool closing_ = false;
  bool timed_out_ = false;
  bool limited_ = false;  // the time for reading the request has begun
  bool evicted_ = false;
  bool keep_alive_ = true;
  // Of the request, and so of its response: a client of HTTP/1.0 waits for the end of the connection unless the
  // response says that it is kept.
  unsigned version_ = 11;
  bool head_ = false;
  std::optional<http::request_header<>> head_without_trailers_;  // of a chunked request
};

}  // namespace

void start_connection(Server::State& server, StreamSocket socket, ConnectionPlace place) {
  std::make_shared<HttpConnection>(server, std::move(socket), std::move(place))->start();
}

}  // namespace modelctl::serve
