// An HTTP request as we send it, and a response as it arrives: its headers first, its body when it is read.
#pragma once

#include "base/bytes.hpp"
#include "http/url.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::http {

struct Header {
  std::string name, value;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<Header> headers;
  std::vector<ByteSpan> body;  // sent one after another with their Content-Length, by all methods except GET and HEAD
  std::function<void(std::uint64_t sent)> on_sent;  // how much of the body was sent so far
  // A server on a public network named this URL: the connection may not go to a private address (address.hpp).
  bool public_only = false;
  std::uint64_t body_size() const;
};

// A response's body, pulled by the reader: while nobody reads, the network waits.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  // Up to buffer.size() bytes; 0 is the end. A body that ends before its Content-Length is an error (body-cut).
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
};

struct HttpResponse {
  int status = 0;
  std::vector<Header> headers;
  std::unique_ptr<HttpBody> body;
  // The server has a private address, so it may name others there (redirect.hpp).
  bool from_private = false;
  // It has a public address. Neither holds if a proxy is between: its address says nothing about the server.
  bool from_public = false;

  // The first header of that name (any case).
  std::optional<std::string> header(std::string_view name) const;
  std::vector<std::string> headers_named(std::string_view name) const;
  std::optional<std::uint64_t> content_length() const;
  // The rest of the body; refuses more than `limit` bytes (protocol).
  Result<std::string> text(std::uint64_t limit);
};

// "GET https://host/path", and with the status ": 404": where an error is. Contains no secret.
std::string place_of(const HttpRequest& request);
std::string place_of(const HttpRequest& request, int status);

}  // namespace modelctl::http
