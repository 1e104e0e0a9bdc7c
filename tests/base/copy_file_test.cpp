// Copies of files: complete, or an error; never over another file.
#include "base/copy_file.hpp"

#include "base/files.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
namespace fs = std::filesystem;

namespace {

// More than one piece, and most of it a hole.
void make_large(const fs::path& path) {
  REQUIRE(write_file(path, as_bytes("begin")));
  fs::resize_file(path, (40 << 20) + 7);
}

}  // namespace

TEST_CASE("a copy has the bytes of the file") {
  test::Scratch scratch;
  test::FakeHost fake;
  make_large(scratch / "large");
  auto size = copy_file(scratch / "large", scratch / "copy", fake.reporter, fake.stop);
  REQUIRE(size);
  CHECK(*size == (40 << 20) + 7);
  CHECK(*read_file(scratch / "large") == *read_file(scratch / "copy"));
}

TEST_CASE("a copy to another file system has the bytes of the file") {
  test::Scratch scratch;
  test::FakeHost fake;
  make_large(scratch / "large");
  auto memory = TemporaryFolder::create("/dev/shm");
  if (!memory) return;  // not every machine has it
  REQUIRE(copy_file(scratch / "large", memory->path() / "copy", fake.reporter, fake.stop));
  CHECK(*read_file(scratch / "large") == *read_file(memory->path() / "copy"));
}

TEST_CASE("a copy does not replace a file") {
  test::Scratch scratch;
  test::FakeHost fake;
  REQUIRE(write_file(scratch / "a", as_bytes("a")));
  REQUIRE(write_file(scratch / "b", as_bytes("b")));
  auto copied = copy_file(scratch / "a", scratch / "b", fake.reporter, fake.stop);
  REQUIRE(!copied);
  CHECK(copied.error().kind == Kind::conflict);
  CHECK(*read_text_file(scratch / "b") == "b");
}

TEST_CASE("a stop ends a copy") {
  test::Scratch scratch;
  test::FakeHost fake;
  fake.stop.stop();
  REQUIRE(write_file(scratch / "a", as_bytes("a")));
  auto copied = copy_file(scratch / "a", scratch / "b", fake.reporter, fake.stop);
  REQUIRE(!copied);
  CHECK(copied.error().kind == Kind::interrupted);
}

TEST_CASE("a folder is not copied") {
  test::Scratch scratch;
  test::FakeHost fake;
  auto copied = copy_file(scratch.path(), scratch / "b", fake.reporter, fake.stop);
  REQUIRE(!copied);
  CHECK(copied.error().code == "is-a-folder");
}
