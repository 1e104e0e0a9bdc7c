// help: shows the help of a command, as `modelctl COMMAND --help` does.
#include "cli/app.hpp"
#include "cli/describe/page.hpp"

namespace modelctl::cli {
namespace {

Run bind(Binder& binder) {
  auto words = std::make_shared<std::vector<std::string>>();
  binder.complete(binder.app.add_option("COMMAND", *words, "The command, such as 'key generate'"), Completes::command);
  return [words](CommandContext& context) -> Result<int> {
    // A tree of its own: while a command runs it has no access to the one that was parsed.
    auto tree = command_tree();
    const CLI::App* at = &tree->root;
    for (const std::string& word : *words) {
      const CLI::App* parent = at;
      for (const CLI::App* below : visible_commands(*parent)) {
        if (below->get_name() == word) at = below;
      }
      if (at == parent) return unknown_command(*parent, word);
    }
    context.printer.text(as_help(page_of(*at)));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"help", "Show the help of a command", bind, Stage::help}};

}  // namespace
std::span<const CommandDef> help_command() { return defs; }
}  // namespace modelctl::cli
