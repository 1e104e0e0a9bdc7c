// Cross-origin resource sharing (fetch.spec.whatwg.org, "HTTP CORS protocol"): which pages of other sites may use the
// server. None, unless --cors-origins names them.
#pragma once

#include "serve/http/http.hpp"
#include "serve/settings.hpp"

namespace modelctl::serve {

// What a response to this origin says that it is for; empty: nothing.
std::string allowed_origin(const Settings& settings, std::string_view origin);

// Adds to a response that the origin may read it.
void allow_origin(ServerResponse& response, const std::string& allowed);

// The response to a browser that asks whether it may send a request; nothing if it is not such a question.
std::optional<ServerResponse> preflight(const ClientRequest& request, std::string_view methods,
                                        const std::string& allowed);

}  // namespace modelctl::serve
