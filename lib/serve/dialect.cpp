// From a request to the route that serves it. A table of patterns is matched segment by segment, in the order of the
// dialects: there are some twenty routes, so that a loop is faster than any index. Segments are compared as they were
// sent and decoded afterwards, so that a "%2F" in a model's name does not end a segment.
#include "serve/dialect.hpp"

#include "serve/guarded.hpp"
#include "serve/http/content_coding.hpp"
#include "serve/http/cors.hpp"
#include "serve/http/http_prediction.hpp"
#include "serve/http/percent_decode.hpp"

#include <fmt/core.h>

#include <charconv>

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

bool matches(const Route& route, std::string_view path, const Settings& settings, RouteParameters& parameters) {
  if (route.configured == nullptr) return matches(route.pattern, path, parameters);
  parameters.clear();
  return !(settings.*route.configured).empty() && settings.*route.configured == path;
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
    if (name == "label") selector.label = value;
  }
  if (selector.version.empty() && selector.label.empty()) {
    selector.version = request.header("x-model-version");
    selector.label = request.header("x-model-label");
  }
  return selector;
}

Match match(std::string_view method, std::string_view path, const Settings& settings, ListenerRole role) {
  Match result;
  if (!path.starts_with('/')) return result;  // segments are compared, and the first one must not be the whole path
  for (bool configured : {true, false}) {
    for (const DialectDef* dialect : dialects()) {
      if (dialect->operators && role == ListenerRole::clients && !settings.admin.empty()) continue;
      for (const Route& route : dialect->routes) {
        if ((route.configured != nullptr) != configured || !matches(route, path, settings, result.parameters)) continue;
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
  }
  return result;
}

// Labels name the version if only one can be meant.
void count_refusal(Service& service, const ServerResponse& response) {
  auto model = service.select({});
  service.metrics.count("modelctl_requests_total", {{"model", model ? (*model)->info().name : ""},
                                                    {"version", model ? (*model)->info().version : ""},
                                                    {"code", std::to_string(response.status)},
                                                    {"protocol", "http"}});
}

namespace {

// The header X-Request-Timeout-Ms counts from here: the request has just arrived.
Result<TimePoint> deadline_of(const ClientRequest& request) {
  std::string_view text = request.header("x-request-timeout-ms");
  if (text.empty()) return TimePoint::max();
  constexpr std::uint32_t most = 24 * 60 * 60 * 1000;
  std::uint32_t time = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (code != std::errc() || end != text.data() + text.size() || time == 0 || time > most) {
    return Error(Kind::bad_input, "bad-timeout",
                 fmt::format("'X-Request-Timeout-Ms' is not a whole number from 1 to {}", most));
  }
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(time);
}

// What an operation needs until it ends.
struct Operation {
  ClientRequest request;
  Match match;
  Respond respond;
};

void operate(Operation given, Service& service) {
  auto operation = std::make_shared<Operation>(std::move(given));
  bool taken = service.operations.submit([operation, &service] {
    auto response = guarded([&]() -> Result<ServerResponse> {
      TRY(decode_content(operation->request, service.settings()));
      return operation->match.route->operate({operation->request, operation->match.parameters, service});
    });
    operation->respond(response ? std::move(*response) : error_response(response.error()));
  });
  if (!taken) operation->respond(error_response(Error(Kind::retry_later, "busy", "too many operations are waiting")));
}

std::shared_ptr<PredictionRequest> predict(ClientRequest request, Match match, Service& service,
                                           const Respond& respond) {
  std::shared_ptr<PredictionRequest> prediction;
  auto made = guarded([&]() -> Result<void> {
    TimePoint deadline = TRY(deadline_of(request));
    prediction = std::make_shared<HttpPrediction>(std::move(request), std::move(match), service, respond);
    prediction->deadline = deadline;
    service.predict(prediction);
    return {};
  });
  if (!made) respond(error_response(made.error()));
  return prediction;
}

// Of a route that needs no worker, or of none.
Result<ServerResponse> answer(const ClientRequest& request, const Match& match, Service& service,
                              const ResponseOptions& options) {
  if (auto allowed = preflight(request, match.allowed, options.origin())) return std::move(*allowed);
  if (match.route == nullptr) return no_route(request, match);
  ServerResponse response = match.route->answer({request, match.parameters, service});
  options.compress(response);
  return response;
}

Respond with_token(std::string token, Respond respond) {
  return [token = std::move(token), respond = std::move(respond)](ServerResponse response) {
    response.served.token = token;
    respond(std::move(response));
  };
}

// The client may ask for as many again once it can have its response.
Respond holding(std::shared_ptr<void> place, Respond respond) {
  return [place = std::move(place), respond = std::move(respond)](ServerResponse response) mutable {
    place.reset();
    respond(std::move(response));
  };
}

ServerResponse too_many(Service& service, const ClientRequest& request, unsigned retry_after) {
  ServerResponse response = error_response(429, "this client asks for more predictions than it may");
  response.headers.emplace_back("Retry-After", std::to_string(retry_after));
  allow_origin(response, allowed_origin(service.settings(), request.header("origin")));
  count_refusal(service, response);
  return response;
}

ServerResponse unknown_coding(const Error& error) {
  ServerResponse response = error_response(error);
  response.headers.emplace_back("Accept-Encoding", content_codings());
  return response;
}

}  // namespace

std::optional<ServerResponse> refuse_access(const Service& service, const Route& route, std::string_view authorization,
                                            std::string& name) {
  Access access = service.tokens.check(route.scope(), authorization);
  name = std::move(access.name);
  if (!access.refusal) return std::nullopt;
  ServerResponse response = error_response(access.refusal->status, access.refusal->message);
  if (!access.refusal->challenge.empty()) response.headers.emplace_back("WWW-Authenticate", access.refusal->challenge);
  return response;
}

std::weak_ptr<PredictionRequest> handle(ClientRequest request, Match match, Service& service, Respond respond) {
  const Route* route = match.route;
  if (route != nullptr && !request.trusted) {
    if (auto refused = refuse_access(service, *route, request.header("authorization"), request.token)) {
      allow_origin(*refused, allowed_origin(service.settings(), request.header("origin")));
      count_refusal(service, *refused);
      refused->served.token = std::move(request.token);
      respond(std::move(*refused));
      return {};
    }
    if (!request.token.empty()) respond = with_token(request.token, std::move(respond));
    if (route->predicts()) {
      auto entry = service.limits.enter(request.token, request.client, std::chrono::steady_clock::now());
      if (entry.retry_after > 0) {
        respond(too_many(service, request, entry.retry_after));
        return {};
      }
      if (entry.place) respond = holding(std::move(entry.place), std::move(respond));
    }
  }
  if (auto known = check_coding(request); !known) {
    respond(unknown_coding(known.error()));
    return {};
  }
  if (route != nullptr && route->operate != nullptr) {
    operate({std::move(request), std::move(match), std::move(respond)}, service);
    return {};
  }
  if (route != nullptr && route->predicts()) return predict(std::move(request), std::move(match), service, respond);
  ResponseOptions options(request, service.settings());
  auto response = guarded([&] { return answer(request, match, service, options); });
  request = {};  // its memory is free before the response counts
  ServerResponse complete = response ? std::move(*response) : error_response(response.error());
  options.allow(complete);
  respond(std::move(complete));
  return {};
}

}  // namespace modelctl::serve
