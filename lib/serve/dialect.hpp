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

struct Exchange {
  const HttpRequest& request;
  std::vector<std::string> parameters;  // what stood in the place of each {} of the route's pattern
  Service& service;
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v2/models/{}/infer": each {} matches one segment
  // True for those that run the model: they go to a worker, count against the limits and are timed.
  bool predicts;
  HttpResponse (*answer)(const Exchange& exchange);
};

struct DialectDef {
  std::string_view name;  // the metrics' `protocol` label
  std::span<const Route> routes;
};

std::span<const DialectDef* const> dialects();

struct Match {
  const DialectDef* dialect = nullptr;
  const Route* route = nullptr;  // null: no route; `status` is 404, or 405 where only the method is wrong
  std::vector<std::string> parameters;
  int status = 404;
  std::string allowed;  // for 405: the methods that the path has
};

Match match(std::string_view method, std::string_view path);

// Answers a request by its route, with counting and timing; never fails. `waited` is the time that the request spent in
// the queue.
HttpResponse answer(const HttpRequest& request, const Match& match, Service& service,
                    std::chrono::duration<double> waited = {});

// Counts an answer that no dialect gave: what the server refused by itself, under the protocol "http".
void count_refusal(Service& service, const HttpResponse& response);

}  // namespace modelctl::serve
