// Names of models in YAML, Markdown and registries.
#include "actions/quoting.hpp"

#include "actions/project.hpp"
#include "package/manifest.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

const std::string names[] = {"image", "input:0", "input.1", "33",          "yes",    "null", "a b", " x",
                             "x ",    "it's",    "\"q\"",   "back\\slash", "tab\tx", "a\nb", "-",   "- x",
                             "# x",   "x #y",    "?",       "@x",          "%x",     "{a}",  "[a]", "a: b",
                             "ä",     "0x10",    "1e3",     "../a/b",      "~",      "&a",   "*a",  "serving/input:0",
                             "!tag",  "a,b",     "`",       "\x7f",        "N",      "___",  "=",   "<<"};

}  // namespace

TEST_CASE("any name can be a key and a value of modelctl.yaml") {
  for (const std::string& name : names) {
    CAPTURE(name);
    auto project = parse_project("samples: [{inputs: {" + yaml_scalar(name) + ": x}}]", "modelctl.yaml");
    REQUIRE(project);
    CHECK(project->samples.at(0).inputs.at(0).first == name);
    project = parse_project("package:\n  description: " + yaml_scalar(name), "modelctl.yaml");
    REQUIRE(project);
    CHECK(project->package.description == name);
  }
}

TEST_CASE("names that other readers of YAML take for numbers, booleans or nulls are quoted") {
  for (const char* name : {"33", "1.5", "yes", "No", "true", "null", "on", "0x10", ""}) {
    CAPTURE(name);
    CHECK(yaml_scalar(name).front() == '"');
  }
  CHECK(yaml_scalar("input.1") == "input.1");
  CHECK(yaml_scalar("../models/a.onnx") == "../models/a.onnx");
}

TEST_CASE("a name stays within its cell of a table") {
  CHECK(markdown_cell("a|b") == "`a\\|b`");
  CHECK(markdown_cell("a`b\nc") == "`a b c`");
}

TEST_CASE("any name becomes one that registries accept") {
  CHECK(package_name("mnist-8") == "mnist-8");
  CHECK(package_name("My Model (v2)") == "my-model-v2");
  CHECK(package_name("__x..y__") == "x.y");
  CHECK(package_name("größe") == "gr-e");
  CHECK(package_name("...") == "model");
  for (const std::string& name : names) CHECK(package::check_name(package_name(name)));
  CHECK(package::check_name(package_name(std::string(1000, 'x'))));
}

TEST_CASE("documentation becomes one line that is not cut within a character") {
  CHECK(one_line("  Reads\n\n a digit.\t") == "Reads a digit.");
  CHECK(one_line("\xff") == "");
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ä";
  std::string line = one_line(umlauts);
  CHECK(line.size() <= 300);
  CHECK(line.ends_with("ä…"));
}
