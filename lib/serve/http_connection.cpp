// One connection, as Beast's streams see it. Its handlers run on its strand, one after the other, so that its members
// need no lock.
#include "serve/dialect.hpp"
#include "serve/request_parser.hpp"
#include "serve/server_state.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/ssl.hpp>

namespace modelctl::serve {
namespace {

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::size_t response_piece = 1024 * 1024;        // what a client must take of a response within read_timeout
constexpr std::chrono::milliseconds idle_timeout{75'000};  // between the requests of a connection

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
// connection ends and its socket closes. While a prediction waits or runs there is no operation: whoever will respond
// holds the reference.
template <class Stream>
class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection<Stream>> {
 public:
  // The connection has been admitted.
  HttpConnection(Server::State& server, Stream stream, ConnectionPlace place)
      : place_(std::move(place)),
        server_(server),
        stream_(std::move(stream)),
        timer_(stream_.get_executor()),
        memory_(server.memory) {
    beast::error_code code;
    client_ = beast::get_lowest_layer(stream_).socket().remote_endpoint(code).address().to_string();
  }

  void start() {
    net::dispatch(stream_.get_executor(), [self = this->shared_from_this()] {
      if constexpr (std::is_same_v<Stream, TlsStream>) {
        self->place_.start_waiting(self);
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
      if (!self->place_.waiting()) return;
      self->evicted_ = true;
      beast::get_lowest_layer(self->stream_).cancel();
    });
  }

 private:
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
    place_.start_waiting(this->shared_from_this());
    if (buffer_.size() > 0) return read_header();
    idle_ = true;
    // After the wait is known to the server: a drain that begins now either finds this connection or is seen here.
    if (server_.closing) return stop_reading();
    arm(idle_timeout);
    start_reading();
  }

  // Reads what comes next: the beginning of the next request, or the client's end. While a prediction is under way that
  // end cancels it: as other servers do, one that sends no more is taken for one that is gone (RFC 9112, section 9.6,
  // leaves that to the server). What comes early stays in the buffer, and nothing more is read until its turn.
  void start_reading() {
    if (reading_) return;
    reading_ = true;
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = this->shared_from_this()](beast::error_code code, std::size_t bytes) {
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
      if (code) return close_without_request();
      evicted_ = false;
      return read_header();
    }
    if (!code) return;
    // The end is reported once. A read for a next request would not end before the idle time-out.
    keep_alive_ = false;
    if (auto prediction = prediction_.lock()) prediction->cancelled.stop();
  }
  // The connection ends when the read does.
  void stop_reading() {
    if (reading_) beast::get_lowest_layer(stream_).cancel();
  }

  void read_header() {
    arm(milliseconds(server_.settings.read_timeout));
    http::async_read_header(stream_, buffer_, **parser_,
                            [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                              if (code && self->evicted_) return;
                              self->place_.stop_waiting();
                              if (code) return self->refuse_request(code);
                              const auto& head = (*self->parser_)->get();
                              if (auto refused = ambiguity(head, head.version()))
                                return self->refuse_request(std::move(*refused));
                              if (self->place_.admission() == Admission::reserve) return self->serve_from_reserve();
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
      auto [request, match] = take_request();
      if (match.route != nullptr && !match.route->predicts()) return answer(std::move(request), std::move(match));
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

  std::pair<ClientRequest, Match> take_request() {
    auto message = (*parser_)->release();
    keep_alive_ = keep_alive_ && message.keep_alive();
    version_ = message.version();
    head_ = message.method() == http::verb::head;
    ClientRequest request = plain(std::move(message));
    request.client = client_;
    Match matched = match(request.method, request.path);
    return {std::move(request), std::move(matched)};
  }

  void dispatch() {
    try {
      auto [request, match] = take_request();
      answer(std::move(request), std::move(match));
    } catch (const std::bad_alloc&) {  // before anybody else had the request: the connection can go on
      ServerResponse response = busy("there is not enough memory to answer the request");
      count_refusal(server_.service, response);
      write(std::move(response));
    }
  }

  // The connection has nothing else under way until the response comes, except that it listens for the client's end.
  void answer(ClientRequest request, Match match) {
    prediction_ =
        handle(std::move(request), std::move(match), server_.service,
               [self = this->shared_from_this()](ServerResponse response) { self->respond(std::move(response)); });
    if (!prediction_.expired() && buffer_.size() == 0) start_reading();
  }

  // On any thread.
  void respond(ServerResponse response) {
    try {
      if (!memory_.resize(response.body.capacity())) {
        response = busy("the responses to other requests take up the memory for responses");
        memory_.resize(0);
      }
      net::dispatch(stream_.get_executor(),
                    [self = this->shared_from_this(), response = std::move(response)]() mutable {
                      self->write(std::move(response));
                    });
    } catch (...) { server_.note_failure(); }
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
                               bool keep = sending->message.keep_alive() && self->keep_alive_;
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
    closing_ = true;
    if (reading_) return stop_reading();             // and come back
    place_.start_waiting(this->shared_from_this());  // for the client's end; a new connection is worth more
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
                              // Data that always are there leave the timer no read to cancel.
                              if (code || self->timed_out_) self->timer_.cancel();
                              else self->discard();
                            });
  }

  ConnectionPlace place_;  // first, so that it ends last: the server may end with it
  Server::State& server_;
  Stream stream_;
  net::steady_timer timer_;
  std::string client_;  // its address
  MemoryShare memory_;  // of the body while it is read and used, then of the response
  beast::flat_buffer buffer_{buffer_bytes};
  std::optional<RequestParser> parser_;
  std::weak_ptr<PredictionRequest> prediction_;  // under way
  bool reading_ = false;  // a read that began before its request's turn, or for an idle connection
  bool idle_ = false;
  bool closing_ = false;
  bool timed_out_ = false;
  bool evicted_ = false;
  bool keep_alive_ = true;
  // Of the request, and so of its response: a client of HTTP/1.0 waits for the end of the connection unless the
  // response says that it is kept.
  unsigned version_ = 11;
  bool head_ = false;
};

}  // namespace

void start_connection(Server::State& server, tcp::socket socket, ConnectionPlace place) {
  PlainStream stream(std::move(socket));
  auto start = [&]<class Stream>(Stream secured) {
    std::make_shared<HttpConnection<Stream>>(server, std::move(secured), std::move(place))->start();
  };
  if (server.tls) start(TlsStream(std::move(stream), *server.tls));
  else start(std::move(stream));
}

}  // namespace modelctl::serve
