// For operators: the routing of a model's versions. Every route needs a token with the scope admin.
#include "serve/dialect.hpp"

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
};
constexpr DialectDef defs[] = {{"admin", routes}};

}  // namespace

std::span<const DialectDef> admin_dialect() { return defs; }

}  // namespace modelctl::serve
