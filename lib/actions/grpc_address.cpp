// The names of gRPC's are URIs with schemes of their own (grpc.github.io, "gRPC Name Resolution").
#include "actions/grpc_address.hpp"

#include "http/address.hpp"
#include "http/url.hpp"
#include "serve/http/percent_decode.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

constexpr std::string_view models = "/v2/models/", versions = "/versions/";

Error bad_url(std::string_view text, std::string reason) {
  return Error(Kind::usage, "bad-url", fmt::format("'{}' is not the URL of a gRPC server", http::redacted(text)))
      .because(std::move(reason))
      .help("write grpc://HOST:PORT, or grpc://HOST:PORT/v2/models/NAME");
}

// What follows `models`: NAME, NAME/versions/VERSION, and either with "/infer" as REST has it.
bool read_model(std::string_view path, GrpcAddress& address) {
  if (path.ends_with("/infer")) path.remove_suffix(6);
  std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  address.model = serve::percent_decode(name);
  if (path.starts_with(versions)) {
    path.remove_prefix(versions.size());
    address.version = serve::percent_decode(path);
    if (path.empty() || path.find('/') != path.npos) return false;
    path = {};
  }
  return !name.empty() && path.empty();
}

Result<GrpcAddress> socket_address(std::string_view text) {
  GrpcAddress address{.authority = "localhost", .on_this_machine = true};
  std::size_t at = text.find(models);
  address.shown = text.substr(0, at);
  std::string_view path = std::string_view(address.shown).substr(5);
  if (path.empty()) return bad_url(text, "it names no socket");
  std::string target = "unix:";
  for (char c : path) target += c == '/' ? "/" : http::percent_encoded({&c, 1});
  address.targets = {std::move(target)};
  if (at != text.npos && !read_model(text.substr(at + models.size()), address))
    return bad_url(text, "what follows /v2/models/ is not NAME or NAME/versions/VERSION");
  return address;
}

}  // namespace

Result<GrpcAddress> parse_grpc_address(std::string_view text) {
  if (text.starts_with("unix:")) return socket_address(text);
  std::string as_http(text);
  std::string default_port;
  if (text.starts_with("grpcs://")) as_http.replace(0, 5, "https");
  else if (text.starts_with("grpc://")) as_http.replace(0, 4, "http");
  else if (text.find("://") == text.npos) as_http = "http://" + as_http;
  else if (text.starts_with("http://")) default_port = "80";
  http::Url url = TRY(http::Url::parse(as_http));
  GrpcAddress address{.tls = url.scheme == "https"};
  if (address.tls) default_port = "443";
  if (url.port.empty()) url.port = default_port;
  if (url.port.empty()) return bad_url(text, "it has no port");
  if (!url.query.empty()) return bad_url(text, "gRPC has no queries");
  address.authority = url.authority();
  address.shown = (address.tls ? "grpcs://" : "grpc://") + address.authority;
  address.on_this_machine = http::is_loopback(url.host);
  // A name of this machine is not looked up: what it resolves to may be another one.
  if (address.on_this_machine && !http::is_address(url.host))
    address.targets = {"ipv4:127.0.0.1:" + url.port, "ipv6:[::1]:" + url.port};
  else address.targets = {"dns:///" + address.authority};
  if (url.path.starts_with(models)) {
    if (!read_model(std::string_view(url.path).substr(models.size()), address))
      return bad_url(text, "what follows /v2/models/ is not NAME or NAME/versions/VERSION");
  } else if (url.path != "/") {
    return bad_url(text, "its path is not /v2/models/NAME");
  }
  return address;
}

}  // namespace modelctl::actions
