// GET /openapi.json: every route of every dialect, for the models that are ready, from which clients can be generated.
#include "serve/openapi.hpp"

#include "serve/dialect.hpp"

namespace modelctl::serve {
namespace {

ServerResponse document(const RequestContext& context) {
  auto text = context.service.openapi.document(context.service);
  if (!text) return error_response(text.error());
  ServerResponse response;
  response.body = std::move(*text);
  return response;
}

void describe(RouteDescription& route, const LoadedModel*) {
  route.summary = "This document";
  route.response = {{"application/json", R"({"type":"object"})"}};
}

constexpr Route routes[] = {{.method = "GET", .pattern = "/openapi.json", .answer = document, .describe = describe}};
constexpr DialectDef defs[] = {{"openapi", routes}};

}  // namespace

std::span<const DialectDef> openapi_dialect() { return defs; }

}  // namespace modelctl::serve
