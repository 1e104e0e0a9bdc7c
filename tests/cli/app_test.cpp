// Properties of every option of the real command tree, so that a new command is covered without a line here.
#include "cli/app.hpp"
#include "cli/describe/page.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace modelctl::cli;

namespace {

// Calls visit(words, app) for every command, hidden ones too; `words` name it.
void each_command(const CLI::App& app, std::vector<std::string>& words,
                  const std::function<void(const std::vector<std::string>&, const CLI::App&)>& visit) {
  visit(words, app);
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(below->get_name());
    each_command(*below, words, visit);
    words.pop_back();
  }
}

// A tree that has parsed a line. Only the distribution of the words matters: values may be invalid, and required
// options absent.
std::unique_ptr<CommandTree> parsed(std::vector<std::string> line) {
  auto tree = command_tree();
  std::reverse(line.begin(), line.end());
  try {
    tree->root.parse(line);
  } catch (const CLI::ParseError&) {}
  return tree;
}

const CLI::Option& option_of(const CommandTree& tree, const std::vector<std::string>& words, const std::string& name) {
  const CLI::App* app = &tree.root;
  for (const std::string& word : words) app = app->get_subcommand(word);
  return *app->get_option(name);
}

}  // namespace

TEST_CASE("each occurrence of an option takes one value, and leaves the arguments after it alone") {
  auto tree = command_tree();
  std::size_t repeated = 0;
  std::vector<std::string> at;
  each_command(tree->root, at, [&](const std::vector<std::string>& words, const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_positional()) continue;
      // Not get_name(), which is empty for a former name.
      std::string name = option->get_lnames().empty() ? "-" + option->get_snames()[0] : "--" + option->get_lnames()[0];
      CAPTURE(full_name(app));
      CAPTURE(name);
      bool value = option->get_items_expected_max() > 0;
      auto line = words;
      line.push_back(name);
      if (value) line.push_back("1");
      line.insert(line.end(), {"a", "b", "c", "d"});
      auto once = parsed(line);
      if (value) CHECK(option_of(*once, words, name).results() == std::vector<std::string>{"1"});
      else CHECK(option_of(*once, words, name).results().size() <= 1);
      if (!repeats(*option)) continue;
      ++repeated;
      line.insert(line.end(), {name, "2", "e"});
      auto twice = parsed(line);
      CHECK(option_of(*twice, words, name).results() == std::vector<std::string>{"1", "2"});
    }
  });
  CHECK(repeated > 10);
}

TEST_CASE("the argument after an option that may be repeated is the command's") {
  auto tree = parsed({"run", "--input", "x.npy", "iris.artifact"});
  CHECK(option_of(*tree, {"run"}, "MODEL").results() == std::vector<std::string>{"iris.artifact"});
  tree = parsed({"pack", "--document", "requirements.txt", "xgb.artifact", "--document=[a,b]"});
  CHECK(option_of(*tree, {"pack"}, "ARTIFACT").results() == std::vector<std::string>{"xgb.artifact"});
  CHECK(option_of(*tree, {"pack"}, "--document").results() == std::vector<std::string>{"requirements.txt", "[a,b]"});
}

TEST_CASE("help states once that an option may be repeated") {
  auto tree = command_tree();
  std::vector<std::string> at;
  each_command(tree->root, at, [](const std::vector<std::string>&, const CLI::App& app) {
    for (const OptionEntry& entry : page_of(app).options) {
      std::size_t first = entry.description.find("repeated");
      CHECK_MESSAGE(entry.description.find("repeated", first + 1) == std::string::npos, entry.names);
    }
  });
}
