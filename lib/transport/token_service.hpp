// The token flow of registries (docker's token authentication, which OCI registries share): a 401 names a token
// service, which exchanges credentials, or nothing, for a bearer token of one scope.
#pragma once

#include "http/challenge.hpp"
#include "http/client.hpp"
#include "transport/credentials.hpp"

namespace modelctl::transport {

// "repository:team/digits:pull,push" and what a challenge asks for, as one list without repeats, actions sorted.
std::vector<std::string> merged_scopes(std::string_view ours, std::string_view theirs);

// The response of a token service. The lifetime is 60 s if the service does not state one, as the specification says.
Result<http::Token> parse_token(std::string_view body, std::string_view where);

// Whether a token service on the host `realm` may get the credentials of the registry on `registry`: it is of the same
// registrable domain, it is known to belong to that registry, or the user allowed it. A registry that was taken over,
// or somebody between, could otherwise send any password anywhere with one header.
bool may_get_credentials(const std::string& registry, const std::string& realm,
                         const std::vector<std::string>& allowed);

// One token service, and what to ask it for. The scope names all that this client will do, so that one token is enough
// for a whole push. Docker's documentation calls the realm a URL, and services differ in what they return: "token",
// "access_token", or both.
struct TokenService {
  http::Destination realm;
  std::string service;  // as the challenge names it; may be empty
  std::string scope;    // ours and the challenge's, as one list
  std::string account;  // the registry, for messages
  std::optional<Credentials> credentials;

  Result<http::Token> fetch(http::Client& client) const;
};

}  // namespace modelctl::transport
