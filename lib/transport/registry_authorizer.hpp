// Proves to a registry or a web host who we are, in the way that the host asks for: Basic, or a bearer token from the
// service that it names. Credentials are looked up when a challenge comes, not before.
#pragma once

#include "transport/token_service.hpp"

namespace modelctl::transport {

// One account on one host, for one purpose.
struct Account {
  http::Url origin;                     // the only host that gets the credentials
  std::string repository;               // narrows the look-up of credentials
  std::string scope;                    // what tokens are asked for
  std::vector<std::string> auth_hosts;  // token services of other domains that the user allowed

  // The host's name in the credentials' files and in messages: "registry.example:5000".
  std::string name() const { return origin.authority(); }
};

// The state is the reaction to the last challenge: nothing, a Basic header, or a token service. A host may ask for
// something else in the middle of a push; the newest challenge counts.
class RegistryAuthorizer : public http::Authorizer {
 public:
  // `client` is the one that this authorizer is used by.
  RegistryAuthorizer(http::Client& client, Account account) : client_(client), account_(std::move(account)) {}

  // Uses these credentials instead of looking for some.
  void present(Credentials credentials);
  // Whether the host has asked for credentials, in a form that is supported. If not, it has not seen any.
  bool asked() const { return token_.has_value() || !basic_.empty(); }

  bool covers(const http::Url& url) const override { return url.same_origin(account_.origin); }
  Result<void> authorize(http::HttpRequest& request) override;
  Result<bool> challenged(const http::HttpRequest& request, const http::HttpResponse& response) override;
  Error refused(const http::HttpRequest& request, http::HttpResponse& response) override;

 private:
  Result<void> look_up();
  Error refusal(Error error) const;
  Error unusable_challenge(Error error, const std::vector<std::string>& schemes) const;
  Result<void> use_token(const http::HttpRequest& request, const http::HttpResponse& response,
                         const http::Challenge& challenge);

  http::Client& client_;
  Account account_;
  bool looked_up_ = false;
  std::optional<Credentials> credentials_;
  std::string basic_;                       // the header's value, once Basic was asked for
  std::optional<http::BearerToken> token_;  // once a token was asked for
};

}  // namespace modelctl::transport
