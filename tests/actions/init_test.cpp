// The action `init`: a project is created completely or not at all.
#include "actions/init.hpp"

#include "base/files.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>

using namespace modelctl;
using namespace modelctl::actions;
namespace fs = std::filesystem;

TEST_CASE("an example becomes a folder with all its files") {
  test::Scratch scratch;
  test::FakeHost fake;
  auto report = init({.example = "digits", .folder = scratch / "mine"}, fake.host);
  REQUIRE(report);
  for (const auto& file : report->files) CHECK(fs::file_size(scratch / "mine" / file.path) == file.size);
  CHECK(fs::exists(scratch / "mine" / "modelctl.yaml"));
  CHECK(fs::exists(scratch / "mine" / "samples" / "one.npy"));
}

TEST_CASE("an existing file in place of the project is not changed") {
  test::Scratch scratch;
  test::FakeHost fake;
  std::ofstream(scratch / "mine") << "precious";
  auto report = init({.example = "digits", .folder = scratch / "mine"}, fake.host);
  REQUIRE(!report);
  CHECK(report.error().kind == Kind::conflict);
  CHECK(*read_text_file(scratch / "mine") == "precious");
}

TEST_CASE("an interrupted start leaves nothing behind") {
  test::Scratch scratch;
  test::FakeHost fake;
  fake.stop.stop();
  REQUIRE(!init({.example = "digits", .folder = scratch / "mine"}, fake.host));
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("a project is of a model or of an example, not of both and not of none") {
  test::Scratch scratch;
  test::FakeHost fake;
  for (const InitRequest& request : {InitRequest{.folder = scratch / "mine"},
                                     InitRequest{.model = "a.onnx", .example = "digits", .folder = scratch / "mine"},
                                     InitRequest{.example = "digits", .folder = scratch / "mine", .link = true}}) {
    auto report = init(request, fake.host);
    REQUIRE(!report);
    CHECK(report.error().kind == Kind::usage);
  }
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("each folder of templates/projects is an example with a description") {
  std::set<std::string> folders, names;
  for (const auto& entry : fs::directory_iterator(MODELCTL_SOURCE_DIR "/templates/projects"))
    folders.insert(entry.path().filename().string());
  for (const Example& example : examples()) {
    names.insert(example.name);
    CHECK(!example.description.empty());
  }
  CHECK(names == folders);
}

TEST_CASE("an unknown example is refused with the names of all") {
  test::Scratch scratch;
  test::FakeHost fake;
  auto report = init({.example = "no such example", .folder = scratch / "mine"}, fake.host);
  REQUIRE(!report);
  for (const Example& example : examples()) CHECK(report.error().hint.find(example.name) != std::string::npos);
}
