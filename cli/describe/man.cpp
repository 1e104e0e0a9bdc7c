// Renders a page as troff with the man macros (man(7), man-pages(7)).
#include "cli/describe/page.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>

namespace modelctl::cli {
namespace {

// A dot or quote at the start of a line would be a troff request, and a plain '-' would be typeset as a hyphen, which
// cannot be pasted into a shell.
std::string escaped(const std::string& text) {
  std::string result;
  bool line_start = true;
  for (char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') result += "\\e";
    else if (c == '-') result += "\\-";
    else result += c;
    line_start = c == '\n';
  }
  return result;
}

// Tagged paragraphs (.TP), as man pages list options.
std::string section(const char* title, const std::vector<OptionEntry>& entries) {
  if (entries.empty()) return "";
  std::string text = fmt::format(".SH {}\n", title);
  for (const OptionEntry& entry : entries) {
    text += fmt::format(".TP\n\\fB{}\\fR", escaped(entry.names));
    if (!entry.value.empty()) text += fmt::format(" \\fI{}\\fR", escaped(entry.value));
    text += fmt::format("\n{}{}\n", escaped(entry.description), entry.required ? " (required)" : "");
  }
  return text;
}

// The subset of Markdown that the pages use: paragraphs, indented blocks, `code`, headings.
std::string prose(const std::string& markdown) {
  std::string text;
  std::istringstream lines(markdown);
  bool block = false;
  for (std::string line; std::getline(lines, line);) {
    bool indented = line.rfind("    ", 0) == 0;
    if (indented != block && !line.empty()) {
      text += indented ? ".PP\n.EX\n" : ".EE\n.PP\n";
      block = indented;
    }
    if (line.empty()) {
      if (!block) text += ".PP\n";
    } else if (line.rfind("## ", 0) == 0) {
      std::string title = line.substr(3);
      std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return std::toupper(c); });
      text += ".SH " + escaped(title) + "\n";
    } else {
      std::erase(line, '`');
      text += escaped(line) + "\n";
    }
  }
  return text + (block ? ".EE\n" : "");
}

}  // namespace

std::string as_man(const Page& page) {
  std::string title = page.name;
  std::replace(title.begin(), title.end(), ' ', '-');
  std::string text = fmt::format(".TH \"{}\" 1 \"\" \"modelctl {}\"\n", title, MODELCTL_VERSION);
  text += fmt::format(".SH NAME\n{} \\- {}\n", escaped(title), escaped(page.summary));
  text += fmt::format(".SH SYNOPSIS\n.nf\n{}\n.fi\n", escaped(page.usage));
  if (!page.prose.empty()) text += ".SH DESCRIPTION\n" + prose(page.prose);
  if (!page.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const auto& [stage, name, summary] : page.commands) {
      text += fmt::format(".TP\n\\fB{}\\-{}\\fR(1)\n{}\n", escaped(title), escaped(name), escaped(summary));
    }
  }
  text += section("ARGUMENTS", page.arguments);
  text += section("OPTIONS", page.options);
  text += section("OPTIONS OF EVERY COMMAND", page.global_options);
  return text;
}

}  // namespace modelctl::cli
