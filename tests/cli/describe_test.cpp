// Help and man pages of all commands, rendered from the command tree.
#include "cli/app.hpp"
#include "cli/describe/page.hpp"

#include <doctest/doctest.h>

using namespace modelctl::cli;

namespace {
void each_page(const CLI::App& app, const std::function<void(const Page&)>& visit) {
  visit(page_of(app));
  for (const CLI::App* below : visible_commands(app)) each_page(*below, visit);
}
}  // namespace

TEST_CASE("the page of every command shows an example of it") {
  auto tree = command_tree();
  each_page(tree->root, [](const Page& page) {
    if (!page.commands.empty()) return;
    CAPTURE(page.name);
    CHECK_MESSAGE(page.prose.find("    " + page.name) != std::string::npos,
                  "write one into cli/commands/<name>.md, indented by four");
  });
}

TEST_CASE("help lists arguments and options with what they take") {
  CLI::App app("Do it");
  app.name("do");
  std::string file, form = "text";
  app.add_option("FILE", file, "What to do")->required();
  app.add_option("-f,--form", form, "How")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  app.set_help_flag("-h,--help", "Show this");
  std::string help = as_help(page_of(app));
  CHECK(help.find("Usage: do [options] FILE\n") != std::string::npos);
  CHECK(help.find("  -f, --form text|json  How [default: text]\n") != std::string::npos);
}

TEST_CASE("a man page escapes what troff would take for a request") {
  Page page;
  page.name = "modelctl do";
  page.summary = "Do it";
  page.prose = ".hidden files stay - as they are\n";
  std::string man = as_man(page);
  CHECK(man.find("\n\\&.hidden files stay \\- as they are\n") != std::string::npos);
}
