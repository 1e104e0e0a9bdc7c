// Renders a page as Markdown for docs/reference/commands.
#include "cli/describe/page.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::cli {
namespace {

// One list item per option, with names and value as code.
std::string section(const char* title, const std::vector<OptionEntry>& entries) {
  if (entries.empty()) return "";
  std::string text = fmt::format("\n## {}\n\n", title);
  for (const OptionEntry& entry : entries) {
    text += fmt::format("- `{}{}{}`: {}{}\n", entry.names, entry.value.empty() ? "" : " ", entry.value,
                        entry.description, entry.required && !entry.value.empty() ? " (required)" : "");
  }
  return text;
}

}  // namespace

std::string as_markdown(const Page& page) {
  std::string text = fmt::format("# {}\n\n{}.\n\n    {}\n", page.name, page.summary, page.usage);
  if (!page.prose.empty()) text += "\n" + page.prose;
  if (!page.commands.empty()) {
    std::string heading;
    for (const auto& [stage, name, summary] : page.commands) {
      if (stage != heading) text += fmt::format("\n## {}\n\n", heading = stage);
      std::string file = page.name + " " + name;
      file = file.substr(file.find(' ') + 1);
      std::replace(file.begin(), file.end(), ' ', '-');
      text += fmt::format("- [`{}`]({}.md): {}\n", name, file, summary);
    }
  }
  text += section("Arguments", page.arguments);
  text += section("Options", page.options);
  text += section("Options of every command", page.global_options);
  return text;
}

}  // namespace modelctl::cli
