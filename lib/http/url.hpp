// URLs as HTTP clients need them: parsed, resolved against a redirect, and redacted before a person sees them.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::http {

struct Url {
  std::string scheme;  // "https" or "http"
  std::string host;    // lower case, without the brackets of IPv6
  std::string port;    // empty: the scheme's default
  std::string path;    // begins with '/'
  std::string query;   // without '?'; kept verbatim, because servers sign it
  bool had_userinfo = false;

  // Returns host, or host:port, with IPv6 in brackets: the name of a registry.
  std::string authority() const;
  std::string text() const;
  bool same_origin(const Url& other) const;

  // Refuses other schemes than http and https, white space and control characters. A fragment is dropped. User and
  // password in a URL end up in logs: they are dropped too, and had_userinfo is set.
  static Result<Url> parse(std::string_view text);
};

// The URL that a Location header means, relative to `base` (RFC 3986, section 5.2).
Result<Url> resolve(const Url& base, std::string_view location);

// The URL for a person: values of query keys that are not known to be harmless become REDACTED. And those values.
std::string redacted(const Url& url);
std::vector<std::string> secret_query_values(const Url& url);
// The same as redacted(url) for any text that may be meant as a URL or a reference, at most 300 bytes of it. Text from
// a server or a user comes here, so every input has a result: what may be a user name, a password or a query is cut
// out.
std::string redacted(std::string_view text);

// Percent-encodes everything that is not unreserved (RFC 3986, section 2.3).
std::string percent_encoded(std::string_view text);

}  // namespace modelctl::http
