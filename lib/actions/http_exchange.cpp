// A request is not repeated: who asks knows best what a late answer is worth, and the exit code says that it may come
// later.
#include "actions/http_exchange.hpp"

#include "actions/protocol.hpp"
#include "actions/token_file.hpp"

#include <fmt/format.h>

#include <cmath>

namespace modelctl::actions {

Result<HttpExchange> HttpExchange::open(const PredictRequest& request, const http::Url& server, Host& host) {
  http::Options options{.ca_file = request.remote.ca_file,
                        .plain_http = request.remote.plain_http,
                        .total_timeout = std::chrono::milliseconds(std::llround(request.timeout_seconds * 1000))};
  auto client = std::make_unique<http::Client>(options, host);
  if (!request.token_file.empty()) client->use(TRY(token_from_file(request.token_file, server)));
  return HttpExchange(std::move(client));
}

Result<HttpExchange::Response> HttpExchange::get(const http::Url& url) {
  return send({.method = "GET", .url = url}, "describe the model", description_limit);
}

Result<HttpExchange::Response> HttpExchange::post(const http::Url& url, std::string_view body,
                                                  std::vector<http::Header> headers) {
  http::HttpRequest request{.method = "POST", .url = url, .headers = std::move(headers)};
  request.body.push_back(as_bytes(body));
  return send(request, "predict", response_limit);
}

Result<HttpExchange::Response> HttpExchange::send(const http::HttpRequest& request, std::string_view what,
                                                  std::uint64_t limit) {
  auto head = TRY(client_->expect(request, {200}, fmt::format("cannot {}", what), http::Client::Retry::no));
  std::string body = TRY(head.text(limit));
  return Response{std::move(head), std::move(body)};
}

}  // namespace modelctl::actions
