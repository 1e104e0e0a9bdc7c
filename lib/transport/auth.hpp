// What a server asks for with a 401, and the Authorization header that answers it: Basic, or a token from the service
// that the challenge names (docker's and OCI's token flow).
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::transport {

struct Challenge {
  std::string scheme;                         // lower case: "basic", "bearer"
  std::map<std::string, std::string> values;  // names in lower case
};

// The challenges of a WWW-Authenticate header (RFC 9110, 11.6.1). What cannot be read ends the list.
std::vector<Challenge> parse_challenges(std::string_view header);

// "repository:team/digits:pull,push" and what a challenge wants, as one list without repeats, actions sorted.
std::vector<std::string> merged_scopes(std::string_view ours, std::string_view theirs);

struct Token {
  std::string value;
  std::chrono::seconds lifetime{60};  // what the service says, or the 60 s that the specification gives
};

// The answer of a token service.
Result<Token> parse_token(std::string_view body, std::string_view where);

std::string basic_authorization(const std::string& username, const std::string& password);

}  // namespace modelctl::transport
