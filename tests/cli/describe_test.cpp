// Help and man pages of all commands, rendered from the command tree.
#include "cli/app.hpp"
#include "cli/describe/manual.hpp"
#include "cli/describe/page.hpp"
#include "cli/describe/troff.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>

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

TEST_CASE("a man page has the lists, tables, links and blocks of its document") {
  CHECK(troff_of("# Title\n\nFirst\nline.\n\nSecond.\n") == "First\nline.\n.PP\nSecond.\n");
  CHECK(troff_of("- one\n  more\n- two\n") == ".IP \\(bu 2\none\nmore\n.IP \\(bu 2\ntwo\n");
  CHECK(troff_of("| a | b |\n|---|---|\n| `-x` | what \\| why |\n") == ".TP\n\\fB\\-x\\fR\nwhat | why\n");
  CHECK(troff_of("Run:\n\n    a\n\n    b\n\nDone.\n") == "Run:\n.PP\n.EX\n    a\n\n    b\n.EE\n.PP\nDone.\n");
  CHECK(troff_of("See [the codes](../reference/exit-codes.md) and [more](more.md).\n") ==
        "See the codes, modelctl\\-exit\\-codes(7) and more.\n");
}

TEST_CASE("help refers to man pages that are installed, and to no file of the source tree") {
  auto tree = command_tree();
  std::size_t references = 0;
  each_page(tree->root, [&](const Page& page) {
    CAPTURE(page.name);
    std::string help = as_help(page);
    CHECK(help.find("docs/") == std::string::npos);
    static const std::regex reference(R"(([a-z.-]+)\(([57])\))");
    for (std::sregex_iterator at(help.begin(), help.end(), reference), end; at != end; ++at, ++references) {
      CAPTURE(at->str());
      CHECK(std::any_of(manuals().begin(), manuals().end(), [&](const Manual& manual) {
        return manual.name == at->str(1) && manual.section == at->str(2)[0];
      }));
    }
  });
  CHECK(references > 0);
}
