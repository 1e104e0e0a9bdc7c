// The proxy that a request goes through, from the variables that curl reads. User and password are kept apart from the
// address from the start, so that no message, of ours or of the library's, can contain them.
#pragma once

#include "base/host.hpp"
#include "http/url.hpp"

namespace modelctl::http {

struct Proxy {
  std::string address;  // "http://host:port"; empty: none
  std::string username, password;
};

class Proxies {
 public:
  // Reads http_proxy, https_proxy, all_proxy and no_proxy, in lower case, and all but the first in upper case too:
  // HTTP_PROXY can be set by a header of a web request (httpoxy).
  explicit Proxies(const Environment& environment);

  // This machine is never reached through a proxy: its names mean another machine there. Fails with bad_config if a
  // variable does not hold a proxy.
  Result<Proxy> for_url(const Url& url) const;
  const std::string& exceptions() const { return no_proxy_; }  // as curl's NOPROXY takes them

 private:
  struct Setting {
    std::string variable, value;
  };
  Setting http_, https_;
  std::string no_proxy_;
};

}  // namespace modelctl::http
