// Requests to token services: GET with Basic credentials, or POST with an identity token (OAuth 2 refresh token).
#include "transport/token_service.hpp"

#include "base/json.hpp"
#include "http/domain.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace modelctl::transport {
namespace {

constexpr std::uint64_t token_limit = 1 << 20;

// Token services outside of their registry's domain. Most registries need no line: Docker Hub, ghcr.io, quay.io and
// GitLab name hosts of their own domain.
struct KnownService {
  std::string_view registry, realm;
};
constexpr KnownService known_services[] = {
    {"registry.redhat.io", "sso.redhat.com"},
};

std::vector<std::string> words(std::string_view text, char separator) {
  std::vector<std::string> list;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) list.emplace_back(word);
  }
  return list;
}

}  // namespace

std::vector<std::string> merged_scopes(std::string_view ours, std::string_view theirs) {
  std::map<std::string, std::set<std::string>> actions;  // resource -> actions
  for (std::string_view text : {ours, theirs}) {
    for (const std::string& scope : words(text, ' ')) {
      std::size_t colon = scope.rfind(':');
      if (colon == scope.npos) {
        actions[scope];
        continue;
      }
      for (std::string& action : words(std::string_view(scope).substr(colon + 1), ',')) {
        actions[scope.substr(0, colon)].insert(std::move(action));
      }
    }
  }
  std::vector<std::string> scopes;
  for (const auto& [resource, wanted] : actions) {
    std::string scope = resource;
    char separator = ':';
    for (const std::string& action : wanted) {
      scope += separator + action;
      separator = ',';
    }
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

Result<http::Token> parse_token(std::string_view body, std::string_view where) {
  auto json = parse_json(body, where);
  http::Token token;
  if (json && json->is_object()) {
    for (const char* key : {"token", "access_token"}) {
      if (token.value.empty()) token.value = json_string(*json, key, where).value_or("");
    }
    if (auto lifetime = json_unsigned(*json, "expires_in", where)) {
      // A day at most: the service's number is added to a time, which must not overflow.
      token.lifetime = std::chrono::seconds(std::min<std::uint64_t>(*lifetime, 24 * 3600));
    }
  }
  // It becomes part of a header: a line break in it would add headers of the service's choice.
  bool printable = std::all_of(token.value.begin(), token.value.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (token.value.empty() || !printable) {
    return Error(Kind::protocol, "bad-token", "the token service returned no token").at(std::string(where));
  }
  return token;
}

bool may_get_credentials(const std::string& registry, const std::string& realm,
                         const std::vector<std::string>& allowed) {
  bool known = std::any_of(std::begin(known_services), std::end(known_services),
                           [&](const KnownService& pair) { return pair.registry == registry && pair.realm == realm; });
  return known || http::same_site(registry, realm) || std::find(allowed.begin(), allowed.end(), realm) != allowed.end();
}

Result<http::Token> TokenService::fetch(http::Client& client) const {
  http::HttpRequest request{.url = realm.url, .public_only = realm.public_only};
  std::string form;
  // The token goes in the body and not in the URL, which servers and proxies write to their logs.
  if (credentials && !credentials->identity_token.empty()) {
    form = fmt::format(
        "grant_type=refresh_token&client_id=modelctl&service={}&"
        "refresh_token={}&scope={}",
        http::percent_encoded(service), http::percent_encoded(credentials->identity_token),
        http::percent_encoded(scope));
    client.secrets().add(http::percent_encoded(credentials->identity_token));
    request.method = "POST";
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.body = {as_bytes(form)};
  } else {
    auto add = [&](std::string_view name, const std::string& text) {
      request.url.query +=
          fmt::format("{}{}={}", request.url.query.empty() ? "" : "&", name, http::percent_encoded(text));
    };
    if (!service.empty()) add("service", service);
    for (const std::string& one : words(scope, ' ')) add("scope", one);
    if (credentials) {
      add("account", credentials->username);
      request.headers.push_back(
          {"Authorization", http::basic_authorization(credentials->username, credentials->password)});
    }
  }
  auto response = client.connections().send(request);
  if (!response) {
    Error error = std::move(response).error();
    return client.secrets().without(std::move(error).because(fmt::format("getting a token for '{}'", account)));
  }
  if (response->status != 200) {
    return client.failure(request, *response, fmt::format("cannot get a token for '{}'", account));
  }
  std::string body = TRY(response->text(token_limit));
  http::Token token = TRY(parse_token(body, http::redacted(request.url)));
  client.secrets().add(token.value);
  return token;
}

}  // namespace modelctl::transport
