#include "transport/url.hpp"

#include <fmt/core.h>

#include <arpa/inet.h>
#include <algorithm>
#include <array>

namespace modelctl::transport {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

// The folder of a path, '.' and '..' taken out (RFC 3986, 5.2.4).
std::string without_dots(std::string_view path) {
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

// Takes a URL apart; answers what is wrong with it, or null.
const char* take_apart(std::string_view text, Url& url) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return "it holds white space or worse";
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
  if (authority.starts_with('[')) {
    std::size_t close = authority.find(']');
    if (close == authority.npos) return "its address lacks a ']'";
    url.host = lower(authority.substr(1, close - 1));
    authority.remove_prefix(close + 1);
  } else {
    std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = lower(authority.substr(0, colon));
    authority.remove_prefix(colon);
  }
  if (url.host.empty()) return "it names no host";
  if (!authority.empty()) {
    url.port = authority.substr(1);
    bool digits = !url.port.empty() && url.port.size() <= 5 &&
                  std::all_of(url.port.begin(), url.port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (authority[0] != ':' || !digits || std::stoi(url.port) > 65535 || std::stoi(url.port) == 0) {
      return "its port is no number from 1 to 65535";
    }
  }
  std::size_t query_at = std::min(rest.find('?'), rest.size());
  url.path = query_at == 0 ? "/" : std::string(rest.substr(0, query_at));
  if (query_at < rest.size()) url.query = rest.substr(query_at + 1);
  return nullptr;
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
  const char* fault = take_apart(text, url);
  if (fault == nullptr) return url;
  return Error(Kind::usage, "bad-url", fmt::format("'{}' is no URL", redacted(text))).because(fault);
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
  url.path = without_dots(url.path);
  return url;
}

bool is_loopback(std::string_view host) {
  std::array<unsigned char, 16> address{};
  std::string text(host);
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (::inet_pton(AF_INET, text.c_str(), address.data()) == 1) return address[0] == 127;
  if (::inet_pton(AF_INET6, text.c_str(), address.data()) != 1) return false;
  return std::all_of(address.begin(), address.end() - 1, [](unsigned char c) { return c == 0; }) && address[15] == 1;
}

bool is_private_literal(std::string_view host) {
  std::array<unsigned char, 16> a{};
  std::string text(host);
  if (is_loopback(host)) return true;
  if (::inet_pton(AF_INET, text.c_str(), a.data()) == 1) {
    return a[0] == 0 || a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 169 && a[1] == 254);
  }
  if (::inet_pton(AF_INET6, text.c_str(), a.data()) != 1) return false;
  bool mapped = std::all_of(a.begin(), a.begin() + 10, [](unsigned char c) { return c == 0; }) && a[10] == 0xff;
  return mapped || (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

std::string redacted(const Url& url) {
  static constexpr std::string_view harmless[] = {"digest", "from",  "last",    "mount",     "n",
                                                  "ns",     "scope", "service", "grant_type"};
  Url shown = url;
  shown.query.clear();
  std::string_view rest = url.query;
  while (!rest.empty()) {
    std::string_view item = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    std::string_view key = item.substr(0, item.find('='));
    bool known = std::find(std::begin(harmless), std::end(harmless), key) != std::end(harmless);
    if (!shown.query.empty()) shown.query += '&';
    shown.query += known ? std::string(item) : std::string(key) + "=REDACTED";
  }
  return shown.text();
}

std::string redacted(std::string_view text) {
  if (text.find("://") == text.npos) return std::string(text.substr(0, 300));
  Url url;
  if (take_apart(text, url) == nullptr) return redacted(url);
  // Not a URL, and yet it may hold a secret: what stands before an '@' or after a '?' is not shown.
  std::string shown(text.substr(0, std::min(text.find('?'), text.size())));
  if (std::size_t at = shown.rfind('@'); at != shown.npos)
    shown.replace(shown.find("://") + 3, at - shown.find("://") - 3, "REDACTED");
  return shown.substr(0, 300);
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

}  // namespace modelctl::transport
