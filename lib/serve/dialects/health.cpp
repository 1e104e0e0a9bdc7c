// Health and metrics, as Kubernetes and Prometheus ask for them. Alive means that the process responds; ready, that the
// package was verified, the model loaded and one prediction made, and that no drain has begun.
// The two differ in who acts on them: a process that is not alive is restarted, one that is not ready gets no traffic.
// Gauges are set when they are read, so that no request pays for them.
#include "serve/dialect.hpp"
#include "serve/process.hpp"

namespace modelctl::serve {
namespace {

ServerResponse status(bool good, std::string_view yes, std::string_view no) {
  ServerResponse response;
  response.status = good ? 200 : 503;
  response.body = std::string("{\"status\":\"") + std::string(good ? yes : no) + "\"}\n";
  return response;
}

ServerResponse live(const RequestContext&) { return status(true, "alive", ""); }
ServerResponse ready(const RequestContext& context) { return status(context.service.ready(), "ready", "not ready"); }

ServerResponse metrics(const RequestContext& context) {
  bool open_metrics = context.request.header("accept").find("application/openmetrics-text") != std::string_view::npos;
  ServerResponse response;
  response.content_type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                       : "text/plain; version=0.0.4; charset=utf-8";
  context.service.metrics.set("modelctl_ready", {}, context.service.ready() ? 1 : 0);
  context.service.metrics.set("modelctl_inflight", {}, static_cast<double>(context.service.pending()));
  measure_process(context.service.metrics);
  response.body = context.service.metrics.text(open_metrics);
  return response;
}

MediaSchema status_schema() { return {"application/json", schema::object({{"status", std::string(schema::text)}})}; }
void describe_live(RouteDescription& route, const LoadedModel*) {
  route = {"Whether the process responds", {}, {status_schema()}};
}
void describe_ready(RouteDescription& route, const LoadedModel*) {
  route = {"Whether predictions are answered; 503 if not", {}, {status_schema()}};
}
void describe_metrics(RouteDescription& route, const LoadedModel*) {
  route = {"Metrics in Prometheus' text format", {}, {{"text/plain", std::string(schema::text)}}};
}

constexpr Route routes[] = {
    {.method = "GET", .pattern = "/livez", .needs = Scope::none, .answer = live, .describe = describe_live},
    {.method = "GET", .pattern = "/healthz", .needs = Scope::none, .answer = live, .describe = describe_live},
    {.method = "GET", .pattern = "/readyz", .needs = Scope::none, .answer = ready, .describe = describe_ready},
    {.method = "GET", .pattern = "/startupz", .needs = Scope::none, .answer = ready, .describe = describe_ready},
    {.method = "GET", .pattern = "/health", .needs = Scope::none, .answer = ready, .describe = describe_ready},
    {.method = "GET", .pattern = "/metrics", .needs = Scope::metrics, .answer = metrics, .describe = describe_metrics},
};
constexpr DialectDef defs[] = {{"health", routes}};

}  // namespace

std::span<const DialectDef> health_dialect() { return defs; }

}  // namespace modelctl::serve
