// Reads the description of a command from its CLI11 app. CLI11 formats types and defaults for its own help; this file
// parses them back if it has no accessor.
#include "cli/describe/page.hpp"

#include "base/embedded.hpp"
#include "cli/command.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl {
std::span<const EmbeddedFile> command_pages();
}

namespace modelctl::cli {
namespace {

// CLI11 writes "TEXT:{text,json}" for a choice, "TEXT:FILE" for a checked path, "INT:INT in [1 - 9]" for a range.
std::string value_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  std::string type = option.get_type_name();
  std::size_t open = type.find('{');
  if (open != std::string::npos) {
    std::string choices = type.substr(open + 1, type.find('}', open) - open - 1);
    std::replace(choices.begin(), choices.end(), ',', '|');
    return choices;
  }
  type.resize(std::min(type.find(':'), type.size()));
  if (type == "INT" || type == "UINT") return "N";
  return type == "FLOAT" ? "NUMBER" : type;
}

// Short names first, as in "-o, --output".
std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  return names;
}

bool several(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

// Notes in brackets follow the description. CLI11 captures the default as text; the texts of empty values are left out.
OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry;
  entry.names = option.get_positional() ? option.get_name(true, false) : names_of(option);
  entry.value = option.get_positional() ? "" : value_of(option);
  entry.required = option.get_required();
  entry.description = option.get_description();
  std::string standard = option.get_default_str();
  std::string notes;
  auto note = [&](const std::string& text) { notes += (notes.empty() ? "" : "; ") + text; };
  if (!entry.value.empty() && !standard.empty() && standard != "\"\"" && standard != "[]" && standard != "{}") {
    note("default: " + standard);
  }
  if (repeats(option)) note("may be repeated");
  if (!option.get_envname().empty()) note("environment: " + option.get_envname());
  if (!notes.empty()) entry.description += fmt::format(" [{}]", notes);
  return entry;
}

// An empty group hides an option: a former name of another option, for example.
bool visible(const CLI::Option& option) { return !option.get_group().empty(); }

// Positional arguments and required options; all others are covered by "[options]".
std::string usage_of(const CLI::App& app, const std::string& name) {
  std::string usage = name;
  if (!visible_commands(app).empty()) return usage + " COMMAND [options]";
  usage += " [options]";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      std::string word = option->get_name(true, false) + (several(*option) ? "..." : "");
      usage += option->get_required() ? " " + word : fmt::format(" [{}]", word);
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || !option->get_required()) continue;
    std::string lead =
        option->get_lnames().empty() ? "-" + option->get_snames().front() : "--" + option->get_lnames().front();
    usage += fmt::format(" {} {}{}", lead, value_of(*option), repeats(*option) ? "..." : "");
  }
  return usage;
}

// The text of a command's page is embedded from cli/commands/<name>.md.
std::string prose_of(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  for (const EmbeddedFile& file : command_pages()) {
    if (file.path == name + ".md") return std::string(file.text());
  }
  return "";
}

// Options of the enclosing apps, except those that the app's own options of the same name replace.
void add_inherited(const CLI::App& app, Page& page) {
  for (const CLI::App* above = app.get_parent(); above != nullptr; above = above->get_parent()) {
    for (const CLI::Option* option : above->get_options()) {
      if (option->get_positional() || !visible(*option) || option->get_name() == "--version") continue;
      bool hidden = std::any_of(option->get_lnames().begin(), option->get_lnames().end(), [&](const std::string& name) {
        return app.get_option_no_throw("--" + name) != nullptr;
      });
      if (!hidden) page.global_options.push_back(entry_of(*option));
    }
  }
}

}  // namespace

bool repeats(const CLI::Option& option) { return !option.get_positional() && several(option); }

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
  std::vector<const CLI::App*> shown =
      app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
  std::sort(shown.begin(), shown.end(),
            [](const CLI::App* a, const CLI::App* b) { return a->get_name() < b->get_name(); });
  auto stage = [](const CLI::App* app) {
    return std::find(std::begin(stage_titles), std::end(stage_titles), app->get_group());
  };
  std::stable_sort(shown.begin(), shown.end(),
                   [&](const CLI::App* a, const CLI::App* b) { return stage(a) < stage(b); });
  return shown;
}

// The order of options on a page is the order of their declaration.
Page page_of(const CLI::App& app) {
  Page page;
  page.name = full_name(app);
  page.summary = app.get_description();
  page.usage = usage_of(app, page.name);
  for (const CLI::App* command : visible_commands(app)) {
    page.commands.push_back({command->get_group(), command->get_name(), command->get_description()});
  }
  bool top = app.get_parent() == nullptr;
  for (const CLI::Option* option : app.get_options()) {
    if (!visible(*option)) continue;
    bool common = top || option->get_name() == "--help";
    auto& list = option->get_positional() ? page.arguments : common ? page.global_options : page.options;
    list.push_back(entry_of(*option));
  }
  add_inherited(app, page);
  std::size_t below_root = page.name.find(' ');
  page.prose = prose_of(below_root == std::string::npos ? page.name : page.name.substr(below_root + 1));
  return page;
}

}  // namespace modelctl::cli
