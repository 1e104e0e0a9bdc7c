// A dialect is one file: the routes by which a family of clients asks for predictions, health and metadata. Adding one
// is adding lib/serve/dialects/<stem>.cpp with std::span<const DialectDef> <stem>_dialect().
//
// A dialect translates, and nothing else: it never looks for the model of a prediction, never waits and never runs it.
// It names in the route's pattern what the client selects, decodes the request's body for the version that the core
// selected, and encodes the outputs.
#pragma once

#include "serve/formats/json_inputs.hpp"
#include "serve/front_end.hpp"
#include "serve/http/http.hpp"
#include "serve/openapi.hpp"
#include "serve/service.hpp"
#include "tensor/formats.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// What the holes of a route's pattern matched: {"model", "digits"}.
using RouteParameters = std::vector<std::pair<std::string_view, std::string>>;

// What a handler may use. The request and the service outlive the call.
struct RequestContext {
  const ClientRequest& request;
  const RouteParameters& parameters;
  Service& service;
  // Ends a decoding whose result nobody waits for: at the request's deadline, or when its client is gone. May be null.
  const Interrupt* stop = nullptr;

  // Which model the request selects: by the holes {model}, {version} and {label} of the route's pattern, else by the
  // headers X-Model-Version and X-Model-Label.
  ModelSelector selector() const;
};

struct WantedOutput {
  std::size_t at = 0;   // in the signature
  bool binary = false;  // as raw bytes after the JSON
};

// A body that was decoded: the inputs, and what encoding the response needs of the request.
struct DecodedRequest {
  std::vector<Tensor> inputs;  // in the signature's order
  std::vector<WantedOutput> outputs;
  std::optional<std::string> id;
  JsonForm form = JsonForm::columns;        // of the inputs
  const formats::Format* format = nullptr;  // of the response; null: JSON
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v2/models/{model}/infer": each {} matches one segment, or a part of one
  // Instead of a pattern: the setting whose value is the path. It comes before all patterns; empty, it has no route.
  std::string Settings::*configured = nullptr;
  Scope needs = Scope::predict;  // of the client's token, see tokens.hpp; an operation needs admin

  // Either this: the response at once, on a thread that moves bytes. It must not block.
  ServerResponse (*answer)(const RequestContext& context) = nullptr;
  // Or this, for operators: it may take long, and runs on a thread of its own.
  Result<ServerResponse> (*operate)(const RequestContext& context) = nullptr;
  // Or these two, which run on a worker before and after the model.
  Result<DecodedRequest> (*decode)(const RequestContext& context, const LoadedModel& model) = nullptr;
  Result<ServerResponse> (*encode)(const DecodedRequest& request, const LoadedModel& model,
                                   std::span<const Tensor> outputs) = nullptr;

  // What it takes and returns, for /openapi.json: of this model, or null if the path names none and it predicts
  // nothing. Without it, the route is not described.
  void (*describe)(RouteDescription& route, const LoadedModel* model) = nullptr;

  bool predicts() const { return decode != nullptr; }
  Scope scope() const { return operate != nullptr ? Scope::admin : needs; }
};

struct DialectDef {
  std::string_view name;  // the metrics' `protocol` label
  std::span<const Route> routes;
  bool operators = false;  // not for clients, if operators have a listener of their own
};

std::span<const DialectDef* const> dialects();

struct Match {
  const DialectDef* dialect = nullptr;
  const Route* route = nullptr;  // null: no route; `status` is 404, or 405 if only the method is wrong
  RouteParameters parameters;
  int status = 404;
  std::string allowed;  // for 405: the methods that the path has
};

// The route of a request. A path that matches with another method only is a 405, as HTTP asks, and lists the methods.
Match match(std::string_view method, std::string_view path, const Settings& settings,
            ListenerRole role = ListenerRole::clients);

// Takes the response to a request, on any thread. Must not throw.
using Respond = std::function<void(ServerResponse)>;

// The response to a client that must not use the route; nothing if it may. `name` becomes that of its token.
std::optional<ServerResponse> refuse_access(const Service& service, const Route& route, std::string_view authorization,
                                            std::string& name);

// Answers a request by its route; `respond` is called exactly once, before the call returns or later. Predictions are
// counted and timed. An exception of a handler becomes a 503 if memory ran out, else a 500.
//
// Returns the prediction that is under way, if any, so that who hears that the client is gone can cancel it.
std::weak_ptr<PredictionRequest> handle(ClientRequest request, Match match, Service& service, Respond respond);

// Counts a response of the server itself, which no dialect gave, under the protocol "http".
void count_refusal(Service& service, const ServerResponse& response);

}  // namespace modelctl::serve
