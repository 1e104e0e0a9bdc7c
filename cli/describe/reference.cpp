#include "cli/describe/reference.hpp"

#include "base/error.hpp"
#include "ops/operator.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace modelctl::cli {
namespace {

std::vector<const ops::OpDef*> sorted_operators() {
  std::vector<const ops::OpDef*> all;
  for (const ops::OpDef* def : ops::table()) {
    if (def->infer != nullptr) all.push_back(def);  // the others are old names
  }
  std::sort(all.begin(), all.end(), [](const ops::OpDef* a, const ops::OpDef* b) {
    return std::tie(a->domain, a->name) < std::tie(b->domain, b->name);
  });
  return all;
}

std::string section(const ops::OpDef& def) {
  std::string text = fmt::format("\n## {}{}{}\n\n{} `{}` → `{}`", def.domain, def.domain.empty() ? "" : ".", def.name,
                                 def.summary, def.inputs, def.outputs);
  if (!def.types.none()) text += fmt::format(" for {}", def.types.text());
  text += fmt::format("; the form of opset {}.\n", def.since);
  if (!def.attributes.empty()) text += "\n";
  for (const ops::AttributeDef& attribute : def.attributes) {
    text += fmt::format("- `{}` ({}{}): {}\n", attribute.name, word(attribute.type),
                        attribute.required ? ", required" : "", attribute.meaning);
  }
  return text;
}

}  // namespace

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

std::string operators_markdown() {
  auto operators = sorted_operators();
  std::string text = fmt::format(
      "# Operators\n\n"
      "The {} operators that a model may use, each in its newest form; models of opset 7 and up are brought to it. An\n"
      "operator that is not here is refused by `modelctl build`, with its domain, opset and node. Of the inputs, `?` "
      "marks\n"
      "one that may be absent and `*` any number.\n",
      operators.size());
  for (const ops::OpDef* def : operators) text += section(*def);
  return text;
}

}  // namespace modelctl::cli
