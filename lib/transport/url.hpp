// URLs as the transports need them: taken apart, resolved against a redirect, and redacted before anybody sees them.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace modelctl::transport {

struct Url {
  std::string scheme;  // "https" or "http"
  std::string host;    // lower case, without the brackets of IPv6
  std::string port;    // empty where the scheme's own is meant
  std::string path;    // begins with '/'
  std::string query;   // without '?'; kept verbatim, servers sign it
  bool had_userinfo = false;

  // Answers host, or host:port, with IPv6 in brackets: what a registry is called.
  std::string authority() const;
  std::string text() const;
  bool same_origin(const Url& other) const;

  // Refuses what is not http(s), white space and control characters. A fragment is dropped. User and password in a URL
  // end up in logs: they are dropped too, and had_userinfo tells.
  static Result<Url> parse(std::string_view text);
};

// The URL that a Location header means, seen from `base`.
Result<Url> resolve(const Url& base, std::string_view location);

// True for localhost, 127.0.0.0/8 and ::1: the hosts that plain http is allowed to without being asked for.
bool is_loopback(std::string_view host);
// True for address literals of loopback, private and link-local networks: no place a stranger may send us to.
bool is_private_literal(std::string_view host);

// The URL for a person: values of query keys that are not known to be harmless read REDACTED.
std::string redacted(const Url& url);
std::string redacted(std::string_view url);

// Percent-encodes everything that is not unreserved (RFC 3986).
std::string percent_encoded(std::string_view text);

}  // namespace modelctl::transport
