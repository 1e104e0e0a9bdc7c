// What all exchanges of one pool share: connections, certificates, proxies and time limits.
#include "http/connection_pool.hpp"

#include "base/check.hpp"
#include "http/address.hpp"
#include "http/certificates.hpp"
#include "http/exchange_internal.hpp"

#include <fmt/core.h>

#ifdef MODELCTL_STATIC
#include <nss.h>
#endif

namespace modelctl::http {
namespace {

// In a static program the C library must not load the machine's modules for name lookups (mDNS, systemd-resolved): they
// need the C library that is installed, and a program with two of them aborts. The hosts file and DNS are built in.
void initialize_curl() {
#ifdef MODELCTL_STATIC
  static const int lookups = __nss_configure_lookup("hosts", "files dns");
  MODELCTL_CHECK(lookups == 0, "the C library does not take the order of name lookups");
#endif
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  MODELCTL_CHECK(ready == CURLE_OK, "libcurl does not start");
}

// Empty if libcurl does not know it.
std::string_view peer_address(CURL* easy) {
  const char* address = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
  return address == nullptr ? std::string_view() : address;
}

}  // namespace

struct ConnectionPool::State {
  const StopToken& stop;
  CURLM* multi;
  Authorities authorities;
  Proxies proxies;

  State(const Environment& environment, const StopToken& stop)
      : stop(stop), multi(curl_multi_init()), proxies(environment) {}
  ~State() { curl_multi_cleanup(multi); }
};

ConnectionPool::ConnectionPool(Options options, const Environment& environment, const StopToken& stop)
    : options_(std::move(options)) {
  initialize_curl();
  state_ = std::make_unique<State>(environment, stop);
  state_->authorities = trusted_authorities(options_.ca_file, environment);
}

ConnectionPool::~ConnectionPool() = default;

Result<HttpResponse> ConnectionPool::send(const HttpRequest& request) {
  bool plain = request.url.scheme == "http" && !options_.plain_http;
  if (plain && !is_loopback(request.url.host)) {
    return Error(Kind::denied, "plain-http", fmt::format("will not use plain http with '{}'", request.url.authority()))
        .at(redacted(request.url))
        .because("everybody on the way can read and alter it")
        .help("use https, or allow it with --plain-http");
  }
  AddressRule rule = request.public_only ? AddressRule::public_only
                     : plain             ? AddressRule::loopback_only
                                         : AddressRule::any;
  Proxy proxy = TRY(state_->proxies.for_url(request.url));
  auto exchange = std::make_unique<Exchange>(state_->multi, state_->stop, request, proxy, rule);
  exchange->prepare();
  CURL* easy = exchange->easy();
  // The exceptions are hosts that are reached directly, mostly private ones. A host that a public server named goes
  // through the proxy always: on_open_socket could not tell the proxy's address from the host's.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, request.public_only ? "" : state_->proxies.exceptions().c_str());
  const Authorities& authorities = state_->authorities;
  if (!authorities.file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities.file.c_str());
  if (!authorities.folder.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, authorities.folder.c_str());
  // A transfer has no limit on the whole time, which a large package on a slow line may need: only being slower than a
  // few bytes per second for a while is a failure.
  auto stall = request.body.empty() ? options_.stall_timeout : options_.upload_stall_timeout;
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, options_.low_speed);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall.count()));
  auto started = exchange->start();
  if (!started) {
    Error error = std::move(started).error();
    if (error.code == "bad-certificate" && authorities.none()) error.hint = no_authorities;
    return error;
  }
  if (exchange->status == 407 && !proxy.address.empty()) return proxy_refused(request, proxy);
  HttpResponse response;
  response.status = exchange->status;
  response.headers = std::move(exchange->headers);
  if (std::string_view peer = peer_address(easy); proxy.address.empty() && !peer.empty()) {
    response.from_private = is_private_literal(peer);
    response.from_public = !response.from_private;
  }
  response.body = std::move(exchange);
  return response;
}

}  // namespace modelctl::http
