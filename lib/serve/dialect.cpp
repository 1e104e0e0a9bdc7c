// From a request to the route that serves it. A table of patterns is matched segment by segment, in the order of the
// dialects: there are some twenty routes, so that a loop is faster than any index. This is also the error boundary of
// every handler.
#include "serve/dialect.hpp"

#include "base/stopwatch.hpp"

#include <fmt/core.h>

#include <new>

namespace modelctl::serve {
namespace {

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& parameters) {
  parameters.clear();
  while (!pattern.empty() && !path.empty()) {
    std::size_t pattern_end = std::min(pattern.find('/', 1), pattern.size());
    std::size_t path_end = std::min(path.find('/', 1), path.size());
    std::string_view wanted = pattern.substr(0, pattern_end), given = path.substr(0, path_end);
    // "{}" may have a suffix, as in "/v1/models/{}:predict".
    if (std::size_t hole = wanted.find("{}"); hole != std::string_view::npos) {
      std::string_view before = wanted.substr(0, hole), after = wanted.substr(hole + 2);
      if (!given.starts_with(before) || !given.ends_with(after) || given.size() <= before.size() + after.size())
        return false;
      parameters.emplace_back(given.substr(before.size(), given.size() - before.size() - after.size()));
    } else if (wanted != given) {
      return false;
    }
    pattern.remove_prefix(pattern_end);
    path.remove_prefix(path_end);
  }
  return pattern.empty() && path.empty();
}

// The labels that every sample of a request begins with.
MetricLabels model_labels(const Service& service) {
  auto model = service.model();
  return {{"model", model ? model->info().name : ""}, {"version", model ? model->info().version : ""}};
}

void count(Service& service, MetricLabels labels, int status, std::string protocol) {
  labels.emplace_back("code", std::to_string(status));
  labels.emplace_back("protocol", std::move(protocol));
  service.metrics.count("modelctl_requests_total", labels);
}

// The boundary of all handlers: what one request asks for must not end the process. The memory that it took is free
// again when the exception arrives here.
ServerResponse run(const Route& route, const RequestContext& context) {
  try {
    return route.handler(context);
  } catch (const std::bad_alloc&) {
    ServerResponse response = error_response(503, "there is not enough memory to answer the request");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  } catch (...) { return error_response(500, "the request could not be answered: an internal error"); }
}

}  // namespace

void count_refusal(Service& service, const ServerResponse& response) {
  count(service, model_labels(service), response.status, "http");
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

ServerResponse handle(const ClientRequest& request, const Match& match, Service& service,
                      std::chrono::duration<double> waited) {
  if (match.route == nullptr) {
    ServerResponse response =
        error_response(match.status, match.status == 405 ? fmt::format("'{}' is not allowed for '{}'; allowed: {}",
                                                                       request.method, request.path, match.allowed)
                                                         : fmt::format("there is nothing at '{}'", request.path));
    if (match.status == 405) response.headers.emplace_back("Allow", match.allowed);
    return response;
  }
  Stopwatch watch;
  ServerResponse response = run(*match.route, {request, match.parameters, service});
  if (match.route->predicts) {
    double computed = watch.seconds();
    MetricLabels labels = model_labels(service);
    count(service, labels, response.status, std::string(match.dialect->name));
    labels.emplace_back("protocol", match.dialect->name);
    service.metrics.observe("modelctl_queue_duration_seconds", labels, waited.count());
    service.metrics.observe("modelctl_request_duration_seconds", labels, waited.count() + computed);
  }
  return response;
}

}  // namespace modelctl::serve
