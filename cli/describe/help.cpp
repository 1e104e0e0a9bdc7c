// Renders a page as --help prints it.
#include "cli/describe/page.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>

namespace modelctl::cli {
namespace {

constexpr std::size_t width = 100, widest_name = 28;

// Wraps text at the width. The following lines are indented by `indent`; the first is assumed to start at that column.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string result;
  std::size_t column = indent;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = std::min(text.find(' ', at), text.size());
    std::size_t length = end - at;
    if (column > indent && column + 1 + length > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) result += ' ', ++column;
    result += text.substr(at, length);
    column += length;
    at = end + 1;
  }
  return result;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

// A titled list in two columns. A name that is too long for its column gets a line of its own.
std::string section(const std::string& title, const Rows& rows) {
  if (rows.empty()) return "";
  std::size_t column = 0;
  for (const auto& [name, text] : rows) {
    if (name.size() <= widest_name) column = std::max(column, name.size());
  }
  column += 4;
  std::string result = fmt::format("\n{}:\n", title);
  for (const auto& [name, text] : rows) {
    std::string line = "  " + name;
    if (line.size() + 2 > column) line += "\n" + std::string(column, ' ');
    else line.resize(column, ' ');
    result += line + wrapped(text, column) + "\n";
  }
  return result;
}

Rows rows_of(const std::vector<OptionEntry>& entries) {
  Rows rows;
  for (const OptionEntry& entry : entries) {
    std::string indent =
        entry.names.rfind("--", 0) == 0 ? "    " : "";  // aligned with the long names of options that have a short one
    rows.emplace_back(indent + entry.names + (entry.value.empty() ? "" : " " + entry.value),
                      entry.description + (entry.required && !entry.value.empty() ? " (required)" : ""));
  }
  return rows;
}

// Wraps paragraphs; blocks that are indented by four, lists and tables are kept as they are.
std::string prose(const std::string& markdown) {
  std::string result, paragraph;
  auto flush = [&] {
    if (!paragraph.empty()) result += wrapped(paragraph, 0) + "\n";
    paragraph.clear();
  };
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    bool verbatim = line.empty() || line.rfind("    ", 0) == 0 || line.rfind("- ", 0) == 0 || line[0] == '|';
    if (verbatim) {
      flush();
      result += line + "\n";
    } else {
      paragraph += (paragraph.empty() ? "" : " ") + line;
    }
  }
  flush();
  return result;
}

}  // namespace

std::string as_help(const Page& page) {
  std::string text = fmt::format("{}\n\nUsage: {}\n", page.summary, page.usage);
  for (auto entry = page.commands.begin(); entry != page.commands.end();) {
    Rows rows;
    std::string stage = entry->stage;
    for (; entry != page.commands.end() && entry->stage == stage; ++entry)
      rows.emplace_back(entry->name, entry->summary);
    text += section(stage, rows);
  }
  text += section("Arguments", rows_of(page.arguments));
  text += section("Options", rows_of(page.options));
  text += section("Options of every command", rows_of(page.global_options));
  if (!page.prose.empty()) text += "\n" + prose(page.prose);
  return text;
}

}  // namespace modelctl::cli
