// A dialect is one file: the routes by which a family of clients asks for predictions, health and metadata. Adding one
// is adding lib/serve/dialects/<stem>.cpp with std::span<const DialectDef> <stem>_dialect().
#pragma once

#include "serve/http.hpp"
#include "serve/service.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// What a handler may use. The request and the service outlive the call.
struct RequestContext {
  const ClientRequest& request;
  std::vector<std::string> parameters;  // what each {} of the route's pattern matched, in order
  Service& service;
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v2/models/{}/infer": each {} matches one segment
  // True for routes that run the model: their requests go to a worker, count against the limits and are timed. Others
  // run on a thread that moves bytes, and must not block.
  bool predicts;
  ServerResponse (*handler)(const RequestContext& context);
};

struct DialectDef {
  std::string_view name;  // the metrics' `protocol` label
  std::span<const Route> routes;
};

std::span<const DialectDef* const> dialects();

struct Match {
  const DialectDef* dialect = nullptr;
  const Route* route = nullptr;  // null: no route; `status` is 404, or 405 if only the method is wrong
  std::vector<std::string> parameters;
  int status = 404;
  std::string allowed;  // for 405: the methods that the path has
};

// The route of a request. A path that matches with another method only is a 405, as HTTP asks, and lists the methods.
Match match(std::string_view method, std::string_view path);

// Runs the handler of a request's route, with counting and timing. An exception of the handler becomes a 503 if memory
// ran out, else a 500. `waited` is the time that the request spent in the queue.
ServerResponse handle(const ClientRequest& request, const Match& match, Service& service,
                      std::chrono::duration<double> waited = {});

// Counts a response of the server itself, which no dialect gave, under the protocol "http".
void count_refusal(Service& service, const ServerResponse& response);

}  // namespace modelctl::serve
