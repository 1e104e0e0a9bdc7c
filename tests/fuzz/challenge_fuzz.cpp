// What a server sends in headers, WWW-Authenticate and Location, and the response of a token service.
#include "http/challenge.hpp"
#include "http/url.hpp"
#include "transport/token_service.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl::http;
  using namespace modelctl::transport;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Challenge& challenge : parse_challenges(text)) {
    auto scope = challenge.values.find("scope");
    if (scope != challenge.values.end()) static_cast<void>(merged_scopes("repository:a:pull", scope->second));
  }
  static const Url base = *Url::parse("https://registry.example/v2/team/digits/blobs/uploads/");
  if (auto url = resolve(base, text)) {
    // What was understood once is understood again, as the same.
    auto again = Url::parse(url->text());
    if (!again || again->text() != url->text()) __builtin_trap();
    static_cast<void>(redacted(*url));
  }
  static_cast<void>(redacted(text));
  if (auto token = parse_token(text, "fuzz"); token && token->value.find('\n') != std::string::npos) __builtin_trap();
  return 0;
}
