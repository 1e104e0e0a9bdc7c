// From a request to the route that serves it. Patterns are matched segment by segment, in the order of the dialects:
// few have the same number of segments, so that a loop is faster than any index. A path is divided as it was sent and
// decoded afterwards, so that a "%2F" in a model's name does not end a segment.
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

// Each with the '/' that it begins with.
template <class Take>
void for_each_segment(std::string_view path, Take take) {
  while (!path.empty()) {
    std::size_t end = std::min(path.find('/', 1), path.size());
    take(path.substr(0, end));
    path.remove_prefix(end);
  }
}

// A segment of a pattern: a text, or a hole that may have text around it, as in "/v1/models/{model}:predict".
struct Segment {
  std::string_view before, hole, after;  // without a hole, `before` is all of it

  explicit Segment(std::string_view text)
      : before(text.substr(0, text.find('{'))),
        hole(text.substr(std::min(before.size() + 1, text.size()))),
        after(hole.substr(std::min(hole.find('}') + 1, hole.size()))) {
    hole = hole.substr(0, hole.find('}'));
  }
  bool matches(std::string_view given) const {
    if (hole.empty()) return given == before;
    return given.size() > before.size() + after.size() && given.starts_with(before) && given.ends_with(after);
  }
  std::string value(std::string_view given) const {
    return std::string(given.substr(before.size(), given.size() - before.size() - after.size()));
  }
};

struct Pattern {
  const DialectDef* dialect;
  const Route* route;
  std::vector<Segment> segments;

  bool matches(std::span<const std::string> path) const {
    return std::equal(segments.rbegin(), segments.rend(), path.rbegin(),  // the ends differ most
                      [](const Segment& segment, const std::string& given) { return segment.matches(given); });
  }
  RouteParameters parameters(std::span<const std::string> path) const {
    RouteParameters parameters;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (!segments[i].hole.empty()) parameters.emplace_back(segments[i].hole, segments[i].value(path[i]));
    }
    return parameters;
  }
};

// The patterns by their number of segments, each group in the order of the dialects; and the routes whose path is a
// setting.
struct Routes {
  std::vector<std::vector<Pattern>> patterns;
  std::vector<Pattern> configured;

  Routes() {
    for (const DialectDef* dialect : dialects()) {
      for (const Route& route : dialect->routes) {
        Pattern pattern{dialect, &route, {}};
        for_each_segment(route.pattern, [&](std::string_view text) { pattern.segments.emplace_back(text); });
        std::size_t size = pattern.segments.size();
        if (patterns.size() <= size) patterns.resize(size + 1);
        (route.configured != nullptr ? configured : patterns[size]).push_back(std::move(pattern));
      }
    }
  }
  std::span<const Pattern> of_size(std::size_t size) const {
    return size < patterns.size() ? std::span<const Pattern>(patterns[size]) : std::span<const Pattern>();
  }
};

const Routes& routes() {
  static const Routes all;
  return all;
}

// Whether the route, whose path matched, takes the method; else the method joins those that are allowed.
bool takes(const Pattern& pattern, std::string_view method, Match& match) {
  const Route& route = *pattern.route;
  // HEAD is GET without the body, which the server leaves out.
  if (route.method == method || (route.method == "GET" && method == "HEAD")) {
    match.dialect = pattern.dialect;
    match.route = &route;
    return true;
  }
  match.status = 405;
  if (!match.allowed.empty()) match.allowed += ", ";
  match.allowed += route.method;
  return false;
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
  auto offered = [&](const Pattern& pattern) {
    return !pattern.dialect->operators || role != ListenerRole::clients || settings.admin.empty();
  };
  for (const Pattern& pattern : routes().configured) {
    const std::string& at = settings.*pattern.route->configured;
    if (offered(pattern) && !at.empty() && at == path && takes(pattern, method, result)) return result;
  }
  std::vector<std::string> segments;
  for_each_segment(path, [&](std::string_view segment) { segments.push_back(percent_decode(segment)); });
  for (const Pattern& pattern : routes().of_size(segments.size())) {
    if (!offered(pattern) || !pattern.matches(segments) || !takes(pattern, method, result)) continue;
    result.parameters = pattern.parameters(segments);
    return result;
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
