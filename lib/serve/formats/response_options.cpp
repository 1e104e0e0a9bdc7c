// A request without these headers costs nothing here.
#include "serve/formats/response_options.hpp"

#include "serve/http/content_coding.hpp"
#include "serve/http/cors.hpp"

namespace modelctl::serve {

ResponseOptions::ResponseOptions(const ClientRequest& request, const Settings& settings)
    : accept_encoding_(request.header("accept-encoding")),
      origin_(allowed_origin(settings, request.header("origin"))) {}

void ResponseOptions::compress(ServerResponse& response) const {
  if (!accept_encoding_.empty()) encode_content(response, accept_encoding_);
}

void ResponseOptions::allow(ServerResponse& response) const { allow_origin(response, origin_); }

}  // namespace modelctl::serve
