// The challenges of a 401 response (RFC 9110, section 11.6.1), and the Authorization header of the Basic scheme.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::http {

struct Challenge {
  std::string scheme;                         // lower case: "basic", "bearer"
  std::map<std::string, std::string> values;  // names in lower case

  // The parameter of that name, or empty.
  std::string value(const std::string& name) const;
};

// The challenges of a WWW-Authenticate header. The list ends at what cannot be parsed.
std::vector<Challenge> parse_challenges(std::string_view header);

// The value of an Authorization header (RFC 7617).
std::string basic_authorization(const std::string& username, const std::string& password);

}  // namespace modelctl::http
