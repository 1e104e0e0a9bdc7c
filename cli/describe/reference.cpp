// Generates docs/reference/exit-codes.md and operators.md from the tables that the program itself uses.
#include "cli/describe/reference.hpp"

#include "base/error.hpp"
#include "ops/schema/operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>
#include <vector>

namespace modelctl::cli {
namespace {

// Sorted by domain and name, because the order of the table follows source files.
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

// The texts that an attribute may have, before its meaning: "`constant` (the default), `reflect` or `edge`: ".
std::string texts(const ops::AttributeDef& attribute) {
  std::vector<std::string> named;
  for (std::string_view text : ops::texts_of(attribute)) {
    if (!text.empty()) named.push_back(fmt::format("`{}`{}", text, text == attribute.absent ? " (the default)" : ""));
  }
  if (named.empty()) return "";
  std::string last = std::move(named.back());
  named.pop_back();
  return fmt::format("{}{}{}: ", fmt::join(named, ", "), named.empty() ? "" : " or ", last);
}

std::string section(const ops::OpDef& def) {
  std::string text = fmt::format("\n### {}\n\n{} `{}` → `{}`", title(def), def.summary, def.inputs, def.outputs);
  if (!def.types.none()) text += fmt::format(" for {}", def.types.text());
  text += fmt::format("; the form of opset {}.\n", def.since);
  if (!def.attributes.empty()) text += "\n";
  for (const ops::AttributeDef& attribute : def.attributes) {
    text += fmt::format("- `{}` ({}{}): {}{}\n", attribute.name, word(attribute.type),
                        attribute.required ? ", required" : "", texts(attribute), attribute.meaning);
  }
  return text;
}

// The anchor of an operator's heading, by the rules of GitHub and most other renderers: lower case, dots removed.
std::string anchor(const ops::OpDef& def) {
  std::string name;
  for (char c : title(def)) {
    if (c != '.') name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

// How a node of the operator is executed, as far as the definition determines it.
std::string_view runs_as(const ops::OpDef& def) {
  return def.decompose != nullptr ? "other operators" : def.lower != nullptr ? "kernels, or reference" : "reference";
}

std::string row(const ops::OpDef& def) {
  return fmt::format("| [{}](#{}) | {} | {} | {} |\n", def.name, anchor(def), def.since, def.types.text(),
                     runs_as(def));
}

std::string domain_title(std::string_view domain) {
  if (domain.empty()) return "ONNX's default domain";
  return domain == "modelctl" ? "modelctl: internal operators that passes create; models must not use them"
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
      "<!-- man page modelctl-exit-codes(7): the exit codes of modelctl -->\n# Exit codes\n\n"
      "A command ends with one of these; its error has the kind with `--output json`. Numbers never change.\n"
      "64 to 78 are those of sysexits.h. A server's response to a failed request has the HTTP status of the kind, and\n"
      "`Retry-After` if a retry may help; the server's own limits have statuses of their own\n"
      "([limits](../how-to/serve-a-model.md)).\n\n"
      "| exit | kind | HTTP | a retry may help | meaning |\n|---|---|---|---|---|\n"
      "| 0 | | 200 | | done |\n"
      "| 1 | | | | done, with a negative result |\n";
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
      "The {} operators, each in the form of its newest opset; models of opset 1 and up are converted to it. A model\n"
      "with another operator is refused by `modelctl build`, and `modelctl check` lists all that are missing. The "
      "types\n"
      "are those of the first input: `any` is every type of a tensor. *Kernels* are optimized for the processor and\n"
      "support mainly f32 (and 8-bit integers if stated); the *reference* implementation supports every listed "
      "type.\n"
      "Of the inputs, `?` marks an optional and `*` a variadic one; after a colon follow its types, or the input "
      "whose\n"
      "type it must have. A tensor has at most 16 dimensions.\n",
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
