// The walk does not check anything: words that the parser would refuse are counted all the same.
#include "cli/describe/position.hpp"

namespace modelctl::cli {
namespace {

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  auto found = app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

}  // namespace

const CLI::Option* find_option(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) return option->get_positional() ? nullptr : option;
  }
  return nullptr;
}

Position locate(const CommandTree& tree, std::span<const std::string> words) {
  Position at{&tree.root};
  for (const std::string& word : words) {
    if (at.wants != nullptr) {
      at.wants = nullptr;
    } else if (word == "--" && !at.only_positionals) {
      at.only_positionals = true;
    } else if (word.size() > 1 && word[0] == '-' && !at.only_positionals) {
      const CLI::Option* option = word.find('=') == std::string::npos ? find_option(at.app, word) : nullptr;
      if (option != nullptr && option->get_items_expected_max() > 0) at.wants = option;
    } else if (const CLI::App* command = find_command(*at.app, word); command != nullptr && at.positionals == 0) {
      at.app = command;
    } else {
      ++at.positionals;
    }
  }
  return at;
}

}  // namespace modelctl::cli
