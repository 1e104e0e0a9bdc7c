// Retry around redirects around authorization around one exchange: each layer has a bound of its own, so that one call
// ends after at most attempt_limit * (redirect_limit + 1) * 2 exchanges, whatever the server does.
#include "http/client.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace modelctl::http {

Client::Client(const Options& options, Host& host) : host_(host), connections_(options, host.environment, host.stop) {}

Result<void> Client::wait(int attempt, std::optional<std::chrono::seconds> requested) {
  if (requested && *requested > longest_requested_wait) {
    return Error(Kind::retry_later, "server-busy", "the server asks us to come back later")
        .because(fmt::format("it requests a wait of {} s", requested->count()))
        .help("run the command again after that time");
  }
  std::array<std::byte, 2> random{};
  host_.random.fill(random);
  auto chance = static_cast<std::uint16_t>(static_cast<unsigned>(random[0]) << 8 | static_cast<unsigned>(random[1]));
  if (!host_.clock.sleep(delay(attempt, requested, chance)) || host_.stop.stopped()) {
    return Error(Kind::interrupted, "interrupted", "the transfer was interrupted");
  }
  return {};
}

std::optional<std::chrono::seconds> Client::requested_wait(const HttpResponse& response) {
  return retry_after(response, host_.clock);
}

Result<HttpResponse> Client::send(const HttpRequest& request, Retry retry) {
  for (int attempt = 1;; ++attempt) {
    auto response = follow(request);
    if (!response) response = secrets_.without(std::move(response).error());
    bool again = response ? is_transient(response->status) : is_transient(response.error());
    if (!again || retry == Retry::no || attempt == attempt_limit) return response;
    auto requested = response ? requested_wait(*response) : std::nullopt;
    if (requested && *requested > longest_requested_wait) return response;  // its error says more than wait()'s
    TRY(wait(attempt, requested));
  }
}

Result<HttpResponse> Client::expect(const HttpRequest& request, std::initializer_list<int> wanted,
                                    const std::string& what, Retry retry) {
  auto response = send(request, retry);
  if (!response) return std::move(response).error().because(what);
  if (std::find(wanted.begin(), wanted.end(), response->status) != wanted.end()) return response;
  return failure(request, *response, what);
}

Result<HttpResponse> Client::follow(HttpRequest request) {
  std::string first = request.url.authority();
  for (int redirects = 0;; ++redirects) {
    HttpResponse response = TRY(authorized(request));
    auto location = redirect_location(request, response);
    if (!location) return response;
    if (redirects == redirect_limit) {
      return Error(Kind::protocol, "redirect-loop",
                   fmt::format("'{}' redirects us more than {} times", first, redirect_limit))
          .at(place_of(request, response.status));
    }
    Destination next = TRY(destination(request, response, *location));
    secrets_.add_query(next.url);  // a redirect to an object store is signed
    request.url = std::move(next.url);
    request.public_only = next.public_only;
  }
}

// The authorizer sees a 401 only once per request: a server that refuses every proof cannot keep us here.
// One request, and a second one if the server asks for other proof than the first had.
Result<HttpResponse> Client::authorized(const HttpRequest& request) {
  if (authorizer_ == nullptr || !authorizer_->covers(request.url)) return connections_.send(request);
  for (bool answered = false;; answered = true) {
    HttpRequest with_proof = request;
    TRY(authorizer_->authorize(with_proof));
    HttpResponse response = TRY(connections_.send(with_proof));
    if (response.status != 401) return response;
    if (answered || !TRY(authorizer_->challenged(request, response))) return authorizer_->refused(request, response);
  }
}

}  // namespace modelctl::http
