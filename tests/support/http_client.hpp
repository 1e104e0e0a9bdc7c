// A bare HTTP/1.1 client over one TCP connection to this machine: it can send what a well-behaved client never would.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace modelctl::test {

struct Answer {
  int status = 0;  // 0: the connection closed with no answer
  std::string headers;
  std::string body;
};

class HttpClient {
 public:
  // With a `window`, the kernel takes little more than that many bytes for the client before it reads.
  explicit HttpClient(std::uint16_t port, int window = 0);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(std::string_view bytes);
  // Sends no more, and still receives.
  void end_sending();
  Answer receive();
  // Up to `most` bytes of whatever has come; empty once the other side has closed.
  std::string take(std::size_t most);
  Answer get(std::string_view path);
  Answer post(std::string_view path, std::string_view body);
  // True once the other side has closed.
  bool closed();

 private:
  int socket_;
  std::string buffer_;
};

}  // namespace modelctl::test
