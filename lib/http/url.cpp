// Parsing of the generic syntax of RFC 3986, limited to http and https.
#include "http/url.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>

namespace modelctl::http {
namespace {

constexpr std::size_t shown_limit = 300;  // enough to recognize a URL by; a hostile server sends more

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

// The path with its segments '.' and '..' resolved (RFC 3986, section 5.2.4).
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    std::size_t end = path.find('/', 1);
    std::string_view segment = path.substr(0, end);
    path = end == path.npos ? std::string_view() : path.substr(end);
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
      if (path.empty()) out += '/';
    } else {
      out += segment;
    }
  }
  return out.empty() ? "/" : out;
}

// Whether `host` has only characters of a registered name (RFC 3986, section 3.2.2). Bytes beyond ASCII are accepted:
// curl encodes international names.
bool is_name(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
  });
}

bool is_ipv6_address(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Splits a URL into its parts; returns what is wrong with it, or null.
const char* split(std::string_view text, Url& url) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return "it contains white space or a control character";
  }
  std::size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return "it does not begin with https://";
  url.scheme = lower(text.substr(0, scheme_end));
  if (url.scheme != "https" && url.scheme != "http") return "it does not begin with https://";
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  std::size_t path_at = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path_at);
  rest.remove_prefix(path_at);
  if (std::size_t at = authority.rfind('@'); at != authority.npos) {
    url.had_userinfo = true;
    authority.remove_prefix(at + 1);
  }
  const bool bracketed = authority.starts_with('[');
  if (bracketed) {
    std::size_t close = authority.find(']');
    if (close == authority.npos) return "its address lacks a ']'";
    url.host = lower(authority.substr(1, close - 1));
    if (!is_ipv6_address(url.host)) return "what is in '[]' is not an IPv6 address";
    authority.remove_prefix(close + 1);
  } else {
    std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = lower(authority.substr(0, colon));
    authority.remove_prefix(colon);
  }
  if (url.host.empty()) return "it names no host";
  if (!bracketed && !is_name(url.host)) return "its host has a character that no host name has";
  if (!authority.empty()) {
    url.port = authority.substr(1);
    bool digits = !url.port.empty() && url.port.size() <= 5 &&
                  std::all_of(url.port.begin(), url.port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (authority[0] != ':' || !digits || std::stoi(url.port) > 65535 || std::stoi(url.port) == 0) {
      return "its port is not a number from 1 to 65535";
    }
  }
  std::size_t query_at = std::min(rest.find('?'), rest.size());
  url.path = query_at == 0 ? "/" : std::string(rest.substr(0, query_at));
  if (query_at < rest.size()) url.query = rest.substr(query_at + 1);
  return nullptr;
}

std::vector<std::string_view> query_items(std::string_view query) {
  std::vector<std::string_view> items;
  while (!query.empty()) {
    std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    items.push_back(item);
  }
  return items;
}

// Whether a "key=value" of a query holds nothing to hide. Any other key may carry a signature or a state that grants
// access.
bool is_harmless(std::string_view item) {
  static constexpr std::string_view keys[] = {"digest", "from",  "last",    "mount",     "n",
                                              "ns",     "scope", "service", "grant_type"};
  return std::find(std::begin(keys), std::end(keys), item.substr(0, item.find('='))) != std::end(keys);
}

}  // namespace

std::string Url::authority() const {
  std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
  return port.empty() ? name : name + ":" + port;
}

std::string Url::text() const {
  return fmt::format("{}://{}{}{}{}", scheme, authority(), path, query.empty() ? "" : "?", query);
}

bool Url::same_origin(const Url& other) const {
  auto port_of = [](const Url& url) { return url.port.empty() ? (url.scheme == "https" ? "443" : "80") : url.port; };
  return scheme == other.scheme && host == other.host && port_of(*this) == port_of(other);
}

Result<Url> Url::parse(std::string_view text) {
  Url url;
  const char* fault = split(text, url);
  if (fault == nullptr) return url;
  return Error(Kind::usage, "bad-url", fmt::format("'{}' is not a URL", redacted(text))).because(fault);
}

Result<Url> resolve(const Url& base, std::string_view location) {
  if (location.find("://") < location.find_first_of("/?")) return Url::parse(location);
  if (location.starts_with("//")) return Url::parse(base.scheme + ":" + std::string(location));
  std::string origin = base.scheme + "://" + base.authority();
  Url url = TRY(Url::parse(origin + (location.starts_with('/') ? "" : "/") + std::string(location)));
  if (location.starts_with('?')) {
    url.path = base.path;
  } else if (!location.starts_with('/')) {
    url.path = base.path.substr(0, base.path.rfind('/')) + url.path;
  }
  url.path = without_dot_segments(url.path);
  return url;
}

std::string redacted(const Url& url) {
  Url shown = url;
  shown.query.clear();
  for (std::string_view item : query_items(url.query)) {
    if (!shown.query.empty()) shown.query += '&';
    std::size_t equals = item.find('=');
    if (is_harmless(item)) shown.query += item;
    else shown.query += std::string(item.substr(0, equals == item.npos ? 0 : equals + 1)) + "REDACTED";
  }
  return shown.text();
}

std::vector<std::string> secret_query_values(const Url& url) {
  std::vector<std::string> values;
  for (std::string_view item : query_items(url.query)) {
    // Without '=', the whole item is the value.
    if (!is_harmless(item)) values.emplace_back(item.substr(item.find('=') + 1));
  }
  return values;
}

std::string redacted(std::string_view text) {
  Url url;
  if (split(text, url) == nullptr) return redacted(url).substr(0, shown_limit);
  // Not a URL, and yet it may contain a secret. All positions below are positions in `shown`, never in `text`.
  std::string shown(text.substr(0, std::min(text.find('?'), text.size())));
  std::size_t scheme_end = shown.find("://");
  std::size_t from = scheme_end == shown.npos ? 0 : scheme_end + 3;
  std::size_t at = shown.rfind('@');
  bool digest = at != shown.npos && shown.compare(at + 1, 7, "sha256:") == 0;  // team/name@sha256:…
  if (at != shown.npos && at >= from && !digest) shown.replace(from, at - from, "REDACTED");
  return shown.substr(0, shown_limit);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_' || c == '~';
    if (plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace modelctl::http
