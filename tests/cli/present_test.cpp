// Rendering of diagnostics, tables, sizes and times.
#include "cli/present/argument_secrets.hpp"
#include "cli/present/diagnostics.hpp"
#include "cli/present/printer.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::cli;

TEST_CASE("a diagnostic shows what, where, each because and the help, in this order") {
  Error error = Error(Kind::unsupported, "unsupported-attribute", "cannot lower 'GridSample'")
                    .at("detector.onnx: graph 'main', node 'sample_17'")
                    .because("inner")
                    .because("outer")
                    .help("export with mode=\"linear\"");
  CHECK(render(error, Severity::error, false) ==
        "error[unsupported-attribute]: cannot lower 'GridSample'\n"
        "  --> detector.onnx: graph 'main', node 'sample_17'\n"
        "   = because outer\n"
        "   = because inner\n"
        "   = help: export with mode=\"linear\"\n");
}

TEST_CASE("each fault that an error sums up is shown before it") {
  Faults faults;
  faults.add(Error(Kind::bad_input, "bad-a", "first"));
  faults.add(Error(Kind::bad_input, "bad-b", "second"));
  CHECK(
      render(std::move(faults).sum("cannot read it"), Severity::error, false) ==
      "error[bad-a]: first\n\nerror[bad-b]: second\n\nerror[bad-a]: cannot read it\n   = because 2 faults were found, "
      "shown above\n");
}

TEST_CASE("a diagnostic as JSON has the same fields") {
  Error error = Error(Kind::not_found, "no-such-file", "cannot open 'a'").at("a").because("gone").help("look");
  CHECK(render_json(error, Severity::warning) ==
        R"({"warning":{"because":["gone"],"code":"no-such-file","help":"look","kind":"not_found",)"
        R"("what":"cannot open 'a'","where":"a"}})");
}

TEST_CASE("a name from a hostile file cannot control the terminal") {
  Error error(Kind::bad_input, "bad-name", "cannot use '\x1b]0;owned\x07'");
  CHECK(render(error, Severity::error, false) == "error[bad-name]: cannot use '\\x1b]0;owned\\x07'\n");
  CHECK(printable("\xC2\x9B[2J") == "\\x9b[2J");
}

TEST_CASE("a name of many characters is cut, and how much of it is said") {
  std::string name(5000, 'n');
  CHECK(render(Error(Kind::bad_input, "bad-name", name), Severity::error, false).size() < 2100);
  CHECK(render(Table{{"name"}, {{name}}}).size() < 500);
  CHECK(bounded(name, 10) == "nnnnnnnnnn… (4990 bytes more)");
  CHECK(bounded("aaé", 3) == "aa… (2 bytes more)");
  CHECK(bounded("short", 5) == "short");
}

TEST_CASE("a table aligns names to the left and numbers to the right") {
  CHECK(render(Table{{"name", "size"}, {{"a", "9 B"}, {"long one", "10.5 KiB"}}}) ==
        "name          size\n"
        "a              9 B\n"
        "long one  10.5 KiB\n");
}

TEST_CASE("digests and versions are words, not numbers") {
  CHECK(render(Table{{"version"}, {{"1.10.2"}, {"1.2"}}}) == "version\n1.10.2\n1.2\n");
}

TEST_CASE("sizes and times are given in the unit that reads best") {
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_seconds(0.00123) == "1.23 ms");
  CHECK(human_seconds(12.34) == "12.3 s");
  CHECK(human_seconds(125) == "2 min 05 s");
}

TEST_CASE("passwords and signatures on the command line are cut out of errors") {
  auto shown = [](const std::string& argument) {
    std::vector<std::string> arguments{"build", argument};
    Error error = Error(Kind::not_found, "no-such-file", "cannot open '" + argument + "'").at(argument);
    return render(secrets_in(arguments).without(error), Severity::error, false);
  };
  for (const char* argument :
       {"https://u:hidden@h/m.onnx", "https://hidden@h/m.onnx", "u:hidden@h/m:1", "//u:hidden@h/m",
        "model=https://u:hidden@h/a b", "https://h/m.onnx?token=hidden-word"}) {
    CHECK_MESSAGE(shown(argument).find("hidden") == std::string::npos, argument);
  }
  for (const char* argument : {"digits:1.2.3@sha256:00", "models/a:b@c.onnx", "a@b.onnx", "oci:/srv/a@b:m:1"}) {
    CHECK_MESSAGE(shown(argument).find(argument) != std::string::npos, argument);
  }
}
