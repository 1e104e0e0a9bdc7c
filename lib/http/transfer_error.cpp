// What libcurl's codes mean to a user. Its own words come last; they name hosts and ports, never credentials, since
// those are not part of any URL that it gets.
#include "http/exchange_internal.hpp"

#include <fmt/core.h>

namespace modelctl::http {

Error proxy_refused(const HttpRequest& request, const Proxy& proxy) {
  bool given = !proxy.username.empty() || !proxy.password.empty();
  return Error(Kind::denied, "proxy-unauthorized",
               given ? fmt::format("the proxy '{}' refuses the credentials", proxy.address)
                     : fmt::format("the proxy '{}' requires credentials", proxy.address))
      .at(place_of(request, 407))
      .help(
          "put them into the environment variable that names the proxy: "
          "http://user:password@host:port");
}

Error transfer_error(CURLcode code, std::string detail, long connect_status, const HttpRequest& request,
                     const Proxy& proxy) {
  std::string words = detail.empty() ? curl_easy_strerror(code) : std::move(detail);
  std::string host = request.url.authority();
  auto make = [&](Kind kind, const char* name, std::string what) {
    return Error(kind, name, std::move(what)).at(place_of(request)).because(std::move(words));
  };
  if (connect_status == 407) return proxy_refused(request, proxy);
  if (connect_status >= 300) {
    return make(Kind::unavailable, "proxy-failed",
                fmt::format("the proxy '{}' does not connect us to '{}'", proxy.address, host));
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
      return make(Kind::unavailable, "unknown-host", fmt::format("cannot find the proxy '{}'", proxy.address))
          .help(
              "check the environment variable that names the proxy, and the "
              "network");
    case CURLE_COULDNT_RESOLVE_HOST:
      return make(Kind::unavailable, "unknown-host", fmt::format("cannot find the host '{}'", host))
          .help("check the name and the network");
    case CURLE_COULDNT_CONNECT:
      if (!proxy.address.empty()) {
        return make(Kind::unavailable, "cannot-connect",
                    fmt::format("cannot connect to '{}' through the proxy '{}'", host, proxy.address))
            .help(
                "check that the proxy and the server run, and that no firewall "
                "is between");
      }
      return make(Kind::unavailable, "cannot-connect", fmt::format("cannot connect to '{}'", host))
          .help("check that the server runs and that no firewall is between");
    case CURLE_OPERATION_TIMEDOUT:
      return make(Kind::retry_later, "timed-out", fmt::format("'{}' takes too long to respond", host));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return make(Kind::untrusted, "bad-certificate", fmt::format("cannot trust the certificate of '{}'", host))
          .help(
              "if the server has a certificate authority of its own, name its "
              "certificate with --ca-file");
    case CURLE_SSL_CONNECT_ERROR:
      return make(Kind::unavailable, "tls-failed", fmt::format("cannot use TLS with '{}'", host))
          .help("check that the server supports HTTPS on this port");
    case CURLE_PARTIAL_FILE:
      return make(Kind::unavailable, "body-cut", fmt::format("the response of '{}' ended early", host));
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return make(Kind::unavailable, "connection-lost", fmt::format("the connection to '{}' broke", host));
    case CURLE_WRITE_ERROR:  // on_header ended the transfer
      return make(Kind::protocol, "headers-too-large", fmt::format("the headers of '{}' are too large", host));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return make(Kind::protocol, "not-http", fmt::format("'{}' does not support HTTP", host));
    default: return make(Kind::unavailable, "transfer-failed", fmt::format("the exchange with '{}' failed", host));
  }
}

}  // namespace modelctl::http
