// Generates docs/reference/exit-codes.md and operators.md from the tables that the program itself uses.
#include "cli/describe/reference.hpp"

#include "base/error.hpp"
#include "ops/schema/operator.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <tuple>
#include <vector>

namespace modelctl::cli {
namespace {

std::vector<const ops::OpDef*> sorted_operators() {
  std::vector<const ops::OpDef*> all;
  for (const ops::OpDef* def : ops::table()) {
    if (def->infer != nullptr) all.push_back(def);  // the others only exist in old opsets
  }
  std::sort(all.begin(), all.end(), [](const ops::OpDef* a, const ops::OpDef* b) {
    return std::tie(a->domain, a->name) < std::tie(b->domain, b->name);
  });
  return all;
}

std::string title(const ops::OpDef& def) {
  return fmt::format("{}{}{}", def.domain, def.domain.empty() ? "" : ".", def.name);
}

std::string section(const ops::OpDef& def) {
  std::string text = fmt::format("\n### {}\n\n{} `{}` → `{}`", title(def), def.summary, def.inputs, def.outputs);
  if (!def.types.none()) text += fmt::format(" for {}", def.types.text());
  text += fmt::format("; the form of opset {}.\n", def.since);
  if (!def.attributes.empty()) text += "\n";
  for (const ops::AttributeDef& attribute : def.attributes) {
    text += fmt::format("- `{}` ({}{}): {}\n", attribute.name, word(attribute.type),
                        attribute.required ? ", required" : "", attribute.meaning);
  }
  return text;
}

// Where its page is linked from: how GitHub and most others name a heading.
std::string anchor(const ops::OpDef& def) {
  std::string name;
  for (char c : title(def)) {
    if (c != '.') name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string_view runs_as(const ops::OpDef& def) {
  return def.decompose != nullptr ? "other operators" : def.lower != nullptr ? "kernels, or loops" : "loops";
}

std::string row(const ops::OpDef& def) {
  return fmt::format("| [{}](#{}) | {} | {} | {} |\n", def.name, anchor(def), def.since, def.types.text(),
                     runs_as(def));
}

std::string domain_title(std::string_view domain) {
  if (domain.empty()) return "ONNX's default domain";
  return domain == "modelctl" ? "modelctl: what passes make of the others; no model may name them"
                              : std::string(domain);
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
      "64 to 78 mean what sysexits.h says. A server's response to a request that fails has the HTTP status of the kind, "
      "and\n"
      "`Retry-After` if a retry may help; its own limits have statuses of their own "
      "([limits](../how-to/serve-a-model.md)).\n\n"
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
      "The {} operators, each in its newest form; models of opset 1 and up are brought to it. A model that needs "
      "another\n"
      "operator is refused by `modelctl build`, and `modelctl check` tells all that it lacks. The types are those of "
      "the\n"
      "first input: `any` is every type of a tensor. *Kernels* are made for the processor and take f32 above all (and "
      "8-bit\n"
      "integers where said); *loops* take every type that is named. Of the inputs, `?` marks one that may be absent "
      "and `*`\n"
      "any number; after a colon come the types that one may have, or the input whose type it must have. A tensor has "
      "at\n"
      "most 16 dimensions.\n",
      operators.size());
  std::string sections;
  for (std::size_t i = 0; i < operators.size(); ++i) {
    const ops::OpDef& def = *operators[i];
    if (i == 0 || operators[i - 1]->domain != def.domain) {
      text += fmt::format("\n## {}\n\n| operator | opset of the form | types | runs as |\n|---|---|---|---|\n",
                          domain_title(def.domain));
    }
    text += row(def);
    sections += section(def);
  }
  return text + "\n## Each operator\n" + sections;
}

}  // namespace modelctl::cli
