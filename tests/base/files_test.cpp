// What is written is complete or absent, and what is not a regular file stays what it is.
#include "base/files.hpp"
#include "base/links.hpp"

#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fstream>
#include <thread>

using namespace modelctl;
using modelctl::test::Scratch;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::size_t entries_of(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void write_mode(const fs::path& path, unsigned mode) {
  std::ofstream(path) << "before";
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string text_of(const fs::path& path) { return read_text_file(path).value(); }

// Restores the umask of the process.
struct Umask {
  mode_t before;
  explicit Umask(mode_t mask) : before(::umask(mask)) {}
  ~Umask() { ::umask(before); }
};

// Runs the body in a process that is killed in the middle of it.
template <typename Body>
void killed_while(Body body) {
  pid_t child = ::fork();
  if (child == 0) {
    body();
    ::raise(SIGKILL);
  }
  REQUIRE(::waitpid(child, nullptr, 0) == child);
}

}  // namespace

TEST_CASE("a file is absent until it is committed, and a file that is not committed leaves no trace") {
  Scratch scratch;
  {
    auto file = AtomicFile::create(scratch / "a").value();
    REQUIRE(file.write(as_bytes("half")));
    CHECK(!fs::exists(scratch / "a"));
  }
  CHECK(entries_of(scratch.path()) == 0);
  REQUIRE(write_file(scratch / "a", as_bytes("whole")));
  CHECK(text_of(scratch / "a") == "whole");
  CHECK(entries_of(scratch.path()) == 1);
}

TEST_CASE("a name as long as the file system allows can be written") {
  Scratch scratch;
  fs::path path = scratch / std::string(255, 'n');
  REQUIRE(write_file(path, as_bytes("x")));
  CHECK(text_of(path) == "x");
}

TEST_CASE("a symbolic link stays, and what it leads to is replaced") {
  Scratch scratch;
  fs::create_directory(scratch / "elsewhere");
  write_mode(scratch / "elsewhere/file", 0644);
  fs::create_symlink("elsewhere/file", scratch / "link");
  fs::create_symlink(scratch / "link", scratch / "second");
  REQUIRE(write_file(scratch / "second", as_bytes("after")));
  CHECK(fs::is_symlink(scratch / "second"));
  CHECK(fs::is_symlink(scratch / "link"));
  CHECK(text_of(scratch / "elsewhere/file") == "after");
  CHECK(entries_of(scratch / "elsewhere") == 1);
}

TEST_CASE("a symbolic link to a file that does not exist yet creates it") {
  Scratch scratch;
  fs::create_symlink("new", scratch / "link");
  REQUIRE(write_file(scratch / "link", as_bytes("after")));
  CHECK(fs::is_symlink(scratch / "link"));
  CHECK(text_of(scratch / "new") == "after");
}

TEST_CASE("a symbolic link that leads to itself is an error") {
  Scratch scratch;
  fs::create_symlink("loop", scratch / "loop");
  CHECK(!write_file(scratch / "loop", as_bytes("x")));
  CHECK(fs::is_symlink(scratch / "loop"));
}

TEST_CASE("a device is written into, and its failure is reported") {
  Scratch scratch;
  fs::create_symlink("/dev/full", scratch / "full");
  for (fs::path path : {fs::path("/dev/full"), scratch / "full"}) {
    auto result = write_file(path, as_bytes("x"));
    REQUIRE(!result);
    CHECK(result.error().code == "disk-full");
  }
  CHECK(fs::is_character_file("/dev/full"));
  CHECK(write_file("/dev/null", as_bytes("x")));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a FIFO is written into") {
  Scratch scratch;
  fs::path path = scratch / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::string received;
  std::thread reader([&] {
    std::ifstream in(path);
    received.assign(std::istreambuf_iterator<char>(in), {});
  });
  const std::string sent(3 << 20, 'x');
  CHECK(write_file(path, as_bytes(sent)));
  reader.join();
  CHECK(received == sent);
  CHECK(fs::is_fifo(path));
}

TEST_CASE("what an open descriptor refers to is written into") {
  Scratch scratch;
  write_mode(scratch / "file", 0644);
  Descriptor file(::open((scratch / "file").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(write_file("/proc/self/fd/" + std::to_string(file.number()), as_bytes("new")));
  std::array<std::byte, 3> bytes{};
  CHECK(read_all_at(file.number(), bytes, 0));
  CHECK(as_text(bytes) == "new");
}

TEST_CASE("an open descriptor is continued where it stands") {
  Scratch scratch;
  write_mode(scratch / "file", 0644);
  Descriptor file(::open((scratch / "file").c_str(), O_RDWR | O_TRUNC | O_CLOEXEC));
  REQUIRE(write_all(file.number(), as_bytes("first ")));
  REQUIRE(write_file("/dev/fd/" + std::to_string(file.number()), as_bytes("second")));
  auto content = read_text_file(scratch / "file");
  REQUIRE(content);
  CHECK(*content == "first second");
}

TEST_CASE("a stream is what cannot be replaced: a device, a FIFO, an open descriptor") {
  Scratch scratch;
  write_mode(scratch / "file", 0644);
  fs::create_symlink(scratch / "file", scratch / "link");
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  Descriptor file(::open((scratch / "file").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(is_stream("/dev/null"));
  CHECK(is_stream(scratch / "fifo"));
  CHECK(is_stream("/dev/fd/" + std::to_string(file.number())));
  for (const char* name : {"file", "link", "missing", ""}) CHECK_FALSE(is_stream(scratch / name));
  CHECK(descriptor_of("/dev/stdout") == 1);
  CHECK_FALSE(descriptor_of("/dev/null"));
}

TEST_CASE("a folder is not replaced by a file") {
  Scratch scratch;
  auto result = write_file(scratch.path(), as_bytes("x"));
  REQUIRE(!result);
  CHECK(result.error().code == "is-a-folder");
}

TEST_CASE("a new file obeys the umask, and so does a new folder") {
  Scratch scratch;
  Umask umask(027);
  REQUIRE(write_file(scratch / "a", as_bytes("x")));
  CHECK(mode_of(scratch / "a") == 0640);
  REQUIRE(write_file(scratch / "program", as_bytes("x"), 0755));
  CHECK(mode_of(scratch / "program") == 0750);
  REQUIRE(write_file(scratch / "key", as_bytes("x"), 0600));
  CHECK(mode_of(scratch / "key") == 0600);
  auto folder = TemporaryFolder::create(scratch.path()).value();
  CHECK(mode_of(folder.path()) == 0700);
  REQUIRE(folder.keep_as(scratch / "folder"));
  CHECK(mode_of(scratch / "folder") == 0750);
}

TEST_CASE("an existing file keeps its mode, a program stays executable, and a key stays private") {
  Scratch scratch;
  write_mode(scratch / "a", 0664);
  REQUIRE(write_file(scratch / "a", as_bytes("x")));
  CHECK(mode_of(scratch / "a") == 0664);
  write_mode(scratch / "program", 0640);
  REQUIRE(write_file(scratch / "program", as_bytes("x"), 0755));
  CHECK(mode_of(scratch / "program") == 0750);
  write_mode(scratch / "key", 0644);
  REQUIRE(write_file(scratch / "key", as_bytes("x"), 0600));
  CHECK(mode_of(scratch / "key") == 0600);
}

TEST_CASE("what a killed process left is removed by the next one that writes in the folder") {
  Scratch scratch;
  fs::path path = scratch / "file";
  killed_while([&] {
    auto file = AtomicFile::create(path);
    auto folder = TemporaryFolder::create(path.parent_path());
    (void)write_file(folder->path() / "inner", as_bytes("x"));
    ::raise(SIGKILL);
  });
  REQUIRE(entries_of(scratch.path()) == 2);
  REQUIRE(write_file(path, as_bytes("x")));
  CHECK(entries_of(scratch.path()) == 1);
  killed_while([&] {
    auto file = AtomicFile::create(path);
    ::raise(SIGKILL);
  });
  REQUIRE(entries_of(scratch.path()) == 2);
  REQUIRE(TemporaryFolder::create(scratch.path()));
  CHECK(entries_of(scratch.path()) == 1);
}

TEST_CASE("a temporary whose owner is alive stays") {
  Scratch scratch;
  auto first = AtomicFile::create(scratch / "first").value();
  auto folder = TemporaryFolder::create(scratch.path()).value();
  REQUIRE(write_file(scratch / "second", as_bytes("x")));
  CHECK(fs::exists(folder.path()));
  REQUIRE(first.write(as_bytes("x")));
  CHECK(first.commit());
  CHECK(folder.keep_as(scratch / "third"));
}

TEST_CASE("only what has the name of a temporary and is a file or folder is removed") {
  Scratch scratch;
  fs::path target = scratch / "target", left = scratch / ".modelctl-0123456789abcdef.tmp";
  write_mode(target, 0644);
  write_mode(scratch / ".modelctl-0123456789abcdeg.tmp", 0644);
  write_mode(scratch / ".modelctl-.tmp", 0644);
  fs::create_symlink(target, scratch / ".modelctl-0123456789abcde0.tmp");
  REQUIRE(::mkfifo((scratch / ".modelctl-0123456789abcde1.tmp").c_str(), 0600) == 0);
  write_mode(left, 0644);
  CHECK(is_temporary(left.filename().string()));
  collect_temporaries(scratch.path());
  CHECK(!fs::exists(left));
  CHECK(entries_of(scratch.path()) == 5);
}

TEST_CASE("a temporary file that lost its name is created again under contention") {
  Scratch scratch;
  std::atomic<bool> done{false};
  std::thread collector([&] {
    while (!done) collect_temporaries(scratch.path());
  });
  for (int i = 0; i < 200; ++i) CHECK(write_file(scratch / "file", as_bytes("x")));
  done = true;
  collector.join();
  CHECK(entries_of(scratch.path()) == 1);
}

TEST_CASE("an unnamed file leaves no entry") {
  Scratch scratch;
  Descriptor file = unnamed_file(scratch.path()).value();
  CHECK(write_all(file.number(), as_bytes("x")));
  CHECK(entries_of(scratch.path()) == 0);
}
