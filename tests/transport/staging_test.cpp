// Pulls that are killed, and places that somebody prepared. The kill tests run a pull in a child process that ends at
// the n-th system call that changes the disk, for every n (support/crash_points.hpp).
#include "transport/staging.hpp"
#include "support.hpp"
#include "support/crash_points.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <random>
#include <thread>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
namespace fs = std::filesystem;

namespace {

// Whether the work was killed at this call; else it has succeeded.
bool killed_at(int call, const std::function<bool()>& work) {
  auto outcome = modelctl::test::run_until(call, true, work);
  CHECK(outcome != modelctl::test::Outcome::failed);
  return outcome == modelctl::test::Outcome::killed;
}

void check_verifies(const Shop& shop, const fs::path& path) {
  auto trust = package::Trust::key(shop.key);
  FakeHost fake;
  auto verified = package::verify(path, *trust, fake.host.reporter, fake.host.stop);
  CHECK_MESSAGE(verified, message_of(verified));
}

// The waiting folder of a pull of this package into `target`.
fs::path waiting(const Shop& shop, const std::string& target) {
  return shop.scratch / ("." + target + "." + shop.written.digest.hex().substr(0, 16) + ".partial");
}

}  // namespace

TEST_CASE("a pull into a folder that is killed at any call is resumed to a package that verifies") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  int calls = 0;
  while (killed_at(calls, [&] { return shop.pull_folder("digits:1.2").has_value(); })) {
    INFO("killed at call " << calls);
    if (!fs::exists(shop.scratch / "pulled")) {
      auto resumed = shop.pull_folder("digits:1.2");
      REQUIRE_MESSAGE(resumed, message_of(resumed));
    }
    check_verifies(shop, shop.scratch / "pulled");
    CHECK(shop.leftovers().empty());
    fs::remove_all(shop.scratch / "pulled");
    ++calls;
  }
  CHECK(calls > 20);
}

TEST_CASE("a pull into an archive that is killed at any call is resumed to the same bytes") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  int calls = 0;
  while (killed_at(calls, [&] { return shop.pull("digits:1.2").has_value(); })) {
    INFO("killed at call " << calls);
    auto resumed = shop.pull("digits:1.2");
    REQUIRE_MESSAGE(resumed, message_of(resumed));
    CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
    CHECK(shop.leftovers().empty());
    fs::remove(shop.scratch / "pulled.tar");
    ++calls;
  }
  CHECK(calls > 20);
}

TEST_CASE("a pull removes what killed pulls of other versions into the same place have left") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path folder = shop.scratch / ".pulled.0123456789abcdef.partial";
  fs::path file = shop.scratch / ".pulled.tar.0123456789abcdef.partial";
  fs::path running = shop.scratch / ".pulled.tar.00000000000000aa.partial";
  fs::path link = shop.scratch / ".pulled.tar.00000000000000bb.partial";
  fs::path elsewhere = shop.scratch / ".other.tar.0123456789abcdef.partial";
  fs::create_directories(folder / "samples");
  for (const fs::path& each : {folder / "samples/a.npy", file, running, elsewhere}) {
    REQUIRE(write_file(each, as_bytes("a part"), 0600));
  }
  fs::create_symlink(elsewhere, link);
  Descriptor other_pull(::open(running.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(::flock(other_pull.number(), LOCK_EX) == 0);
  REQUIRE(shop.pull_folder("digits:1.2"));
  CHECK_FALSE(fs::exists(folder));
  CHECK(fs::exists(file));
  REQUIRE(shop.pull("digits:1.2"));
  CHECK_FALSE(fs::exists(file));
  for (const fs::path& kept : {running, elsewhere}) CHECK(fs::exists(kept));
  CHECK(fs::is_symlink(link));
}

TEST_CASE("what a pull makes obeys the umask") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  mode_t before = ::umask(027);
  auto folder = shop.pull_folder("digits:1.2");
  auto archive = shop.pull("digits:1.2");
  ::umask(before);
  REQUIRE(folder);
  REQUIRE(archive);
  auto mode = [&](const char* name) { return static_cast<unsigned>(fs::status(shop.scratch / name).permissions()); };
  CHECK(mode("pulled") == 0750);
  CHECK(mode("pulled/manifest.json") == 0640);
  CHECK(mode("pulled.tar") == 0640);
  for (const package::Entry& entry : shop.written.manifest.entries) {
    CHECK(mode(("pulled/" + entry.path).c_str()) == (entry.mode() & ~027u));
  }
}

TEST_CASE("all files of a pulled folder have the package's time, whether an archive is kept as well or not") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  actions::PullRequest both{.reference = "digits:1.2",
                            .folder = shop.scratch / "with-archive",
                            .archive = shop.scratch / "kept.tar",
                            .remote = shop.remote};
  both.trust.key = shop.key;
  REQUIRE(actions::pull(both, shop.host));
  REQUIRE(shop.pull_folder("digits:1.2"));
  for (const char* folder : {"with-archive", "pulled"}) {
    for (const auto& file : fs::recursive_directory_iterator(shop.scratch / folder)) {
      if (!file.is_regular_file()) continue;
      struct stat status {};
      REQUIRE(::stat(file.path().c_str(), &status) == 0);
      CHECK_MESSAGE(static_cast<std::uint64_t>(status.st_mtim.tv_sec) == shop.written.manifest.timestamp, file.path());
    }
  }
}

TEST_CASE("a pull into an archive and a folder that is not empty leaves the archive as it was") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  const std::string former("manifest.json\0of another version", 32);  // no other file is replaced
  REQUIRE(write_file(shop.scratch / "kept.tar", as_bytes(former)));
  fs::create_directory(shop.scratch / "used");
  REQUIRE(write_file(shop.scratch / "used/file", as_bytes("x")));
  actions::PullRequest both{.reference = "digits:1.2",
                            .folder = shop.scratch / "used",
                            .archive = shop.scratch / "kept.tar",
                            .remote = shop.remote};
  both.trust.key = shop.key;
  auto result = actions::pull(both, shop.host);
  REQUIRE(!result);
  CHECK(result.error().code == "already-exists");
  CHECK(*read_text_file(shop.scratch / "kept.tar") == former);
}

TEST_CASE("a pull that is killed again and again at random ends in a package that verifies") {
  Shop shop({{"weights", package::Role::weights, false, package::Content::of_bytes(std::string(8 << 20, 'w'))},
             {"code/a", package::Role::document, false, package::Content::of_bytes(std::string(1 << 20, 'a'))}});
  REQUIRE(shop.push("digits:1.2"));
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(shop.pull_folder("digits:1.2") ? 0 : 1);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    if (!fs::exists(shop.scratch / "pulled")) {
      auto resumed = shop.pull_folder("digits:1.2");
      REQUIRE_MESSAGE(resumed, message_of(resumed));
    }
    check_verifies(shop, shop.scratch / "pulled");
    CHECK(shop.leftovers().empty());
    fs::remove_all(shop.scratch / "pulled");
  }
}

TEST_CASE("what an earlier pull left beside the manifest's files does not become part of the package") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path partial = waiting(shop, "pulled");
  REQUIRE(make_folder(partial / "code", 0700));
  REQUIRE(make_folder(partial / "nobody/signed/this", 0700));
  for (const char* name : {".manifest.json.Xa8d2k", "code/.run.sh.kq2", "nobody/signed/this/file"}) {
    REQUIRE(write_file(partial / name, as_bytes("half")));
  }
  fs::create_symlink("/etc", partial / "etc");
  auto pulled = shop.pull_folder("digits:1.2");
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  check_verifies(shop, shop.scratch / "pulled");
  CHECK(!fs::exists(shop.scratch / "pulled/nobody"));
  CHECK(fs::exists("/etc"));
}

TEST_CASE("a prepared waiting folder cannot make a pull write outside of it") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path outside = shop.scratch / "outside", partial = waiting(shop, "pulled");
  REQUIRE(make_folder(outside));
  REQUIRE(write_file(outside / "victim", as_bytes("precious")));
  auto refused_with = [&](const std::string& reason) {
    auto refused = shop.pull_folder("digits:1.2");
    REQUIRE(!refused);
    CHECK(refused.error().code == "unsafe-staging");
    std::string why = refused.error().why.empty() ? "" : refused.error().why.front();
    CHECK_MESSAGE(why.find(reason) != std::string::npos, message_of(refused));
    CHECK(bytes_of(outside / "victim") == "precious");
    CHECK(std::distance(fs::directory_iterator(outside), {}) == 1);
    CHECK(!fs::exists(shop.scratch / "pulled"));
    fs::remove_all(partial);
  };
  SUBCASE("a link in its place") {
    fs::create_directory_symlink(outside, partial);
    refused_with("it is a link");
  }
  SUBCASE("a link as a folder in it") {
    REQUIRE(make_folder(partial, 0700));
    fs::create_directory_symlink(outside, partial / "code");
    refused_with("it is a link");
  }
  SUBCASE("a link as a file in it") {
    REQUIRE(make_folder(partial, 0700));
    fs::create_symlink(outside / "victim", partial / "model.plan");
    refused_with("it is a link");
  }
  SUBCASE("a hard link as a file in it") {
    REQUIRE(make_folder(partial, 0700));
    fs::create_hard_link(outside / "victim", partial / "model.plan");
    refused_with("hard link");
  }
  SUBCASE("a hard link as a document in it") {
    REQUIRE(make_folder(partial, 0700));
    fs::create_hard_link(outside / "victim", partial / package::manifest_path);
    refused_with("hard link");
  }
  SUBCASE("a pipe as a file in it, which would block") {
    REQUIRE(make_folder(partial, 0700));
    REQUIRE(::mkfifo((partial / "model.plan").c_str(), 0600) == 0);
    refused_with("it is not a regular file");
  }
  SUBCASE("a folder that others can write to") {
    REQUIRE(make_folder(partial, 0700));
    fs::permissions(partial, fs::perms::all);
    refused_with("other users can write to it");
  }
  SUBCASE("a folder of another user") {
    REQUIRE(make_folder(partial, 0700));
    if (::chown(partial.c_str(), 65534, 65534) != 0) {
      MESSAGE("skipped: only root can give a folder away");
      return;
    }
    refused_with("it belongs to another user");
  }
}

TEST_CASE("a prepared waiting archive is refused") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path victim = shop.scratch / "victim", partial = waiting(shop, "pulled.tar");
  REQUIRE(write_file(victim, as_bytes("precious")));
  SUBCASE("a link") { fs::create_symlink(victim, partial); }
  SUBCASE("a hard link") { fs::create_hard_link(victim, partial); }
  SUBCASE("a pipe") { REQUIRE(::mkfifo(partial.c_str(), 0600) == 0); }
  auto refused = shop.pull("digits:1.2");
  REQUIRE(!refused);
  CHECK_MESSAGE(refused.error().code == "unsafe-staging", message_of(refused));
  CHECK(bytes_of(victim) == "precious");
}

TEST_CASE("an archive replaces what a link names, keeps its mode, and refuses devices and pipes") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path file = shop.scratch / "kept/digits.tar";
  REQUIRE(make_folder(file.parent_path()));
  REQUIRE(write_file(file, as_bytes(std::string("manifest.json\0old", 17)), 0600));
  fs::create_symlink(file, shop.scratch / "pulled.tar");
  auto pulled = shop.pull("digits:1.2");
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(fs::is_symlink(shop.scratch / "pulled.tar"));
  CHECK(bytes_of(file) == bytes_of(shop.archive));
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  REQUIRE(::mkfifo((shop.scratch / "pipe").c_str(), 0600) == 0);
  auto refused = shop.pull("digits:1.2", "pipe");
  REQUIRE(!refused);
  CHECK_MESSAGE(refused.error().code == "not-a-file", message_of(refused));
  CHECK(fs::is_fifo(shop.scratch / "pipe"));
  // The path that an entry of /proc shows is not what it stands for.
  Descriptor open(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  refused = shop.pull("digits:1.2", "/proc/self/fd/" + std::to_string(open.number()));
  REQUIRE(!refused);
  CHECK_MESSAGE(refused.error().code == "not-a-file", message_of(refused));
}

TEST_CASE("a pull that waited for another one does not write into its result") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  auto place = StagingPlace::in(shop.scratch / "pulled", shop.written.digest);
  REQUIRE(place);
  auto claimed = place->claim(true);
  REQUIRE(claimed);
  // The folder is renamed away between the open and the lock of the next one: it is created again for it.
  fs::rename(place->path(), shop.scratch / "finished");
  auto next = place->claim(true);
  REQUIRE_MESSAGE(next, message_of(next));
  CHECK(fs::exists(place->path()));
  CHECK(message_of(place->put_in_place(*claimed)).starts_with("conflict staging-replaced"));
}
