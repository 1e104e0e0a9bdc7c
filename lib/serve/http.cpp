#include "serve/http.hpp"

#include "serve/json.hpp"

namespace modelctl::serve {

HttpResponse error_response(int status, std::string_view message) {
  // A message may quote what the caller sent: no more of it than helps.
  constexpr std::uint64_t limit = 16 * 1024;
  auto body = JsonText(limit).raw("{\"error\":").string(message.substr(0, limit / 8)).raw("}\n");
  HttpResponse response;
  response.status = status;
  response.body = body.done().value();
  return response;
}

HttpResponse error_response(const Error& error) {
  std::string message = error.what;
  for (const std::string& reason : error.why) message += ": " + reason;
  for (const Error& fault : error.faults) message += "; " + fault.what;
  switch (error.kind) {
    // What the caller sent. The table's 422 is for whole documents; the dialects all promise 400 here.
    case Kind::bad_input:
    case Kind::usage: return error_response(400, message);
    case Kind::not_found: return error_response(404, message);
    case Kind::retry_later:
    case Kind::unavailable: {
      HttpResponse response = error_response(503, message);
      response.headers.emplace_back("Retry-After", "1");
      return response;
    }
    default: return error_response(500, message);
  }
}

}  // namespace modelctl::serve
