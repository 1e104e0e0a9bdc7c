// One thread per connection, with OpenSSL for TLS. It speaks just enough HTTP/1.1 to be a registry.
#include "support/http_server.hpp"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace modelctl::test {
namespace {

// A connection, with TLS or without.
class Connection {
 public:
  Connection(int socket, SSL_CTX* context) : socket_(socket) {
    if (context == nullptr) return;
    tls_ = SSL_new(context);
    SSL_set_fd(tls_, socket_);
    good_ = SSL_accept(tls_) == 1;
  }
  ~Connection() {
    if (tls_ != nullptr) {
      if (good_) SSL_shutdown(tls_);
      SSL_free(tls_);
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool good() const { return good_; }
  // Appends what has arrived; false at the end.
  bool receive(std::string& text) {
    char buffer[64 << 10];
    long n = tls_ != nullptr ? SSL_read(tls_, buffer, sizeof buffer) : ::recv(socket_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  void send(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t left = text.size() - at;
      long n = tls_ != nullptr ? SSL_write(tls_, text.data() + at, static_cast<int>(left))
                               : ::send(socket_, text.data() + at, left, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }

 private:
  int socket_;
  SSL* tls_ = nullptr;
  bool good_ = true;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

ServedRequest parse_head(const std::string& head) {
  ServedRequest request;
  std::size_t space = head.find(' '), end = head.find(' ', space + 1);
  request.method = head.substr(0, space);
  std::string target = head.substr(space + 1, end - space - 1);
  std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size();) {
    std::size_t next = head.find("\r\n", at + 2);
    std::string line = head.substr(at + 2, next - at - 2);
    if (std::size_t colon = line.find(':'); colon != std::string::npos) {
      std::size_t value = line.find_first_not_of(' ', colon + 1);
      request.headers[lower(line.substr(0, colon))] = value == std::string::npos ? "" : line.substr(value);
    }
    at = next;
  }
  return request;
}

}  // namespace

struct HttpServer::State {
  Handler handler;
  SSL_CTX* context = nullptr;
  int listener = -1, port = 0;
  std::atomic<bool> stopping{false};
  std::atomic<int> connections{0};
  std::mutex handling, records;
  std::vector<ServedRequest> requests;
  std::vector<int> sockets;
  std::vector<std::thread> threads;
  std::thread acceptor;

  void accept() {
    while (!stopping) {
      pollfd waiting{listener, POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      int socket = ::accept(listener, nullptr, nullptr);
      if (socket < 0) continue;
      ++connections;
      int yes = 1;  // without it, the two writes of an answer wait for each other
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      std::lock_guard lock(records);
      sockets.push_back(socket);
      threads.emplace_back([this, socket] {
        serve(socket);
        ::shutdown(socket, SHUT_RDWR);
      });
    }
  }

  void serve(int socket) {
    Connection connection(socket, context);
    std::string text;
    while (connection.good() && !stopping) {
      std::size_t end = 0;
      while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        if (!connection.receive(text)) return;
        if (text.front() == '\x16') return;  // a TLS handshake at a server that speaks none
      }
      ServedRequest request = parse_head(text.substr(0, end + 2));
      text.erase(0, end + 4);
      std::size_t length = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
      while (text.size() < length) {
        if (!connection.receive(text)) return;
      }
      request.body = text.substr(0, length);
      text.erase(0, length);
      if (!answer(connection, request)) return;
    }
  }

  void pause(std::chrono::milliseconds time) {
    for (auto waited = std::chrono::milliseconds(0); waited < time && !stopping;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      waited += std::chrono::milliseconds(10);
    }
  }

  // False if the connection must end.
  bool answer(Connection& connection, const ServedRequest& request) {
    ServedResponse response;
    {
      std::lock_guard lock(handling);
      {
        std::lock_guard record(records);
        requests.push_back(request);
      }
      response = handler(request);
    }
    pause(response.stall);
    if (response.status == 0) return false;
    bool has_length = false;
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " Something\r\n";
    for (const auto& [name, value] : response.headers) {
      head += name + ": " + value + "\r\n";
      has_length = has_length || lower(name) == "content-length";
    }
    bool bodiless = request.method == "HEAD" || response.status == 204 || response.status == 304;
    if (!has_length && response.status != 204)
      head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    connection.send(head + "\r\n");
    if (bodiless) return true;
    if (response.pause_per_byte.count() > 0) {
      for (std::size_t i = 0; i < response.body.size() && !stopping; ++i) {
        connection.send(response.body.substr(i, 1));
        pause(response.pause_per_byte);
      }
      return false;
    }
    connection.send(response.body.substr(0, response.cut_after.value_or(response.body.size())));
    return !response.cut_after.has_value();
  }
};

HttpServer::HttpServer(Handler handler, const std::filesystem::path& certificate, const std::filesystem::path& key)
    : state_(std::make_unique<State>()) {
  state_->handler = std::move(handler);
  if (!certificate.empty()) {
    state_->context = SSL_CTX_new(TLS_server_method());
    bool good = SSL_CTX_use_certificate_chain_file(state_->context, certificate.c_str()) == 1 &&
                SSL_CTX_use_PrivateKey_file(state_->context, key.c_str(), SSL_FILETYPE_PEM) == 1;
    if (!good) throw std::runtime_error("the test's certificate cannot be used");
  }
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bool good = ::bind(state_->listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
              ::listen(state_->listener, 16) == 0 &&
              ::getsockname(state_->listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!good) throw std::runtime_error("the test's server cannot listen");
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::thread([this] { state_->accept(); });
}

HttpServer::~HttpServer() {
  state_->stopping = true;
  state_->acceptor.join();
  for (int socket : state_->sockets) ::shutdown(socket, SHUT_RDWR);
  for (std::thread& thread : state_->threads) thread.join();
  for (int socket : state_->sockets) ::close(socket);
  ::close(state_->listener);
  SSL_CTX_free(state_->context);
}

int HttpServer::port() const { return state_->port; }
std::string HttpServer::url(const std::string& path) const {
  return (state_->context != nullptr ? "https://" : "http://") + authority() + path;
}
std::vector<ServedRequest> HttpServer::requests() const {
  std::lock_guard lock(state_->records);
  return state_->requests;
}
int HttpServer::connections() const { return state_->connections; }

}  // namespace modelctl::test
