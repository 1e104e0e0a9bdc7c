// Error responses. Only the message of an error leaves the server: its code, place and hint are for the operator.
#include "serve/http.hpp"

#include "serve/json_writer.hpp"

namespace modelctl::serve {

ServerResponse error_response(int status, std::string_view message) {
  // A message may quote what the caller sent: no more of it than helps.
  constexpr std::uint64_t limit = 16 * 1024;
  auto body = JsonWriter(limit).raw("{\"error\":").string(message.substr(0, limit / 8)).raw("}\n");
  ServerResponse response;
  response.status = status;
  response.body = body.done().value();
  return response;
}

namespace {

// Errors of HTTP itself, which has statuses of their own for them.
struct HttpFault {
  std::string_view code;
  int status;
};
constexpr HttpFault http_faults[] = {{"not-acceptable", 406}, {"body-too-large", 413}, {"unknown-coding", 415}};

int status_of(const Error& error) {
  for (const HttpFault& fault : http_faults) {
    if (fault.code == error.code) return fault.status;
  }
  return info(error.kind).http_status;
}

}  // namespace

ServerResponse error_response(const Error& error) {
  std::string message = error.what;
  for (const std::string& reason : error.why) message += ": " + reason;
  for (const Error& fault : error.faults) message += "; " + fault.what;
  ServerResponse response = error_response(status_of(error), message);
  if (info(error.kind).may_retry) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace modelctl::serve
