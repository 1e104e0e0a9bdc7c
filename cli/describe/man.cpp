// Renders the page of a command as troff with the man macros.
#include "cli/describe/page.hpp"
#include "cli/describe/troff.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::cli {
namespace {

// Tagged paragraphs (.TP), as man pages list options.
std::string section(const char* title, const std::vector<OptionEntry>& entries) {
  if (entries.empty()) return "";
  std::string text = fmt::format(".SH {}\n", title);
  for (const OptionEntry& entry : entries) {
    text += fmt::format(".TP\n\\fB{}\\fR", troff_text(entry.names));
    if (!entry.value.empty()) text += fmt::format(" \\fI{}\\fR", troff_text(entry.value));
    text += fmt::format("\n{}{}\n", troff_text(entry.description), entry.required ? " (required)" : "");
  }
  return text;
}

}  // namespace

std::string as_man(const Page& page) {
  std::string title = page.name;
  std::replace(title.begin(), title.end(), ' ', '-');
  std::string text = fmt::format(".TH \"{}\" 1 \"\" \"modelctl {}\"\n", title, MODELCTL_VERSION);
  text += fmt::format(".SH NAME\n{} \\- {}\n", troff_text(title), troff_text(page.summary));
  text += fmt::format(".SH SYNOPSIS\n.nf\n{}\n.fi\n", troff_text(page.usage));
  if (!page.prose.empty()) text += ".SH DESCRIPTION\n" + troff_of(page.prose);
  if (!page.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const auto& [stage, name, summary] : page.commands) {
      text += fmt::format(".TP\n\\fB{}\\-{}\\fR(1)\n{}\n", troff_text(title), troff_text(name), troff_text(summary));
    }
  }
  text += section("ARGUMENTS", page.arguments);
  text += section("OPTIONS", page.options);
  text += section("OPTIONS OF EVERY COMMAND", page.global_options);
  return text;
}

}  // namespace modelctl::cli
