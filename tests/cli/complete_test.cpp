// Shell completion against the real command tree, so that a new command is covered without a line here.
#include "cli/describe/complete.hpp"

#include "actions/init.hpp"
#include "cli/describe/page.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

using namespace modelctl;
using namespace modelctl::cli;

namespace {

std::vector<std::string> answers(std::vector<std::string> words) {
  auto tree = command_tree();
  CandidateSources sources;
  sources.references = [] { return std::vector<Candidate>{{"digits:1.0", ""}, {"other:2", ""}}; };
  std::vector<std::string> texts;
  for (const Candidate& candidate : complete(*tree, words, sources)) texts.push_back(candidate.text);
  return texts;
}

bool offers(const std::vector<std::string>& words, const std::string& text) {
  auto texts = answers(words);
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

void each_command(const CLI::App& app, const std::function<void(const CLI::App&)>& visit) {
  for (const CLI::App* command : visible_commands(app)) {
    visit(*command);
    each_command(*command, visit);
  }
}

// "modelctl key generate" -> "key", "generate".
std::vector<std::string> words_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return {};
  auto words = words_of(*app.get_parent());
  words.push_back(app.get_name());
  return words;
}

}  // namespace

TEST_CASE("every command and every option completes, and each has a description") {
  auto tree = command_tree();
  each_command(tree->root, [&](const CLI::App& app) {
    CAPTURE(full_name(app));
    CHECK(!app.get_description().empty());
    auto words = words_of(app);
    CHECK(offers(words, app.get_name()));
    for (const CLI::Option* option : app.get_options()) {
      CAPTURE(option->get_name());
      if (option->get_group().empty()) continue;  // a former name, which works but is not offered
      CHECK(!option->get_description().empty());
      for (const std::string& name : option->get_lnames()) {
        auto typed = words;
        typed.push_back("--" + name.substr(0, 1));
        CHECK(offers(typed, "--" + name));
      }
    }
  });
}

TEST_CASE("a hidden command is not offered") { CHECK(!offers({""}, "docs")); }

TEST_CASE("a former name of an option is accepted, and not offered") {
  CHECK(offers({"pack", "--lic"}, "--license"));
  CHECK(!offers({"pack", "--lic"}, "--licence"));
  auto tree = command_tree();
  CHECK_NOTHROW(
      tree->root.parse(std::vector<std::string>{"x.tar", "-o", "x.key", "--key", "MIT", "--licence", "pack"}));
}

TEST_CASE("the values of a choice complete, as a word of their own and behind '='") {
  CHECK(answers({"--output", ""}) == std::vector<std::string>{"json", "text"});
  CHECK(answers({"--output=j"}) == std::vector<std::string>{"--output=json"});
  CHECK(answers({"init", "--example", "dig"}) == std::vector<std::string>{"digits"});
  std::vector<std::string> examples;
  for (const actions::Example& example : actions::examples()) examples.push_back(example.name);
  CHECK(answers({"init", "--example", ""}) == examples);
}

TEST_CASE("after '--' a word with a dash is not an option") { CHECK(!offers({"init", "--", "--ex"}, "--example")); }

TEST_CASE("help completes the commands of a group") {
  CHECK(answers({"help", "key", ""}) == std::vector<std::string>{"generate", "show"});
  CHECK(offers({"help", "ke"}, "key"));
  CHECK(answers({"help", "run", ""}).empty());
}

TEST_CASE("the argument MODEL completes with models in any form and not with other files") {
  test::Scratch scratch;
  for (const char* file : {"a.artifact", "a.onnx", "a.tar", "a.csv", "notes.md"}) std::ofstream(scratch / file) << "x";
  std::string folder = scratch.path().string() + "/";
  for (const char* command : {"run", "evaluate", "bench", "link", "inspect", "serve"}) {
    INFO(command);
    CHECK(answers({command, folder}) ==
          std::vector<std::string>{folder + "a.artifact", folder + "a.onnx", folder + "a.tar"});
  }
  CHECK(answers({"init", folder}) == std::vector<std::string>{folder + "a.onnx"});
}

TEST_CASE("files complete below their folder, folders with a slash, hidden ones only when asked for") {
  test::Scratch scratch;
  std::filesystem::create_directory(scratch / "inner");
  std::ofstream(scratch / ".hidden");
  std::string folder = scratch.path().string() + "/";
  CHECK(answers({"init", folder}) == std::vector<std::string>{folder + "inner/"});
  CHECK(answers({"init", folder + "in"}) == std::vector<std::string>{folder + "inner/"});
}

TEST_CASE("labels and names of classes complete to tables and lines, not to models") {
  test::Scratch scratch;
  for (const char* name : {"labels.npy", "labels.csv", "labels.txt", "model.onnx"})
    std::ofstream(scratch / name) << "x";
  const std::string lead = scratch.path().string() + "/";
  for (const char* option : {"--labels", "--classes"}) {
    CAPTURE(option);
    auto found = answers({"evaluate", option, lead});
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<std::string>{lead + "labels.csv", lead + "labels.npy", lead + "labels.txt"});
  }
}
