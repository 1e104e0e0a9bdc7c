// Full disks, large models, interrupted commands.
#include "package/support.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// A file system of 1 MiB, if the machine lets us mount one.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path path) : path_(std::move(path)) {
    REQUIRE(make_folder(path_));
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::filesystem::path path_;
  bool mounted_;
};

// The most memory that `work` needed in a process of its own, in bytes; 0 if it failed.
template <class Work>
std::uint64_t peak_memory(const Work& work) {
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  pid_t child = ::fork();
  if (child == 0) {
    std::uint64_t peak = 0;
    if (work()) {
      std::ifstream status("/proc/self/status");
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) peak = std::stoull(line.substr(6)) * 1024;
      }
    }
    bool written = ::write(pipe_ends[1], &peak, sizeof peak) == sizeof peak;
    ::_exit(written ? 0 : 1);
  }
  ::close(pipe_ends[1]);
  std::uint64_t peak = 0;
  REQUIRE(::read(pipe_ends[0], &peak, sizeof peak) == sizeof peak);
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return peak;
}

}  // namespace

TEST_CASE("a full disk leaves nothing half-written, packed or unpacked") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  SmallDisk disk(scratch / "small");
  if (!disk.mounted()) return skipped("a small file system cannot be mounted here");
  std::vector<Payload> large{{"model.weights", Role::weights, false, Content::of_bytes(std::string(2 << 20, 'w'))}};
  auto path = scratch / "small/a.tar";
  auto refused = write_package(draft(), large, key, path, host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(message_of(refused.error()) == "io disk-full: cannot write '" + path.string() + "' | " + path.string() +
                                           " | packing the entry 'model.weights' | No space left on device");
  CHECK(names_in(scratch / "small").empty());

  write(scratch / "a.tar", key, draft(), large);
  auto folder = scratch / "small/folder";
  auto cut = unpack(scratch / "a.tar", folder, trust_in(key), host.reporter, host.stop);
  REQUIRE(!cut);
  CHECK(cut.error().kind == Kind::io);
  CHECK(cut.error().what == "cannot write 'model.weights'");
  CHECK(names_in(scratch / "small").empty());
}

TEST_CASE("an existing package survives a failed attempt to replace it") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  std::string before = bytes_of(scratch / "a.tar");
  std::vector<Payload> missing{{"model.weights", Role::weights, false, Content::of_range(scratch / "gone", 0, 10)}};
  auto refused = write_package(draft(), missing, key, scratch / "a.tar", host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::not_found);
  CHECK(bytes_of(scratch / "a.tar") == before);
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"a.tar"});
}

TEST_CASE("a file that became shorter while it was packed is an error, not a package") {
  Scratch scratch;
  FakeHost host;
  REQUIRE(write_file(scratch / "file", as_bytes("12345")));
  std::vector<Payload> payload{{"file", Role::document, false, Content::of_range(scratch / "file", 0, 10)}};
  auto refused = write_package(draft(), payload, key_of(p256_pem), scratch / "a.tar", host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(message_of(refused.error()) == "io file-changed: cannot pack '" + (scratch / "file").string() + "' | " +
                                           (scratch / "file").string() +
                                           " | packing the entry 'file' | it became shorter while it was read");
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("what the reader would refuse is not written") {
  Scratch scratch;
  FakeHost host;
  std::vector<Payload> payload{{"../evil", Role::document, false, Content::of_bytes("x")}};
  auto refused = write_package(draft(), payload, key_of(p256_pem), scratch / "a.tar", host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(refused.error().what == "cannot have an entry '../evil' in a package");
  CHECK(names_in(scratch.path()).empty());
}

TEST_CASE("packing, verifying and unpacking that are stopped leave nothing behind") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  host.stop.stop();
  auto packed = write_package(draft(), small_payload(), key, scratch / "b.tar", host.reporter, host.stop);
  // The output is not opened any more: it might be a FIFO, whose reader would be waited for.
  auto elsewhere = write_package(draft(), small_payload(), key, scratch / "none/b.tar", host.reporter, host.stop);
  auto unpacked = unpack(scratch / "a.tar", scratch / "folder", trust_in(key), host.reporter, host.stop);
  auto verified = verify(scratch / "a.tar", trust_in(key), host.reporter, host.stop);
  REQUIRE(!packed);
  REQUIRE(!unpacked);
  REQUIRE(!verified);
  CHECK(packed.error().kind == Kind::interrupted);
  REQUIRE(!elsewhere);
  CHECK(elsewhere.error().kind == Kind::interrupted);
  CHECK(unpacked.error().kind == Kind::interrupted);
  CHECK(verified.error().kind == Kind::interrupted);
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"a.tar"});
}

// The sanitizers keep memory of their own, and hold on to what was freed.
#ifndef MODELCTL_SANITIZED
TEST_CASE("memory stays small at any size of the model") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  Trust trust = trust_in(key);
  constexpr std::uint64_t size = 128u << 20;
  std::ofstream(scratch / "weights").close();
  std::filesystem::resize_file(scratch / "weights", size);  // holes: nothing is stored
  std::vector<Payload> payload{
      {"model.weights", Role::weights, false, Content::of_range(scratch / "weights", 0, size)}};
  // A process of its own starts with what this one has mapped and touched; that is a few MiB.
  constexpr std::uint64_t limit = 64u << 20;
  auto pack = [&] {
    return write_package(draft(), payload, key, scratch / "a.tar", host.reporter, host.stop).has_value();
  };
  auto check = [&] { return verify(scratch / "a.tar", trust, host.reporter, host.stop).has_value(); };
  auto mapped = [&] {
    auto opened = Package::open(scratch / "a.tar");
    return opened && opened->verify(trust, host.reporter, host.stop).has_value();
  };
  auto extract = [&] {
    return unpack(scratch / "a.tar", scratch / "folder", trust, host.reporter, host.stop).has_value();
  };
  for (std::uint64_t peak : {peak_memory(pack), peak_memory(check), peak_memory(mapped), peak_memory(extract)}) {
    CHECK(peak > 0);
    CHECK(peak < limit);
  }
}
#endif
