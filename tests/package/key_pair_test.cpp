// A pair of key files that is written or replaced by a command that is killed at any of its steps.
#include "package/key_pair.hpp"

#include "package/support.hpp"
#include "support/crash_points.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <set>

namespace fs = std::filesystem;
using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;
using modelctl::test::Outcome;
using modelctl::test::run_until;

namespace {

std::optional<Digest> private_fingerprint(const fs::path& path) {
  auto key = PrivateKey::read(path, [] { return Secret(); });
  if (!key) return std::nullopt;
  return key->public_key().fingerprint();
}
std::optional<Digest> public_fingerprint(const fs::path& path) {
  auto key = PublicKey::read(path);
  if (!key) return std::nullopt;
  return key->fingerprint();
}

struct Keys {
  PrivateKey old = PrivateKey::generate(Algorithm::ed25519).value();
  PrivateKey fresh = PrivateKey::generate(Algorithm::ed25519).value();
  PrivateKey next = PrivateKey::generate(Algorithm::ed25519).value();
  Digest old_id = old.public_key().fingerprint();
  Digest fresh_id = fresh.public_key().fingerprint();
  Digest next_id = next.public_key().fingerprint();
};

// The fingerprint of the pair, which must consist of two halves of one key, with nothing else in the folder.
Digest whole_pair(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& file : fs::directory_iterator(folder)) names.insert(file.path().filename().string());
  CHECK(names == std::set<std::string>{"release.key", "release.pub"});
  auto secret = private_fingerprint(folder / "release.key"), open = public_fingerprint(folder / "release.pub");
  REQUIRE(secret);
  REQUIRE(open);
  CHECK(*secret == *open);
  struct stat status {};
  REQUIRE(::stat((folder / "release.key").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  return *secret;
}

Error refused(const fs::path& prefix) {
  auto again = check_key_pair_absent(prefix, false);
  REQUIRE(!again);
  return std::move(again).error();
}

}  // namespace

TEST_CASE("a replaced pair of keys is the old or the new one, whenever the command is killed") {
  Keys keys;
  for (bool hard_links : {true, false}) {
    int step = 0;
    for (bool killed = true; killed; ++step) {
      REQUIRE(step < 100);
      Scratch scratch;
      fs::path prefix = scratch / "release";
      REQUIRE(write_key_pair(keys.old, Secret(), prefix, false));
      Outcome outcome =
          run_until(step, hard_links, [&] { return write_key_pair(keys.fresh, Secret(), prefix, true).has_value(); });
      REQUIRE(outcome != Outcome::failed);
      killed = outcome == Outcome::killed;
      CAPTURE(step);
      CAPTURE(hard_links);

      // Before anything is put right: no moment at which the old private key is lost and the new pair incomplete.
      auto secret = private_fingerprint(prefix.string() + ".key"), open = public_fingerprint(prefix.string() + ".pub");
      bool old_kept =
          secret == keys.old_id || private_fingerprint(prefix.string() + ".key.modelctl-old") == keys.old_id;
      bool complete = secret == keys.fresh_id && open == keys.fresh_id;
      CHECK((old_kept || complete));
      if (hard_links) CHECK(secret);
      REQUIRE(open);

      CHECK(refused(prefix).code == "already-exists");
      Digest found = whole_pair(scratch.path());
      CHECK((found == keys.old_id || found == keys.fresh_id));
      if (!killed) CHECK(found == keys.fresh_id);
      REQUIRE(write_key_pair(keys.next, Secret(), prefix, true));
      CHECK(whole_pair(scratch.path()) == keys.next_id);
    }
    CHECK(step > 12);
  }
}

TEST_CASE("a first pair of keys that was not completed does not block the next try") {
  Keys keys;
  int step = 0;
  for (bool killed = true; killed; ++step) {
    REQUIRE(step < 100);
    Scratch scratch;
    fs::path prefix = scratch / "release";
    Outcome outcome =
        run_until(step, true, [&] { return write_key_pair(keys.fresh, Secret(), prefix, false).has_value(); });
    REQUIRE(outcome != Outcome::failed);
    killed = outcome == Outcome::killed;
    CAPTURE(step);
    bool complete = fs::exists(prefix.string() + ".key");
    if (complete) {
      CHECK(refused(prefix).code == "already-exists");
      CHECK(whole_pair(scratch.path()) == keys.fresh_id);
      continue;
    }
    REQUIRE(write_key_pair(keys.next, Secret(), prefix, false));
    CHECK(whole_pair(scratch.path()) == keys.next_id);
  }
  CHECK(step > 8);
}

TEST_CASE("what a killed replacement left is put right even if that is killed too") {
  Keys keys;
  for (int first = 0; first < 24; ++first) {
    for (int second = 0; second < 8; ++second) {
      Scratch scratch;
      fs::path prefix = scratch / "release";
      REQUIRE(write_key_pair(keys.old, Secret(), prefix, false));
      run_until(first, true, [&] { return write_key_pair(keys.fresh, Secret(), prefix, true).has_value(); });
      run_until(second, true, [&] { return check_key_pair_absent(prefix, true).has_value(); });
      REQUIRE(check_key_pair_absent(prefix, true));
      CAPTURE(first);
      CAPTURE(second);
      Digest found = whole_pair(scratch.path());
      CHECK((found == keys.old_id || found == keys.fresh_id));
    }
  }
}

TEST_CASE("half a pair is replaced only with force, and files that are not ours are left alone") {
  Keys keys;
  for (const char* half : {".key", ".pub"}) {
    Scratch scratch;
    fs::path prefix = scratch / "release";
    REQUIRE(write_key_pair(keys.old, Secret(), prefix, false));
    fs::remove(prefix.string() + (half == std::string(".key") ? ".pub" : ".key"));
    CHECK(refused(prefix).where == prefix.string() + half);
    REQUIRE(write_key_pair(keys.fresh, Secret(), prefix, true));
    CHECK(whole_pair(scratch.path()) == keys.fresh_id);
  }
  Scratch scratch;
  fs::path prefix = scratch / "release";
  fs::create_directory(prefix.string() + ".key");
  auto folder = write_key_pair(keys.fresh, Secret(), prefix, true);
  REQUIRE(!folder);
  CHECK(message_of(folder.error()) == "conflict already-exists: cannot write '" + prefix.string() +
                                          ".key': it is there "
                                          "already | " +
                                          prefix.string() + ".key | it is not a file");
  CHECK(fs::is_directory(prefix.string() + ".key"));
}

TEST_CASE("a private key behind a symbolic link is replaced by a file, and the link's target is left as it is") {
  Keys keys;
  Scratch scratch, elsewhere;
  fs::path prefix = scratch / "release";
  REQUIRE(write_key_pair(keys.old, Secret(), elsewhere / "real", false));
  fs::create_symlink(elsewhere / "real.key", prefix.string() + ".key");
  REQUIRE(write_key_pair(keys.fresh, Secret(), prefix, true));
  CHECK(whole_pair(scratch.path()) == keys.fresh_id);
  CHECK(private_fingerprint(elsewhere / "real.key") == keys.old_id);
}

TEST_CASE("a pair of keys is written by one command at a time") {
  Keys keys;
  Scratch scratch;
  fs::path prefix = scratch / "release", lock = scratch / "release.key.modelctl-lock";
  REQUIRE(write_file(lock, {}));
  Descriptor held(::open(lock.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(::flock(held.number(), LOCK_EX) == 0);
  auto busy = write_key_pair(keys.fresh, Secret(), prefix, false);
  REQUIRE(!busy);
  CHECK(message_of(busy.error()).starts_with("conflict keys-being-written: "));
  held.close();  // as if that command had been killed
  REQUIRE(write_key_pair(keys.fresh, Secret(), prefix, false));
  CHECK(whole_pair(scratch.path()) == keys.fresh_id);
}
