// Routing rules, which operators send: what is read is written, and reads back as the same.
#include "base/check.hpp"
#include "serve/models/routing_rules.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rules = serve::parse_rules({reinterpret_cast<const char*>(data), size});
  if (!rules) return 0;
  std::string text = serve::to_json(*rules);
  auto again = serve::parse_rules(text);
  MODELCTL_CHECK(again.has_value(), "what was written does not read back");
  MODELCTL_CHECK(serve::to_json(*again) == text, "it reads back as something else");
  return 0;
}
