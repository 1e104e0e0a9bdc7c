// Plain sockets on purpose: an HTTP library would refuse to send malformed requests.
#include "support/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>

namespace modelctl::test {

HttpClient::HttpClient(std::uint16_t port, int window) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval patience{20, 0};  // a hung server fails the test instead of hanging it
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (window > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);  // before connect()
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

HttpClient::~HttpClient() {
  if (socket_ >= 0) ::close(socket_);
}

void HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void HttpClient::end_sending() { ::shutdown(socket_, SHUT_WR); }

Answer HttpClient::receive() {
  auto more = [this] {
    char piece[4096];
    ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
    if (got > 0) buffer_.append(piece, static_cast<std::size_t>(got));
    return got > 0;
  };
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return {};
  }
  Answer answer;
  answer.headers = buffer_.substr(0, end + 2);
  answer.status = std::atoi(buffer_.c_str() + 9);
  buffer_.erase(0, end + 4);
  std::size_t at = answer.headers.find("\r\nContent-Length: ");
  std::size_t length = at == std::string::npos ? 0 : std::strtoul(answer.headers.c_str() + at + 18, nullptr, 10);
  while (buffer_.size() < length && more()) {}
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

std::string HttpClient::take(std::size_t most) {
  std::string bytes(most, '\0');
  ssize_t got = ::recv(socket_, bytes.data(), most, MSG_WAITALL);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

Answer HttpClient::get(std::string_view path) {
  send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n\r\n");
  return receive();
}

Answer HttpClient::post(std::string_view path, std::string_view body) {
  send("POST " + std::string(path) + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) +
       "\r\n\r\n" + std::string(body));
  return receive();
}

bool HttpClient::closed() {
  char byte;
  return ::recv(socket_, &byte, 1, 0) == 0;
}

}  // namespace modelctl::test
