// A project is written completely or not at all, wherever it goes and whenever the command is killed.
#include "actions/project_writer.hpp"

#include "base/files.hpp"
#include "base/temporary.hpp"
#include "support/crash_points.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace modelctl;
using namespace modelctl::actions;
namespace fs = std::filesystem;

namespace {

const std::vector<NewFile> files{
    {"README.md", "read me"}, {"samples/a.npy", "a"}, {"samples/b.npy", "b"}, {".x/y/z", ""}};

// A scratch folder as the current one.
struct Current {
  Current() { fs::current_path(scratch.path()); }
  ~Current() { fs::current_path(before); }
  fs::path before = fs::current_path();
  test::Scratch scratch;
};

bool write(const fs::path& folder) {
  test::FakeHost fake;
  auto place = project_place(folder);
  return place && write_project(*place, files, fake.host);
}

bool is_complete(const fs::path& folder) {
  return std::ranges::all_of(files, [&](const NewFile& file) {
    auto text = read_text_file(folder / file.path);
    return text && *text == file.content;
  });
}

bool has_temporaries(const fs::path& folder) {
  auto entries = fs::directory_iterator(folder);
  return std::any_of(begin(entries), end(entries),
                     [](const auto& entry) { return is_temporary(entry.path().filename().string()); });
}

}  // namespace

TEST_CASE("a new folder and an empty one get the project") {
  Current current;
  fs::create_directory("empty");
  CHECK(write("new"));
  CHECK(is_complete("new"));
  CHECK(write("empty"));
  CHECK(is_complete("empty"));
  CHECK(!has_temporaries("."));
}

TEST_CASE("another folder that is not empty is refused") {
  Current current;
  fs::create_directory("full");
  REQUIRE(write_file("full/notes", as_bytes("mine")));
  auto place = project_place("full");
  REQUIRE(!place);
  CHECK(place.error().kind == Kind::conflict);
}

TEST_CASE("a link that leads nowhere is in the way") {
  Current current;
  fs::create_symlink("nowhere", "link");
  auto place = project_place("link");
  REQUIRE(!place);
  CHECK(place.error().kind == Kind::conflict);
}

TEST_CASE("in the current folder, other files stay as they are") {
  Current current;
  fs::create_directories("samples");
  REQUIRE(write_file("notes", as_bytes("mine")));
  REQUIRE(write_file("samples/c.npy", as_bytes("c")));
  CHECK(write("."));
  CHECK(is_complete("."));
  CHECK(*read_text_file("notes") == "mine");
  CHECK(*read_text_file("samples/c.npy") == "c");
  CHECK(!has_temporaries("."));
}

TEST_CASE("in the current folder, every file in the way is reported and nothing is written") {
  Current current;
  fs::create_directories("samples/b.npy");
  REQUIRE(write_file("README.md", as_bytes("mine")));
  test::FakeHost fake;
  auto written = write_project(*project_place("."), files, fake.host);
  REQUIRE(!written);
  CHECK(written.error().kind == Kind::conflict);
  CHECK(written.error().faults.size() == 2);
  CHECK(*read_text_file("README.md") == "mine");
  CHECK(!fs::exists("samples/a.npy"));
  CHECK(!has_temporaries("."));
}

TEST_CASE("if a file cannot be put in place, those before it are taken away") {
  Current current;
  REQUIRE(write_file(".x", as_bytes("a file where a folder should be")));
  CHECK(!write("."));
  CHECK(!fs::exists("README.md"));
  CHECK(!fs::exists("samples"));
}

TEST_CASE("a killed command leaves nothing that stops the next one") {
  for (bool here : {false, true}) {
    for (bool hard_links : {true, false}) {
      test::Outcome outcome = test::Outcome::killed;
      for (int step = 0; outcome == test::Outcome::killed; ++step) {
        Current current;
        fs::path folder = here ? "." : "project";
        outcome = test::run_until(step, hard_links, [&] { return write(folder); });
        CAPTURE(step);
        REQUIRE(outcome != test::Outcome::failed);
        bool renamed = !here && fs::exists(folder);
        if (renamed) CHECK(is_complete(folder));
        else CHECK(write(folder));
        CHECK(is_complete(folder));
        if (here) CHECK(!has_temporaries("."));
      }
    }
  }
}

TEST_CASE("two files whose names differ in the case of letters alone are refused") {
  test::Scratch scratch;
  test::FakeHost fake;
  std::vector<NewFile> twice{{"README.md", "a"}, {"readme.md", "b"}};
  auto written = write_project(scratch / "new", twice, fake.host);
  REQUIRE(!written);
  CHECK(written.error().code == "name-taken");
  CHECK(!fs::exists(scratch / "new"));
}
