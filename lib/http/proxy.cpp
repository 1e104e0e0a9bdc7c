// Proxy variables are parsed with libcurl's own URL parser: what it accepts and what it connects to must agree.
#include "http/proxy.hpp"

#include "http/address.hpp"

#include <curl/curl.h>
#include <fmt/core.h>

#include <initializer_list>
#include <memory>

namespace modelctl::http {
namespace {

std::pair<std::string, std::string> first_set(const Environment& environment,
                                              std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = environment.get(name); value && !value->empty()) return {name, *value};
  }
  return {};
}

std::string part(CURLU* url, CURLUPart which, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

Proxies::Proxies(const Environment& environment) {
  auto [https_name, https_value] = first_set(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  // HTTP_PROXY in upper case is not read, nor does curl read it: a CGI server sets it from a client's "Proxy" header
  // (CVE-2016-5385, "httpoxy").
  auto [http_name, http_value] = first_set(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
  https_ = {https_name, https_value};
  http_ = {http_name, http_value};
  no_proxy_ = first_set(environment, {"no_proxy", "NO_PROXY"}).second;
}

Result<Proxy> Proxies::for_url(const Url& url) const {
  const Setting& setting = url.scheme == "https" ? https_ : http_;
  if (setting.value.empty() || is_loopback(url.host)) return Proxy{};
  std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), &curl_url_cleanup);
  // As for curl, a proxy without a scheme speaks http.
  std::string text = setting.value.find("://") == std::string::npos ? "http://" + setting.value : setting.value;
  CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME);
  Proxy proxy;
  std::string scheme = part(parsed.get(), CURLUPART_SCHEME, 0), host = part(parsed.get(), CURLUPART_HOST, 0);
  if (code != CURLUE_OK || host.empty()) {
    return Error(Kind::bad_config, "bad-proxy",
                 fmt::format("cannot read the proxy in the environment variable {}", setting.variable))
        .at(setting.variable)
        .because(code == CURLUE_OK ? "it names no host" : curl_url_strerror(code))
        .help(
            "a proxy reads as http://host:port; percent-encode special "
            "characters in its user name and password");
  }
  std::string port = part(parsed.get(), CURLUPART_PORT, 0);
  proxy.address = fmt::format("{}://{}{}{}", scheme, host, port.empty() ? "" : ":", port);
  proxy.username = part(parsed.get(), CURLUPART_USER, CURLU_URLDECODE);
  proxy.password = part(parsed.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
  return proxy;
}

}  // namespace modelctl::http
