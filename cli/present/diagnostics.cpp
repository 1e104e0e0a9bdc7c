// Error messages as text and JSON. All text is made printable first: names in it may come from a hostile file.
#include "cli/present/diagnostics.hpp"

#include "base/json.hpp"
#include "cli/present/printer.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

// ANSI escape sequences (ECMA-48 SGR), or none.
struct Style {
  bool on;
  std::string bold(std::string_view text) const { return code("1", text); }
  std::string red(std::string_view text) const { return code("1;31", text); }
  std::string yellow(std::string_view text) const { return code("1;33", text); }
  std::string blue(std::string_view text) const { return code("1;34", text); }
  std::string code(const char* number, std::string_view text) const {
    return on ? fmt::format("\x1b[{}m{}\x1b[0m", number, text) : std::string(text);
  }
};

// Indents the following lines of a note to its first word.
std::string indented(std::string_view text) {
  std::string result;
  for (char c : printable(text)) {
    result += c;
    if (c == '\n') result += "     ";
  }
  return result;
}

// Optional fields are omitted if they are empty.
Json fields(const Error& error) {
  Json object = {{"code", error.code}, {"kind", info(error.kind).name}, {"what", error.what}};
  if (!error.where.empty()) object["where"] = error.where;
  if (!error.why.empty()) object["because"] = error.why;
  if (!error.hint.empty()) object["help"] = error.hint;
  for (const Error& fault : error.faults) object["faults"].push_back(fields(fault));
  return object;
}

}  // namespace

std::string render(const Error& error, Severity severity, bool color) {
  Style style{color};
  std::string text;
  for (const Error& fault : error.faults) text += render(fault, severity, color) + "\n";
  std::string head = fmt::format("{}[{}]", severity == Severity::error ? "error" : "warning", error.code);
  text += severity == Severity::error ? style.red(head) : style.yellow(head);
  text += style.bold(fmt::format(": {}", indented(error.what))) + "\n";
  if (!error.where.empty()) text += fmt::format("  {} {}\n", style.blue("-->"), indented(error.where));
  std::string equals = style.blue("=");
  for (const std::string& reason : error.why) text += fmt::format("   {} because {}\n", equals, indented(reason));
  if (!error.hint.empty()) text += fmt::format("   {} {} {}\n", equals, style.bold("help:"), indented(error.hint));
  return text;
}

std::string render_json(const Error& error, Severity severity) {
  return canonical_json({{severity == Severity::error ? "error" : "warning", fields(error)}});
}

}  // namespace modelctl::cli
