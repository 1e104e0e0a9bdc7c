// From a request to the route that serves it. A table of patterns is matched segment by segment, in the order of the
// dialects: there are some twenty routes, so that a loop is faster than any index. Segments are compared as they were
// sent and decoded afterwards, so that a "%2F" in a model's name does not end a segment.
#include "serve/dialect.hpp"

#include "serve/guarded.hpp"
#include "serve/http_prediction.hpp"
#include "serve/percent_decode.hpp"

#include <fmt/core.h>

namespace modelctl::serve {
namespace {

bool matches(std::string_view pattern, std::string_view path, RouteParameters& parameters) {
  parameters.clear();
  while (!pattern.empty() && !path.empty()) {
    std::size_t pattern_end = std::min(pattern.find('/', 1), pattern.size());
    std::size_t path_end = std::min(path.find('/', 1), path.size());
    std::string_view wanted = pattern.substr(0, pattern_end);
    std::string given = percent_decode(path.substr(0, path_end));
    // A hole may have a suffix, as in "/v1/models/{model}:predict".
    if (std::size_t hole = wanted.find('{'); hole != std::string_view::npos) {
      std::size_t end = wanted.find('}', hole);
      std::string_view before = wanted.substr(0, hole), after = wanted.substr(end + 1);
      if (!given.starts_with(before) || !given.ends_with(after) || given.size() <= before.size() + after.size())
        return false;
      parameters.emplace_back(wanted.substr(hole + 1, end - hole - 1),
                              given.substr(before.size(), given.size() - before.size() - after.size()));
    } else if (wanted != given) {
      return false;
    }
    pattern.remove_prefix(pattern_end);
    path.remove_prefix(path_end);
  }
  return pattern.empty() && path.empty();
}

ServerResponse no_route(const ClientRequest& request, const Match& match) {
  if (match.status != 405) return error_response(match.status, fmt::format("there is nothing at '{}'", request.path));
  ServerResponse response = error_response(
      405, fmt::format("'{}' is not allowed for '{}'; allowed: {}", request.method, request.path, match.allowed));
  response.headers.emplace_back("Allow", match.allowed);
  return response;
}

}  // namespace

ModelSelector RequestContext::selector() const {
  ModelSelector selector;
  for (const auto& [name, value] : parameters) {
    if (name == "model") selector.model = value;
    if (name == "version") selector.version = value;
  }
  return selector;
}

Match match(std::string_view method, std::string_view path) {
  Match result;
  for (const DialectDef* dialect : dialects()) {
    for (const Route& route : dialect->routes) {
      if (!matches(route.pattern, path, result.parameters)) continue;
      // HEAD is GET without the body, which the server leaves out.
      if (route.method == method || (route.method == "GET" && method == "HEAD")) {
        result.dialect = dialect;
        result.route = &route;
        return result;
      }
      result.status = 405;
      if (!result.allowed.empty()) result.allowed += ", ";
      result.allowed += route.method;
    }
  }
  return result;
}

// Labels name the version if only one can be meant.
void count_refusal(Service& service, const ServerResponse& response) {
  auto model = service.model();
  service.metrics.count("modelctl_requests_total", {{"model", model ? model->info().name : ""},
                                                    {"version", model ? model->info().version : ""},
                                                    {"code", std::to_string(response.status)},
                                                    {"protocol", "http"}});
}

void handle(ClientRequest request, Match match, Service& service, Respond respond) {
  const Route* route = match.route;
  if (std::string_view coding = request.header("content-encoding"); !coding.empty() && coding != "identity")
    return respond(error_response(415, fmt::format("the content coding '{}' is not supported", coding.substr(0, 64))));
  if (route != nullptr && route->predicts()) {
    std::shared_ptr<PredictionRequest> prediction;
    auto made = guarded([&]() -> Result<ServerResponse> {
      prediction = std::make_shared<HttpPrediction>(std::move(request), std::move(match), service, respond);
      service.predict(prediction);
      return ServerResponse();
    });
    if (!made) respond(error_response(made.error()));
    return;
  }
  auto response = guarded([&]() -> Result<ServerResponse> {
    return route == nullptr ? no_route(request, match) : route->answer({request, match.parameters, service});
  });
  request = {};  // its memory is free before the response counts
  respond(response ? std::move(*response) : error_response(response.error()));
}

}  // namespace modelctl::serve
