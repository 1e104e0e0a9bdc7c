// Credentials are checked with the registry before they are stored. Only a host that asks for them can do that: one
// that responds to everybody says nothing about a password.
#include "actions/login.hpp"

#include "actions/remote_context.hpp"
#include "transport/oci_registry.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

// "https://registry.example/" means its host, as people paste it. A user or password in it is refused, and cut out of
// the message.
Result<std::string> host_of(const std::string& registry) {
  Error error(Kind::usage, "bad-registry", fmt::format("'{}' is not a registry", http::redacted(registry)));
  bool plain = registry.starts_with("http://"), secure = registry.starts_with("https://");
  auto url = http::Url::parse(plain || secure ? registry : "https://" + registry);
  if (!url || url->had_userinfo || !url->query.empty()) {
    return std::move(error).help("a registry is a host, and a port if it has one of its own: registry.example:5000");
  }
  if (plain) error.why.push_back("registries are reached over HTTPS");
  if (url->path != "/") error.why.push_back("it has a path, and a registry is a host");
  if (error.why.empty()) return url->authority();
  std::string rest = plain ? ", and pass --plain-http if it has no TLS" : "";
  return std::move(error).help(fmt::format("write {}{}", url->authority(), rest));
}

}  // namespace

Result<LoginReport> login(const LoginRequest& request, Host& host) {
  std::string registry = TRY(host_of(request.registry));
  transport::Credentials credentials{request.username, request.password, "", "the command line"};
  // RFC 7617, section 2: the first ':' separates the user name from the password, so a name with one would be read as a
  // shorter name and a longer password, here and by docker.
  if (credentials.username.empty() || credentials.username.find(':') != std::string::npos) {
    return Error(Kind::usage, "bad-user", fmt::format("cannot log in to '{}' as '{}'", registry, credentials.username))
        .because("a user's name is not empty and holds no ':'")
        .help("name the user with --username");
  }
  if (credentials.password.empty()) {
    auto answer = host.reporter.ask_secret(fmt::format("Password of {} for {}", credentials.username, registry));
    credentials.password = answer.value_or("");
  }
  if (credentials.password.empty()) {
    return Error(Kind::usage, "no-password", fmt::format("cannot log in to '{}' without a password", registry))
        .help("give it on standard input with --password-stdin");
  }
  transport::Context context = context_of(request.remote, host);
  http::Url origin = TRY(transport::registry_origin(registry, context));
  transport::RemoteClient client(context, origin, "", "");
  client.present(credentials);
  http::HttpRequest probe{.url = origin};
  probe.url.path = "/v2/";
  // A plain web host has nothing there.
  auto response = client.expect(probe, {200, 404, 405}, fmt::format("cannot log in to '{}'", registry));
  if (!response) {
    Error error = std::move(response).error();
    if (error.code == "unauthorized") error.hint = "check the user name and the password; nothing was stored";
    return error;
  }
  LoginReport report;
  report.checked = client.asked_for_credentials();
  report.kept_in = TRY(transport::store_credentials(registry, credentials, host.environment, host.processes));
  return report;
}

Result<LogoutReport> logout(const LogoutRequest& request, Host& host) {
  std::string registry = TRY(host_of(request.registry));
  return LogoutReport{TRY(transport::erase_credentials(registry, host.environment, host.processes))};
}

}  // namespace modelctl::actions
