// The checks of a destination that its URL alone can show.
#include "http/redirect.hpp"

#include "http/address.hpp"

#include <fmt/core.h>

namespace modelctl::http {

Result<Destination> destination(const HttpRequest& request, const HttpResponse& response, std::string_view location) {
  const Url& from = request.url;
  Destination to{.url = TRY(resolve(from, location))};
  std::string reason = fmt::format("'{}' sends us to {}", from.authority(), redacted(to.url));
  if (from.scheme == "https" && to.url.scheme != "https") {
    return Error(Kind::denied, "downgrade", "will not follow the server from https to plain http")
        .at(place_of(request, response.status))
        .because(std::move(reason));
  }
  bool inside = response.from_private || is_private_literal(from.host);
  // Once a public server chose the host, it stays under the condition for the whole chain of redirects. So does its own
  // name if its address is public: on another port the name is resolved again, and may then be that of a private one.
  to.public_only = request.public_only || (!inside && (to.url.host != from.host || response.from_public));
  if (to.public_only && is_private_literal(to.url.host)) {
    return Error(Kind::denied, "redirect-inside", "will not follow the server into a private network")
        .at(place_of(request, response.status))
        .because(std::move(reason));
  }
  return to;
}

std::optional<std::string> redirect_location(const HttpRequest& request, const HttpResponse& response) {
  int status = response.status;
  // 307 and 308 keep the method and may be followed with any; the others turn a POST into a GET, so only reads follow.
  bool keeps_method = status == 307 || status == 308;
  bool read_only = request.method == "GET" || request.method == "HEAD";
  if (!keeps_method && !(read_only && (status == 301 || status == 302 || status == 303))) return std::nullopt;
  return response.header("Location");
}

}  // namespace modelctl::http
