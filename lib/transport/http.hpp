// One HTTP exchange after another over kept connections; the only place that knows libcurl. No redirect, retry or
// password is handled here: session.hpp does.
#pragma once

#include "base/bytes.hpp"
#include "base/host.hpp"
#include "transport/url.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::transport {

struct Header {
  std::string name, value;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<Header> headers;
  std::vector<ByteSpan> body;  // sent one after another with their Content-Length, by all methods but GET and HEAD
  std::function<void(std::uint64_t sent)> on_sent;  // how much of the body has left so far
  std::uint64_t body_size() const;
};

// A response's body, drawn by the reader: the network waits while nobody reads.
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

  // The first header of that name (any case).
  std::optional<std::string> header(std::string_view name) const;
  std::vector<std::string> headers_named(std::string_view name) const;
  std::optional<std::uint64_t> content_length() const;
  // The rest of the body; refuses more than `limit` bytes (protocol).
  Result<std::string> text(std::uint64_t limit);
};

struct HttpOptions {
  std::filesystem::path ca_file;  // certificates to trust instead of the system's; else $SSL_CERT_FILE
  bool plain_http = false;        // allow http:// to hosts that are not this machine
  std::chrono::seconds connect_timeout{15};
  std::chrono::seconds stall_timeout{60};  // give up when nothing moved for so long
};

class Http {
 public:
  // Proxies come from http_proxy, https_proxy, all_proxy and no_proxy, as curl reads them.
  Http(HttpOptions options, const Environment& environment, const StopToken& stop);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // Sends the request and answers as soon as the response's headers are there. Fails only where there is no HTTP
  // response: every status is an answer. The response must not outlive this object.
  Result<HttpResponse> send(const HttpRequest& request);
  const HttpOptions& options() const { return options_; }

 private:
  struct State;
  HttpOptions options_;
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::transport
