#include "cli/describe/reference.hpp"

#include "base/error.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::cli {

std::string exit_codes_markdown() {
  static constexpr KindInfo kinds[] = {
#define KIND(name, exit_code, http_status, may_retry, meaning) \
  {Kind::name, #name, exit_code, http_status, may_retry, meaning},
#include "base/kind.def"
#undef KIND
  };
  std::string text =
      "# Exit codes\n\n"
      "A command ends with one of these, and its error, with `--output json`, names the kind. Numbers never change.\n"
      "64 to 78 mean what sysexits.h says. The server answers a request that fails with the HTTP status of the "
      "kind.\n\n"
      "| exit | kind | HTTP | a retry may help | meaning |\n|---|---|---|---|---|\n"
      "| 0 | | 200 | | done |\n"
      "| 1 | | | | done, and the answer is \"no\" |\n";
  for (const KindInfo& kind : kinds) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", kind.exit_code, kind.name, kind.http_status,
                        kind.may_retry ? "yes" : "no", kind.meaning);
  }
  return text + "| 143 | interrupted | | yes | interrupted by SIGTERM; 130 is SIGINT |\n";
}

}  // namespace modelctl::cli
