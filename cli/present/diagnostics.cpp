// Error messages as text and JSON. All text is made printable first: names in it may come from a hostile file.
#include "cli/present/diagnostics.hpp"

#include "cli/present/printer.hpp"
#include "tensor/json/cursor.hpp"
#include "tensor/utf8.hpp"

#include <fmt/core.h>

#include <utility>

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
  constexpr std::size_t longest = 2000;
  for (char c : printable(bounded(text, longest))) {
    result += c;
    if (c == '\n') result += "     ";
  }
  return result;
}

// Written by hand and not with a JSON library, since this links into the smallest runner. Fields are in alphabetical
// order, and those that are empty are left out.
class JsonFields {
 public:
  explicit JsonFields(std::string& out) : out_(out) { out_ += '{'; }
  ~JsonFields() { out_ += '}'; }

  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) begin(key), quote(value);
  }
  template <class T, class Write>
  void list(std::string_view key, const std::vector<T>& values, Write&& write) {
    if (values.empty()) return;
    begin(key);
    for (char before = '['; const T& value : values) out_ += std::exchange(before, ','), write(value);
    out_ += ']';
  }
  void quote(std::string_view text) {
    if (!json::quote(out_, text)) json::quote(out_, to_utf8(text));
  }
  void begin(std::string_view key) {
    if (out_.back() != '{') out_ += ',';
    quote(key);
    out_ += ':';
  }

 private:
  std::string& out_;
};

void write_fields(std::string& out, const Error& error) {
  JsonFields fields(out);
  fields.list("because", error.why, [&](const std::string& reason) { fields.quote(reason); });
  fields.text("code", error.code);
  fields.list("faults", error.faults, [&](const Error& fault) { write_fields(out, fault); });
  fields.text("help", error.hint);
  fields.text("kind", info(error.kind).name);
  fields.text("what", error.what);
  fields.text("where", error.where);
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
  std::string text;
  {
    JsonFields object(text);
    object.begin(severity == Severity::error ? "error" : "warning");
    write_fields(text, error);
  }
  return text;
}

}  // namespace modelctl::cli
