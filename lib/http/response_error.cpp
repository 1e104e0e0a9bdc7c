// A status that was not wanted, as an error with the words that the server put into its body.
#include "base/json.hpp"
#include "http/client.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::http {
namespace {

constexpr std::uint64_t error_body_limit = 64 << 10;

// The first words for a person in an error's body: JSON of the common forms, {"errors":[{"code","message"}]} and
// {"message"}, or a line of plain text.
std::string words_in(std::string_view body, const std::optional<std::string>& type) {
  if (body.starts_with('{')) {
    auto json = parse_json(body, "");
    if (!json) return {};
    auto errors = json_array(*json, "errors", "");
    if (!errors || (*errors)->empty()) {
      for (const char* key : {"message", "error", "details"}) {
        if (auto text = json_string(*json, key, "")) return *text;
      }
      return {};
    }
    std::string code = json_string((**errors)[0], "code", "").value_or("");
    std::string message = json_string((**errors)[0], "message", "").value_or("");
    return code + (code.empty() || message.empty() ? "" : ": ") + message;
  }
  if (!type || !type->starts_with("text/plain")) return {};
  return std::string(body.substr(0, body.find_first_of("\r\n")));
}

Kind kind_of(int status) {
  switch (status) {
    case 401:
    case 403: return Kind::denied;
    case 404:
    case 410: return Kind::not_found;
    case 405:
    case 413:
    case 415:
    case 501: return Kind::unsupported;
    case 408:
    case 429: return Kind::retry_later;
    case 409: return Kind::conflict;
    default: return status >= 500 ? Kind::unavailable : Kind::protocol;
  }
}

}  // namespace

Error Client::failure(const HttpRequest& request, HttpResponse& response, std::string what) const {
  int status = response.status;
  Error error = Error(kind_of(status), fmt::format("http-{}", status), std::move(what)).at(place_of(request, status));
  auto body = response.text(error_body_limit);
  // Any URL may be signed: a realm and the location of an upload as well as a redirect.
  Secrets secrets = secrets_;
  secrets.add_query(request.url);
  std::string words = body ? secrets.quote(words_in(*body, response.header("Content-Type"))) : "";
  if (!words.empty()) error.why.push_back(fmt::format("the server says: {}", words));
  if (auto wait = retry_after(response, host_.clock); wait && is_transient(status)) {
    error.why.push_back(fmt::format("it asks us to wait {} s", wait->count()));
  }
  if (status == 429) error.hint = "wait a while and run the command again";
  if (status == 413)
    error.hint =
        "the server or a proxy before it limits the size of requests: "
        "have that limit raised";
  return secrets.without(std::move(error));
}

}  // namespace modelctl::http
