// How a client proves who it is. An authorizer is a strategy that client.hpp calls before a request is sent and when
// the server asks for (other) proof; the client itself does not know any scheme. Signatures over the request (AWS
// SigV4) fit in the same way, since authorize() sees the whole request.
#pragma once

#include "base/host.hpp"
#include "http/message.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace modelctl::http {

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // Whether requests to this URL may carry the proof. A redirect can lead to another origin, which must not get it.
  virtual bool covers(const Url& url) const = 0;
  // Adds the proof to a request that this authorizer covers.
  virtual Result<void> authorize(HttpRequest& request) = 0;
  // Reacts to a 401: true if the request is worth sending once more, with what authorize() adds from now on.
  virtual Result<bool> challenged(const HttpRequest& request, const HttpResponse& response) = 0;
  // The error of a request that stays refused.
  virtual Error refused(const HttpRequest& request, HttpResponse& response) = 0;
};

// A bearer token (RFC 6750) and for how long it may be used.
struct Token {
  std::string value;
  std::chrono::seconds lifetime{60};
};

// Keeps a token and gets a new one from `source` shortly before it expires.
class BearerToken {
 public:
  using Source = std::function<Result<Token>()>;
  BearerToken(Source source, Clock& clock) : source_(std::move(source)), clock_(clock) {}
  // The value of the Authorization header.
  Result<std::string> authorization();
  void discard() { value_.clear(); }

 private:
  Source source_;
  Clock& clock_;
  std::string value_;
  std::chrono::steady_clock::time_point refresh_at_;
};

}  // namespace modelctl::http
