// The cursor of the requests reads the rules, too: the server needs no other JSON library.
#include "serve/models/routing_rules.hpp"

#include "serve/formats/json_writer.hpp"
#include "tensor/json/cursor.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>

namespace modelctl::serve {
namespace {

bool read_number(json::Cursor& in, double least, double most, double& value) {
  json::Number number;
  if (!in.number(number)) return false;
  auto [end, code] = std::from_chars(number.text.data(), number.text.data() + number.text.size(), value);
  if (code == std::errc() && value >= least && value <= most) return true;
  return in.fail(fmt::format("a number from {} to {} is expected", least, most));
}

bool read_rule(json::Cursor& in, RoutingRules::Rule& rule) {
  bool good = in.object([&](const std::string& key) {
    if (key == "header") return in.string(rule.header);
    if (key == "value") return in.string(rule.value);
    if (key == "to") return in.string(rule.to);
    return in.fail(fmt::format("a rule has no '{}'", key));
  });
  for (char& c : rule.header) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return good && ((!rule.header.empty() && !rule.to.empty()) || in.fail("a rule needs 'header' and 'to'"));
}

bool read_list_of_rules(json::Cursor& in, std::vector<RoutingRules::Rule>& rules) {
  constexpr std::size_t limit = 100;
  if (!in.eat('[')) return in.fail("a list is expected");
  if (in.eat(']')) return true;
  do {
    if (rules.size() == limit) return in.fail(fmt::format("there are more than {} rules", limit));
    if (!read_rule(in, rules.emplace_back())) return false;
  } while (in.eat(','));
  return in.eat(']') || in.fail("a ',' or ']' is expected");
}

bool read_shadow(json::Cursor& in, RoutingRules::Shadow& shadow) {
  bool good = in.object([&](const std::string& key) {
    if (key == "to") return in.string(shadow.to);
    if (key == "share") return read_number(in, 0, 1, shadow.share);
    return in.fail(fmt::format("a shadow has no '{}'", key));
  });
  return good && (!shadow.to.empty() || in.fail("a shadow needs 'to'"));
}

bool read_key(json::Cursor& in, std::string& key) {
  if (!in.string(key)) return false;
  bool known = key == "client" || (key.starts_with("header:") && key.size() > 7) ||
               (key.starts_with("cookie:") && key.size() > 7);
  return known || in.fail("'header:NAME', 'cookie:NAME' or 'client' is expected");
}

bool read_rules(json::Cursor& in, RoutingRules& rules) {
  return in.object([&](const std::string& key) {
    if (key == "labels") return in.object([&](const std::string& label) { return in.string(rules.labels[label]); });
    if (key == "weights")
      return in.object([&](const std::string& to) { return read_number(in, 0, 1e9, rules.weights[to]); });
    if (key == "key") return read_key(in, rules.key);
    if (key == "rules") return read_list_of_rules(in, rules.rules);
    if (key == "shadow") {
      rules.shadow = RoutingRules::Shadow{};
      return read_shadow(in, *rules.shadow);
    }
    return in.fail(fmt::format("there is no '{}' in routing rules", key));
  });
}

Error unreadable(const json::Cursor& in) {
  return Error(Kind::bad_input, "bad-routing", "cannot read the routing rules").because(in.fault());
}

bool at_end(json::Cursor& in) { return in.at_end() || in.fail("it goes on after the document's end"); }

}  // namespace

Result<RoutingRules> parse_rules(std::string_view json) {
  RoutingRules rules;
  json::Cursor in(json);
  if (!read_rules(in, rules) || !at_end(in)) return unreadable(in);
  return rules;
}

Result<std::map<std::string, RoutingRules>> parse_all_rules(std::string_view json) {
  std::map<std::string, RoutingRules> all;
  json::Cursor in(json);
  if (!in.object([&](const std::string& model) { return read_rules(in, all[model]); }) || !at_end(in))
    return unreadable(in);
  return all;
}

std::string to_json(const RoutingRules& rules) {
  JsonWriter out(1 << 20);
  std::string_view separator = "";
  auto next = [&] { return std::exchange(separator, ","); };
  out.raw("{\"labels\":{");
  for (const auto& [label, version] : rules.labels) out.raw(next()).string(label).raw(":").string(version);
  separator = "";
  out.raw("},\"weights\":{");
  for (const auto& [to, weight] : rules.weights) out.raw(next()).string(to).raw(fmt::format(":{}", weight));
  out.raw("}");
  if (!rules.key.empty()) out.raw(",\"key\":").string(rules.key);
  separator = "";
  out.raw(",\"rules\":[");
  for (const auto& rule : rules.rules) {
    out.raw(next()).raw("{\"header\":").string(rule.header).raw(",\"value\":").string(rule.value);
    out.raw(",\"to\":").string(rule.to).raw("}");
  }
  out.raw("]");
  if (rules.shadow) {
    out.raw(",\"shadow\":{\"to\":").string(rules.shadow->to);
    out.raw(fmt::format(",\"share\":{}}}", rules.shadow->share));
  }
  return out.raw("}\n").done().value_or("{}\n");
}

}  // namespace modelctl::serve
