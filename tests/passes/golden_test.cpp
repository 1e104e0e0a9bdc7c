// Every *.graph in this folder: a graph's text with `# run: pass, pass` at the top, then `# expected:` and the text
// after these passes. MODELCTL_ACCEPT=1 writes the actual result.
#include "base/files.hpp"
#include "graph/text.hpp"
#include "passes/pass.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace modelctl::passes {
namespace {

constexpr std::string_view run_mark = "# run: ", expected_mark = "\n# expected:\n";

std::string run_passes(std::string_view text, const std::string& file) {
  auto graph = graph::parse_text(text, file);
  if (!graph) return graph.error().where + ": " + graph.error().what + "\n";
  std::istringstream names(std::string(text.substr(run_mark.size(), text.find('\n') - run_mark.size())));
  PassContext context;
  context.bindings = {{"bound", 4}};
  for (std::string name; std::getline(names, name, ',');) {
    name.erase(0, name.find_first_not_of(' '));
    const PassDef* pass = find(name);
    if (pass == nullptr) return "no pass is named '" + name + "'\n";
    auto ran = pass->run(**graph, context);
    if (!ran) return ran.error().where + ": " + ran.error().what + "\n";
    if (auto sound = verify(**graph); !sound) return name + " broke the graph: " + sound.error().what + "\n";
  }
  return to_text(**graph);
}

TEST_CASE("each golden graph comes out of its passes as expected") {
  bool accept = std::getenv("MODELCTL_ACCEPT") != nullptr;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(MODELCTL_PASSES_GOLDENS)) {
    if (entry.path().extension() == ".graph") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  REQUIRE(!files.empty());
  for (const auto& file : files) {
    INFO(file.filename().string());
    std::string text = *read_text_file(file);
    REQUIRE(text.substr(0, run_mark.size()) == run_mark);
    std::size_t mark = std::min(text.find(expected_mark), text.size());
    std::string input = text.substr(0, mark);
    std::string expected = mark == text.size() ? "" : text.substr(mark + expected_mark.size());
    std::string actual = run_passes(input, file.filename().string());
    if (accept && actual != expected) {
      while (!input.empty() && input.back() == '\n') input.pop_back();
      REQUIRE(write_file(file, as_bytes(input + "\n" + std::string(expected_mark) + actual)));
    } else {
      CHECK(actual == expected);
    }
  }
}

}  // namespace
}  // namespace modelctl::passes
