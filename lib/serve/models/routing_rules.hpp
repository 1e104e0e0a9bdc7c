// What an operator decides about the versions of one model: labels, weights, rules and a shadow. As JSON:
//
//   {"labels": {"stable": "1.0", "canary": "1.1"},
//    "weights": {"stable": 90, "canary": 10}, "key": "header:X-User",
//    "rules": [{"header": "X-Beta", "value": "yes", "to": "canary"}],
//    "shadow": {"to": "canary", "share": 0.1}}
//
// "to", and each key of "weights", is a label or a version. All members are optional.
#pragma once

#include "base/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

struct RoutingRules {
  // A request with this value in this header (of any value, if it is empty) goes to a version.
  struct Rule {
    std::string header, value, to;
  };
  // This share of the requests is copied to a version whose outputs are dropped.
  struct Shadow {
    std::string to;
    double share = 1;
  };

  std::map<std::string, std::string> labels;  // "stable" -> "1.0"
  std::map<std::string, double> weights;      // shares of the requests, of any sum
  // What keeps a client on one version: "header:NAME", "cookie:NAME" or "client", its address. A request without that
  // header or cookie counts by its address. Empty: each request is decided for itself.
  std::string key;
  std::vector<Rule> rules;  // the first that fits decides, before the weights
  std::optional<Shadow> shadow;
};

// Refuses unknown members, so that a misspelled one is not taken for a decision.
Result<RoutingRules> parse_rules(std::string_view json);
// The rules of several models: {"digits": {…}, …}.
Result<std::map<std::string, RoutingRules>> parse_all_rules(std::string_view json);
std::string to_json(const RoutingRules& rules);

}  // namespace modelctl::serve
