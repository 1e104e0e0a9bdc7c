// Where a server may send us: with a redirect, with the Location of an upload, or to a token service.
#pragma once

#include "http/message.hpp"

namespace modelctl::http {

inline constexpr int redirect_limit = 10;

// A URL that a server named, with the condition under which it may be contacted.
struct Destination {
  Url url;
  bool public_only = false;  // see HttpRequest
};

// The place that `response` to `request` sends us to with `location`. Never from https to plain http; and from a public
// network never into a private one. The host's name cannot show the latter: its address is checked when the socket is
// opened, for which public_only is set.
Result<Destination> destination(const HttpRequest& request, const HttpResponse& response, std::string_view location);

// The Location that this response redirects the request to, if it is a redirect that this method may follow.
std::optional<std::string> redirect_location(const HttpRequest& request, const HttpResponse& response);

}  // namespace modelctl::http
