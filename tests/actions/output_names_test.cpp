// Outputs of one command that are one file, under any name.
#include "actions/output_names.hpp"

#include "base/files.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::actions;
namespace fs = std::filesystem;

namespace {

bool accepted(const fs::path& output, const fs::path& other, const fs::path& input = {}) {
  auto checked = check_outputs("run", {{"-o", output, OutputKind::tensors}, {"--state", other, OutputKind::tensors}},
                               {{"the model", input}});
  return checked || checked.error().code != "same-file";
}

}  // namespace

TEST_CASE("two outputs that are one file are refused, whether it exists or not, and however it is spelled") {
  test::Scratch scratch;
  for (bool exists : {false, true}) {
    fs::path file = scratch / "x.npz";
    if (exists) REQUIRE(write_file(file, as_bytes("old")));
    CHECK(!accepted(file, file));
    CHECK(!accepted(file, scratch / "." / "x.npz"));
    CHECK(accepted(file, scratch / "y.npz"));
  }
  fs::create_symlink(scratch / "x.npz", scratch / "link.npz");
  CHECK(!accepted(scratch / "x.npz", scratch / "link.npz"));
}

TEST_CASE("an output must not replace an input") {
  test::Scratch scratch;
  REQUIRE(write_file(scratch / "m.onnx", as_bytes("a model")));
  CHECK(!accepted(scratch / "m.onnx", {}, scratch / "m.onnx"));
  CHECK(accepted(scratch / "m.artifact", {}, scratch / "m.onnx"));
}

TEST_CASE("what is not given is left out, and a device may be given twice") {
  CHECK(accepted({}, {}));
  CHECK(accepted("/dev/null", "/dev/null"));
}

TEST_CASE("the message names both options and the file") {
  auto checked =
      check_outputs("build", {{"-o", "a", OutputKind::artifact}, {"--report", "a", OutputKind::build_report}}, {});
  REQUIRE(!checked);
  CHECK(checked.error().what == "cannot build: -o and --report are the same file 'a'");
}

TEST_CASE("a file is replaced by an output of its own kind alone, or if it is empty") {
  test::Scratch scratch;
  auto code = [&](std::string_view content, OutputKind kind) {
    REQUIRE(write_file(scratch / "x", as_bytes(content)));
    auto checked = check_outputs("run", {{"-o", scratch / "x", kind}}, {});
    return checked ? std::string() : checked.error().code;
  };
  const std::string package("manifest.json\0", 14);
  CHECK(code(package, OutputKind::package).empty());
  CHECK(code(package, OutputKind::artifact) == "not-replaced");
  CHECK(code(package, OutputKind::program) == "not-replaced");
  CHECK(code("{\"good\":true,\"outputs\":[]}", OutputKind::evaluate_report).empty());
  CHECK(code("{\"good\":true,\"outputs\":[]}", OutputKind::build_report) == "not-replaced");
  CHECK(code("model: m.onnx", OutputKind::evaluate_report) == "not-replaced");
  for (OutputKind kind : {OutputKind::artifact, OutputKind::program, OutputKind::package, OutputKind::build_report}) {
    CHECK(code("notes", kind) == "not-replaced");
    CHECK(code("", kind).empty());
  }
  CHECK(code("1,2", OutputKind::tensors).empty());
}
