// The requests of those protocols that use HTTP.
#pragma once

#include "actions/predict.hpp"
#include "http/client.hpp"

namespace modelctl::actions {

// Sends one request and has its whole response.
class HttpExchange {
 public:
  // `server` is who gets the token of the request, if there is one.
  static Result<HttpExchange> open(const PredictRequest& request, const http::Url& server, Host& host);

  struct Response {
    http::HttpResponse head;
    std::string body;
  };
  Result<Response> get(const http::Url& url);
  Result<Response> post(const http::Url& url, std::string_view body, std::vector<http::Header> headers);

 private:
  explicit HttpExchange(std::unique_ptr<http::Client> client) : client_(std::move(client)) {}
  Result<Response> send(const http::HttpRequest& request, std::string_view what, std::uint64_t limit);

  std::unique_ptr<http::Client> client_;
};

}  // namespace modelctl::actions
