// Content codings (RFC 9110, section 8.4): gzip, deflate and zstd, in requests and responses.
#pragma once

#include "serve/http/http.hpp"
#include "serve/settings.hpp"

namespace modelctl::serve {

// "gzip, deflate, zstd", for the header 'Accept-Encoding' of a response to a request with another coding.
std::string content_codings();

// Whether a body's coding can be undone. Costs nothing, so that it can be asked for before the body is used.
Result<void> check_coding(const ClientRequest& request);

// Undoes the coding of a request's body. What it becomes has the limits that a body has: --max-body and the memory of
// the connection's share; few bytes can claim to be many.
Result<void> decode_content(ClientRequest& request, const Settings& settings);

// Compresses a response by the coding that 'Accept-Encoding' prefers, if that makes it smaller.
void encode_content(ServerResponse& response, std::string_view accept_encoding);

}  // namespace modelctl::serve
