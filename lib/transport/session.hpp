// Exchanges with one server, as one party: answers its challenges, follows its redirects and tries again what may
// succeed later. A session is for reading or for writing; the scope that it asks tokens for says which.
#pragma once

#include "transport/auth.hpp"
#include "transport/credentials.hpp"
#include "transport/http.hpp"

#include <initializer_list>

namespace modelctl::transport {

struct Context {
  Host& host;
  HttpOptions http;
  std::uint64_t chunk_size = 64 << 20;  // blobs larger than this are uploaded in pieces of it
};

class Session {
 public:
  // `origin` is the server that gets our credentials: no other does. `account` names it in the credentials' files and
  // in messages: "registry.example:5000"; `repository` narrows the look-up; `scope` is what tokens are asked for.
  Session(Context& context, Url origin, std::string repository, std::string scope);

  enum class Retry { yes, no };
  // Sends the request. Answers whatever comes that is not a challenge, a redirect of a kind that may be followed, or,
  // with Retry::yes, a failure that may pass: 429, 502, 503, 504, a broken connection.
  Result<HttpResponse> send(HttpRequest request, Retry retry = Retry::yes);

  // As send, and fails with what the server says unless the status is one of `wanted`. `what` begins the message:
  // "cannot push the blob sha256:…".
  Result<HttpResponse> expect(HttpRequest request, std::initializer_list<int> wanted, const std::string& what,
                              Retry retry = Retry::yes);

  // The bytes [from, size) of what lies at `url`, in order, into `sink`. Goes on with a range where the connection
  // broke; a server that knows no ranges is read again from the start, and what is there already is not passed on.
  using Sink = std::function<Result<void>(ByteSpan)>;
  Result<void> download(const Url& url, std::uint64_t from, std::uint64_t size, const std::string& what,
                        const Sink& sink);

  // Waits before attempt `attempt` (1 is the second try): exponential, with jitter, or as long as Retry-After says.
  // Fails with `interrupted`.
  Result<void> wait(int attempt, const HttpResponse* response);
  static constexpr int attempts = 5;

  // Uses these credentials instead of looking for some.
  void present(Credentials credentials);

  Context& context() { return context_; }
  const Url& origin() const { return origin_; }
  std::string account() const { return origin_.authority(); }

 private:
  Result<HttpResponse> follow(HttpRequest request);
  Result<HttpResponse> once(HttpRequest request);
  Result<bool> answer_challenge(const HttpResponse& response, const HttpRequest& request);
  Result<void> fetch_token(const Challenge& challenge);
  Result<void> find_own_credentials();
  Error refused(const HttpRequest& request, HttpResponse& response);

  Context& context_;
  Http http_;
  Url origin_;
  std::string repository_, scope_;
  bool looked_ = false;
  std::optional<Credentials> credentials_;
  std::optional<Challenge> bearer_;  // where tokens come from, once a 401 told
  std::string authorization_;        // empty until a challenge was answered
  std::optional<std::chrono::steady_clock::time_point> refresh_at_;
};

// Whether a server may send us from one place to another: never from https to plain http, and no stranger into our own
// network. `place` is where it tried to.
Result<void> check_hop(const Url& from, const Url& to, std::string place);

// The error for an answer that was not wanted: kind by status, the server's own words last. Draws the body (64 KiB).
Error http_error(const HttpRequest& request, HttpResponse& response, std::string what);

}  // namespace modelctl::transport
