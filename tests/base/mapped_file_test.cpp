// What was opened to be used for a while stays what it was, or the change is found.
#include "base/mapped_file.hpp"

#include "base/files.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>

using namespace modelctl;
using modelctl::test::Scratch;
namespace fs = std::filesystem;

namespace {

void overwrite(const fs::path& path, std::string_view text) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(write_all_at(file.number(), as_bytes(text), 0));
}

struct Example {
  Scratch scratch;
  fs::path path = scratch / "file";
  std::string text = std::string(10000, 'a');
  Example() { REQUIRE(write_file(path, as_bytes(text))); }
  std::shared_ptr<const MappedFile> copied() const { return MappedFile::open_stable(path).value(); }
  std::shared_ptr<const MappedFile> watched() const { return MappedFile::open_stable(path, 0).value(); }
};

}  // namespace

TEST_CASE("a copy does not see what is written to the file later") {
  Example example;
  auto file = example.copied();
  overwrite(example.path, "b");
  CHECK(as_text(file->bytes()) == example.text);
  REQUIRE(::truncate(example.path.c_str(), 0) == 0);
  file->release_pages();
  CHECK(as_text(file->bytes()) == example.text);
  CHECK(file->check_unchanged());
}

TEST_CASE("a write to a watched file is found, even if its time is set back") {
  Example example;
  struct stat before {};
  REQUIRE(::stat(example.path.c_str(), &before) == 0);
  auto file = example.watched();
  CHECK(file->check_unchanged());
  overwrite(example.path, "b");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  REQUIRE(::utimensat(AT_FDCWD, example.path.c_str(), times, 0) == 0);
  auto changed = file->check_unchanged();
  REQUIRE(!changed);
  CHECK(changed.error().kind == Kind::untrusted);
  CHECK(changed.error().code == "file-changed");
}

TEST_CASE("a watched file that became shorter is found") {
  Example example;
  auto file = example.watched();
  REQUIRE(::truncate(example.path.c_str(), 1) == 0);
  CHECK(!file->check_unchanged());
}

TEST_CASE("a watched file may be replaced, removed, or get another mode: the mapping keeps the old content") {
  Example example;
  auto file = example.watched();
  REQUIRE(::chmod(example.path.c_str(), 0600) == 0);
  CHECK(file->check_unchanged());
  auto second = example.watched();
  REQUIRE(write_file(example.path, as_bytes("another")));
  CHECK(file->check_unchanged());
  CHECK(second->check_unchanged());
  CHECK(as_text(file->bytes()) == example.text);
}

TEST_CASE("a part of a file is copied, or watched, alone, also if it begins within a page") {
  Example example;
  REQUIRE(write_file(example.path, as_bytes(std::string(4000, 'a') + "inner" + "end")));
  for (std::uint64_t copied : {std::uint64_t{0}, MappedFile::copied_bytes}) {
    auto part = MappedFile::map_stable_part(open_file(example.path).value(), example.path, 4000, 5, copied).value();
    CHECK(as_text(part->bytes()) == "inner");
    CHECK(part->check_unchanged());
  }
}

TEST_CASE("an empty file and a missing one are opened like any other") {
  Scratch scratch;
  REQUIRE(write_file(scratch / "empty", {}));
  CHECK(MappedFile::open_stable(scratch / "empty").value()->bytes().empty());
  CHECK(MappedFile::open_stable(scratch / "missing").error().kind == Kind::not_found);
}

TEST_CASE("a program reports a mapped file that became shorter, and is not killed") {
  Example example;
  pid_t child = ::fork();
  if (child == 0) {
    ::close(2);
    report_bus_errors();
    auto file = MappedFile::open(example.path).value();
    (void)::truncate(example.path.c_str(), 0);
    ::_exit(std::count(file->bytes().begin(), file->bytes().end(), std::byte{0}) >= 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == info(Kind::io).exit_code);
}

TEST_CASE("another process can map the bytes of a stable mapping by its descriptor") {
  Example example;
  for (const auto& file : {example.copied(), example.watched()}) {
    ByteSpan part = file->bytes().subspan(1);
    auto location = file->locate(part);
    REQUIRE(location);
    std::vector<std::byte> read(part.size());
    REQUIRE(read_all_at(location->descriptor, read, location->offset));
    CHECK(std::equal(read.begin(), read.end(), part.begin(), part.end()));
    CHECK_FALSE(file->locate(as_bytes("other memory")));
  }
}
