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
  auto checked = check_outputs("run", {{"-o", output}, {"--state", other}}, {{"the model", input}});
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
  auto checked = check_outputs("build", {{"-o", "a"}, {"--report", "a"}}, {});
  REQUIRE(!checked);
  CHECK(checked.error().what == "cannot build: -o and --report are the same file 'a'");
}
