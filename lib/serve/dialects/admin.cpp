// For operators: the routing of a model's versions, and how much is logged. Every route needs a token with the scope
// admin.
#include "serve/dialect.hpp"
#include "tensor/json/cursor.hpp"

#include <fmt/core.h>

#include <charconv>

namespace modelctl::serve {
namespace {

ServerResponse rules_of(const RoutingTable& table, const std::string& model) {
  ServerResponse response;
  response.body = to_json(table.at(model).rules);
  return response;
}

Error no_model(const std::string& model) {
  return Error(Kind::not_found, "no-such-model", "there is no model '" + model + "' that is ready");
}

Result<ServerResponse> get_routing(const RequestContext& context) {
  std::string model = context.selector().model;
  auto table = context.service.routing_table();
  if (!table->contains(model)) return no_model(model);
  return rules_of(*table, model);
}

// Replaces all rules of the model in one step.
Result<ServerResponse> put_routing(const RequestContext& context) {
  std::string model = context.selector().model;
  TRY(context.service.registry.set_rules(model, TRY(parse_rules(context.request.body))));
  auto table = context.service.routing_table();
  if (!table->contains(model)) return no_model(model);
  return rules_of(*table, model);
}

// {"level":"info","access_log_every":1}
ServerResponse log_settings(const Service& service) {
  ServerResponse response;
  response.body = fmt::format("{{\"level\":\"{}\",\"access_log_every\":{}}}\n",
                              service.reports_info ? "info" : "warning", service.access_log.every());
  return response;
}

Result<ServerResponse> get_log(const RequestContext& context) { return log_settings(context.service); }

// Both or one of them, for this process and until it ends.
Result<ServerResponse> put_log(const RequestContext& context) {
  constexpr std::uint64_t most = 1'000'000;
  std::string level;
  std::uint64_t every = 0;
  json::Cursor in(context.request.body);
  bool good = in.object([&](const std::string& key) {
    if (key == "level")
      return in.string(level) && (level == "info" || level == "warning" || in.fail("'info' or 'warning' is expected"));
    if (key != "access_log_every") return in.fail(fmt::format("there is no '{}'", key));
    json::Number number;
    if (!in.number(number)) return false;
    const char* end = number.text.data() + number.text.size();
    auto [stopped, code] = std::from_chars(number.text.data(), end, every);
    return (code == std::errc() && stopped == end && every >= 1 && every <= most) ||
           in.fail(fmt::format("a whole number from 1 to {} is expected", most));
  });
  if (!good || !(in.at_end() || in.fail("it goes on after the document's end")))
    return Error(Kind::bad_input, "bad-request", "cannot read the settings of the log").because(in.fault());
  if (!level.empty()) context.service.reports_info = level == "info";
  if (every != 0) context.service.access_log.set_every(every);
  return log_settings(context.service);
}

constexpr const char* log_schema =
    R"({"type":"object","properties":{"level":{"enum":["info","warning"]},"access_log_every":{"type":"integer"}}})";

void describe_get_log(RouteDescription& route, const LoadedModel*) {
  route = {"How much is logged", {}, {{"application/json", log_schema}}};
}
void describe_put_log(RouteDescription& route, const LoadedModel*) {
  route = {"Changes how much is logged", {{"application/json", log_schema}}, {{"application/json", log_schema}}};
}

constexpr const char* rules_schema = R"({"type":"object"})";

void describe_get(RouteDescription& route, const LoadedModel*) {
  route = {"The rules by which versions are selected", {}, {{"application/json", rules_schema}}};
}
void describe_put(RouteDescription& route, const LoadedModel*) {
  route = {"Replaces the rules by which versions are selected",
           {{"application/json", rules_schema}},
           {{"application/json", rules_schema}}};
}

constexpr Route routes[] = {
    {.method = "GET", .pattern = "/admin/models/{model}/routing", .operate = get_routing, .describe = describe_get},
    {.method = "PUT", .pattern = "/admin/models/{model}/routing", .operate = put_routing, .describe = describe_put},
    {.method = "GET", .pattern = "/admin/log", .operate = get_log, .describe = describe_get_log},
    {.method = "PUT", .pattern = "/admin/log", .operate = put_log, .describe = describe_put_log},
};
constexpr DialectDef defs[] = {{"admin", routes, true}};

}  // namespace

std::span<const DialectDef> admin_dialect() { return defs; }

}  // namespace modelctl::serve
