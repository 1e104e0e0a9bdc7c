// Credentials (cookies, client certificates) are never allowed: the server uses none that a browser adds by itself.
#include "serve/http/cors.hpp"

namespace modelctl::serve {

std::string allowed_origin(const Settings& settings, std::string_view origin) {
  std::string_view list = settings.cors_origins;
  if (origin.empty()) return {};
  while (!list.empty()) {
    std::size_t end = std::min(list.find_first_of(", "), list.size());
    std::string_view one = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (one == "*" || one == origin) return std::string(one);
  }
  return {};
}

void allow_origin(ServerResponse& response, const std::string& allowed) {
  if (allowed.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", allowed);
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "Inference-Header-Content-Length, Retry-After, X-Request-Id");
  if (allowed != "*") response.headers.emplace_back("Vary", "Origin");
}

std::optional<ServerResponse> preflight(const ClientRequest& request, std::string_view methods,
                                        const std::string& allowed) {
  if (allowed.empty() || methods.empty() || request.method != "OPTIONS" ||
      request.header("access-control-request-method").empty())
    return std::nullopt;
  ServerResponse response;
  response.status = 204;
  response.headers.emplace_back("Access-Control-Allow-Methods", methods);
  if (std::string_view headers = request.header("access-control-request-headers"); !headers.empty())
    response.headers.emplace_back("Access-Control-Allow-Headers", headers);
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace modelctl::serve
