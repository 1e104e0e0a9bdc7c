// The choice among a host's challenges. Nothing is sent before the host asks: a registry that is public for reading
// works without credentials, and a wrong password in a file does not matter there. A token is preferred over Basic, as
// it is limited in scope and time.
#include "transport/registry_authorizer.hpp"

#include "base/digest.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

// What a 401 asks for, in lower case.
std::vector<std::string> schemes_of(const http::HttpResponse& response) {
  std::vector<std::string> schemes;
  for (const std::string& header : response.headers_named("WWW-Authenticate")) {
    for (const http::Challenge& challenge : http::parse_challenges(header)) {
      bool nowhere = challenge.scheme == "bearer" && !challenge.values.contains("realm");
      schemes.push_back(nowhere ? "bearer without realm" : challenge.scheme);
    }
  }
  return schemes;
}

}  // namespace

void RegistryAuthorizer::present(Credentials credentials) {
  client_.secrets().add(credentials.password);
  client_.secrets().add(credentials.identity_token);
  if (!credentials.password.empty()) {
    client_.secrets().add(to_base64(as_bytes(credentials.username + ":" + credentials.password)));
  }
  credentials_ = std::move(credentials);
  looked_up_ = true;
}

Result<void> RegistryAuthorizer::look_up() {
  if (looked_up_) return {};
  looked_up_ = true;
  Host& host = client_.host();
  auto found = TRY(find_credentials(account_.name(), account_.repository, host.environment, host.processes));
  if (found) present(std::move(*found));
  return {};
}

Result<void> RegistryAuthorizer::authorize(http::HttpRequest& request) {
  if (token_) {
    auto authorization = token_->authorization();
    if (!authorization) {
      Error error = std::move(authorization).error();
      bool refused = error.code == "http-401" || error.code == "http-403";
      return refused ? refusal(std::move(error)) : error;
    }
    request.headers.push_back({"Authorization", std::move(*authorization)});
  } else if (!basic_.empty()) {
    request.headers.push_back({"Authorization", basic_});
  }
  return {};
}

Result<bool> RegistryAuthorizer::challenged(const http::HttpRequest& request, const http::HttpResponse& response) {
  TRY(look_up());
  for (const std::string& header : response.headers_named("WWW-Authenticate")) {
    for (const http::Challenge& challenge : http::parse_challenges(header)) {
      if (challenge.scheme == "bearer" && challenge.values.contains("realm")) {
        TRY(use_token(request, response, challenge));
        return true;
      }
      if (challenge.scheme == "basic" && credentials_ && !credentials_->password.empty()) {
        std::string authorization = http::basic_authorization(credentials_->username, credentials_->password);
        if (authorization == basic_) return false;  // these were refused just now
        basic_ = std::move(authorization);
        token_.reset();
        return true;
      }
    }
  }
  return false;
}

Result<void> RegistryAuthorizer::use_token(const http::HttpRequest& request, const http::HttpResponse& response,
                                           const http::Challenge& challenge) {
  TokenService service;
  service.realm = TRY_BECAUSE(http::destination(request, response, challenge.value("realm")),
                              fmt::format("getting a token for '{}'", account_.name()));
  const std::string& realm = service.realm.url.host;
  if (credentials_ && !may_get_credentials(account_.origin.host, realm, account_.auth_hosts)) {
    return Error(Kind::denied, "foreign-realm",
                 fmt::format("will not send the credentials of '{}' to '{}'", account_.name(), realm))
        .at(http::place_of(request, response.status))
        .because("the registry names a token service of another domain")
        .help(fmt::format("if it belongs to this registry, allow it with --auth-host {}", realm));
  }
  service.service = challenge.value("service");
  for (const std::string& scope : merged_scopes(account_.scope, challenge.value("scope"))) {
    service.scope += (service.scope.empty() ? "" : " ") + scope;
  }
  service.account = account_.name();
  service.credentials = credentials_;
  token_.emplace([this, service] { return service.fetch(client_); }, client_.host().clock);
  return {};
}

Error RegistryAuthorizer::refused(const http::HttpRequest& request, http::HttpResponse& response) {
  Error error = client_.failure(request, response, "");
  std::vector<std::string> schemes = schemes_of(response);
  bool wants_password = std::find(schemes.begin(), schemes.end(), "basic") != schemes.end();
  bool sent = token_.has_value() || !basic_.empty();
  if (sent || (wants_password && !credentials_)) return refusal(std::move(error));
  return unusable_challenge(std::move(error), schemes);
}

// The host was sent nothing, so it has not refused what the user has.
Error RegistryAuthorizer::unusable_challenge(Error error, const std::vector<std::string>& schemes) const {
  error.what = fmt::format("'{}' requires credentials of a kind that cannot be sent", account_.name());
  error.kind = Kind::denied;
  error.code = "unusable-challenge";
  if (schemes.empty()) {
    error.why.push_back("its response has no WWW-Authenticate header, so nothing was sent");
  } else if (std::find(schemes.begin(), schemes.end(), "basic") != schemes.end()) {
    error.why.push_back(fmt::format("it wants a user and a password; {} has a token only", credentials_->source));
  } else {
    error.why.push_back(fmt::format("it wants '{}'; Basic and Bearer are supported", fmt::join(schemes, "', '")));
  }
  error.hint = "check the address: this may not be a registry, or a proxy may be in between";
  return error;
}

// What the host or its token service refused, as the user sees it: whose credentials, and where they come from.
Error RegistryAuthorizer::refusal(Error error) const {
  error.what = credentials_ ? fmt::format("'{}' refuses the credentials of '{}'", account_.name(),
                                          credentials_->username.empty() ? "token" : credentials_->username)
                            : fmt::format("'{}' requires credentials", account_.name());
  error.kind = Kind::denied;
  error.code = "unauthorized";
  if (credentials_) error.why.insert(error.why.begin(), fmt::format("they come from {}", credentials_->source));
  error.hint = fmt::format("log in: modelctl login {} --username NAME", account_.name());
  return error;
}

}  // namespace modelctl::transport
