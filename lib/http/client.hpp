// An HTTP client for one task: authorizes requests, follows redirects, repeats what may succeed later, and turns what
// the server refuses into an error. It knows nothing of registries.
#pragma once

#include "http/authorizer.hpp"
#include "http/connection_pool.hpp"
#include "http/redirect.hpp"
#include "http/retry.hpp"
#include "http/secrets.hpp"

#include <initializer_list>
#include <memory>

namespace modelctl::http {

class Client {
 public:
  Client(const Options& options, Host& host);

  // Whoever proves to the server who we are; without one, no request carries credentials.
  void use(std::unique_ptr<Authorizer> authorizer) { authorizer_ = std::move(authorizer); }

  enum class Retry { yes, no };
  // Sends the request. Returns any response that is not a challenge, a redirect of a kind that may be followed, or,
  // with Retry::yes, a transient failure (retry.hpp).
  Result<HttpResponse> send(const HttpRequest& request, Retry retry = Retry::yes);

  // As send, and fails with the server's words unless the status is one of `wanted`. `what` begins the message: "cannot
  // push the blob sha256:…".
  Result<HttpResponse> expect(const HttpRequest& request, std::initializer_list<int> wanted, const std::string& what,
                              Retry retry = Retry::yes);

  // The bytes [from, size) of the resource at `url`, in order, into `sink`. Continues with a range if the connection
  // broke; a server without ranges is read again from the start, and what was delivered already is skipped.
  using Sink = std::function<Result<void>(ByteSpan)>;
  Result<void> download(const Url& url, std::uint64_t from, std::uint64_t size, const std::string& what,
                        const Sink& sink);

  // Waits before the attempt after `attempt` (from 1). Fails with `interrupted`, or with retry_later if the server
  // requests a longer wait than anybody sits through.
  Result<void> wait(int attempt, std::optional<std::chrono::seconds> requested = std::nullopt);
  std::optional<std::chrono::seconds> requested_wait(const HttpResponse& response);

  // The error for a response that was not wanted: kind by status, the server's own words last. Reads the body (64 KiB).
  Error failure(const HttpRequest& request, HttpResponse& response, std::string what) const;

  Host& host() { return host_; }
  ConnectionPool& connections() { return connections_; }
  Secrets& secrets() { return secrets_; }

 private:
  Result<HttpResponse> follow(HttpRequest request);
  Result<HttpResponse> authorized(const HttpRequest& request);

  Host& host_;
  ConnectionPool connections_;
  Secrets secrets_;
  std::unique_ptr<Authorizer> authorizer_;
};

}  // namespace modelctl::http
