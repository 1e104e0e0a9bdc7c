// Error responses.
#include "serve/http/http.hpp"

#include "serve/formats/json_writer.hpp"

namespace modelctl::serve {
namespace {

constexpr std::size_t longest_message = 2048;

}  // namespace

std::string client_message(const Error& error) {
  std::string message = error.what;
  for (const std::string& reason : error.why) message += ": " + reason;
  for (const Error& fault : error.faults) message += "; " + fault.what;
  message.resize(std::min(message.size(), longest_message));
  return message;
}

ServerResponse error_response(int status, std::string_view message) {
  auto body = JsonWriter(8 * longest_message).raw("{\"error\":").string(message.substr(0, longest_message)).raw("}\n");
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
  ServerResponse response = error_response(status_of(error), client_message(error));
  if (info(error.kind).may_retry) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace modelctl::serve
