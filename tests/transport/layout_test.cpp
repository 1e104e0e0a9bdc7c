// The local registry, an OCI image layout in a folder.
#include "support.hpp"
#include "transport/staging.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <cstdio>
#include <thread>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
namespace fs = std::filesystem;

namespace {
// Every file below a folder, as "path size" lines.
std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) all.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(all.begin(), all.end());
  return all;
}
void damage(const fs::path& path, std::uintmax_t at = 0) {
  std::string bytes = bytes_of(path);
  bytes[at] ^= 1;
  REQUIRE(write_file(path, as_bytes(bytes)));
}
}  // namespace

TEST_CASE("what is pushed to the local registry is pulled as the same bytes") {
  Shop shop;
  auto pushed = shop.push("team/digits:1.2");
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(pushed->reference == "team/digits:1.2@" + pushed->digest->text());
  CHECK(pushed->package == shop.written.digest);
  auto pulled = shop.pull("team/digits:1.2");
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
  CHECK(pulled->signed_manifest.digest == shop.written.digest);
  CHECK(shop.leftovers().empty());
  // The digest alone names it, too.
  CHECK(shop.pull("team/digits@" + pushed->digest->text(), "again.tar"));
}

TEST_CASE("a push that waits for the lock of the registry ends when it is stopped") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  Descriptor held(::open((shop.scratch / "registry").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(held.number(), LOCK_EX) == 0);
  struct : modelctl::test::FakeClock {
    bool sleep(std::chrono::milliseconds) override { return false; }  // as after a signal
  } clock;
  FakeHost& fake = shop.fake;
  Host host{clock, fake.environment, fake.processes, fake.reporter, fake.random, fake.stop};
  auto waited = actions::push({shop.archive, "digits:latest", shop.remote, false}, host);
  REQUIRE(!waited);
  CHECK(waited.error().kind == Kind::interrupted);
  held.close();
  CHECK(shop.push("digits:latest"));
}

TEST_CASE("a pulled folder is the package: it verifies, and holds the files with their modes") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  auto pulled = shop.pull_folder("digits:1.2");
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled/model.plan") == "a plan");
  CHECK((fs::status(shop.scratch / "pulled/code/run.sh").permissions() & fs::perms::owner_exec) != fs::perms::none);
  auto trust = package::Trust::key(shop.key);
  REQUIRE(trust);
  auto opened = package::Package::open(shop.scratch / "pulled");
  REQUIRE_MESSAGE(opened, message_of(opened));
  CHECK(opened->verify(*trust, shop.host.reporter, shop.host.stop));
  // And what was unpacked can be pushed: it is the same package.
  auto again = actions::push({shop.scratch / "pulled", "digits:again", {}}, shop.host);
  REQUIRE_MESSAGE(again, message_of(again));
  CHECK(again->sent == 0);
}

TEST_CASE("a pull can keep the archive and unpack it") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  actions::PullRequest request{
      .reference = "digits:1.2", .folder = shop.scratch / "both", .archive = shop.scratch / "both.tar"};
  request.trust.key = shop.key;
  auto pulled = actions::pull(request, shop.host);
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "both.tar") == bytes_of(shop.archive));
  CHECK(bytes_of(shop.scratch / "both/model.plan") == "a plan");
}

TEST_CASE("pushing again moves nothing") {
  Shop shop;
  auto first = shop.push("digits:1.2");
  auto second = shop.push("digits:stable");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->sent > 0);
  CHECK(second->sent == 0);
  CHECK(second->digest == first->digest);
}

TEST_CASE("the registry folder is an OCI layout and contains nothing else") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  auto files = files_in(shop.scratch / "registry");
  CHECK(bytes_of(shop.scratch / "registry/oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
  // Two documents, four entries, the empty config, the manifest.
  std::size_t blobs =
      std::count_if(files.begin(), files.end(), [](auto& name) { return name.starts_with("blobs/sha256/"); });
  CHECK(blobs == 8);
  CHECK(files.size() == blobs + 2);
}

TEST_CASE("a name can be moved; the list shows its current package") {
  Shop shop;
  REQUIRE(shop.push("digits:latest"));
  Shop other({{"model.plan", package::Role::plan, false, package::Content::of_bytes("another plan")}});
  auto kept = actions::push({other.archive, "digits:latest", {}}, shop.host);
  REQUIRE(!kept);
  CHECK(
      message_of(kept.error()) ==
      "conflict already-pushed: cannot push to 'digits:latest': it is taken | another package, or the same one signed "
      "by another key, is there");
  auto moved = actions::push({other.archive, "digits:latest", {}, true}, shop.host);
  REQUIRE(moved);
  shop.fake.clock.elapsed += std::chrono::hours(3);
  auto report = actions::list({}, shop.host);
  REQUIRE_MESSAGE(report, message_of(report));
  REQUIRE(report->packages.size() == 1);
  CHECK(report->packages[0].reference == "digits:latest");
  CHECK(report->packages[0].digest == *moved->digest);
  CHECK(report->packages[0].age == std::chrono::hours(3));
}

TEST_CASE("list narrows to a name, and an empty registry is an empty list") {
  Shop shop;
  CHECK(actions::list({}, shop.host)->packages.empty());
  REQUIRE(shop.push("digits:1.2"));
  REQUIRE(shop.push("digits-large:1.2", true));
  CHECK(actions::list({}, shop.host)->packages.size() == 2);
  CHECK(actions::list({"digits", {}}, shop.host)->packages.size() == 1);
  CHECK(message_of(actions::list({"oci:" + (shop.scratch / "none").string(), {}}, shop.host)) ==
        "not_found no-such-registry: there is no registry in '" + (shop.scratch / "none").string() + "' | " +
            (shop.scratch / "none").string() + " | it holds no index.json, as an OCI layout does");
}

TEST_CASE("another folder is reached as oci:FOLDER:NAME:VERSION") {
  Shop shop;
  std::string reference = "oci:" + (shop.scratch / "layout").string() + ":digits:1.2";
  REQUIRE(shop.push(reference));
  CHECK(shop.pull(reference));
  auto report = actions::list({"oci:" + (shop.scratch / "layout").string(), {}}, shop.host);
  REQUIRE(report);
  CHECK(report->packages.at(0).reference == reference);
}

TEST_CASE("entries of other tools stay in the index") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path index = shop.scratch / "registry/index.json";
  std::string text = bytes_of(index);
  std::string foreign = R"({"annotations":{"org.opencontainers.image.ref.name":"alpine:3"},"digest":"sha256:)" +
                        std::string(64, 'a') + R"(","mediaType":"application/vnd.oci.image.index.v1+json","size":1},)";
  text.insert(text.find("[") + 1, foreign);
  REQUIRE(write_file(index, as_bytes(text)));
  REQUIRE(shop.push("digits:stable"));
  CHECK(bytes_of(index).find("alpine:3") != std::string::npos);
  CHECK(actions::list({}, shop.host)->packages.size() == 2);
}

TEST_CASE("a missing package is reported with the place that was searched") {
  Shop shop;
  std::string folder = (shop.scratch / "registry").string();
  CHECK(message_of(shop.pull("digits:9")) ==
        "not_found no-such-package: there is no 'digits:9' in the local registry | " + folder +
            " | nothing of 'digits:9' was used");
}

TEST_CASE("nothing is pushed to a digest") {
  Shop shop;
  CHECK(message_of(shop.push("digits@sha256:" + std::string(64, '0')))
            .starts_with("usage bad-reference: cannot push to 'digits@"));
}

TEST_CASE("a pull to nowhere, and a pull without a key, are refused") {
  Shop shop;
  CHECK(message_of(actions::pull({.reference = "digits:1.2"}, shop.host)) ==
        "usage no-place: cannot pull 'digits:1.2' to nowhere");
  actions::PullRequest request{.reference = "digits:1.2", .folder = shop.scratch / "x"};
  auto refused = actions::pull(request, shop.host);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::usage);
}

TEST_CASE("a folder that is not empty is left alone") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  REQUIRE(make_folder(shop.scratch / "pulled"));
  REQUIRE(write_file(shop.scratch / "pulled/mine", as_bytes("x")));
  std::string folder = (shop.scratch / "pulled").string();
  CHECK(message_of(shop.pull_folder("digits:1.2")) ==
        "conflict already-exists: cannot pull into '" + folder + "': it is not empty | " + folder);
  CHECK(bytes_of(shop.scratch / "pulled/mine") == "x");
}

TEST_CASE("another key's signature is refused before anything is taken") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  auto other = package::PrivateKey::generate(package::Algorithm::ed25519);
  REQUIRE(other);
  REQUIRE(write_file(shop.key, as_bytes(other->public_key().pem())));
  auto refused = shop.pull_folder("digits:1.2");
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);
  CHECK(!fs::exists(shop.scratch / "pulled"));
  CHECK(shop.leftovers().empty());
}

TEST_CASE("a changed byte in any blob of the registry is refused with nothing put in place") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  for (const auto& name : files_in(shop.scratch / "registry/blobs/sha256")) {
    fs::path path = shop.scratch / "registry/blobs/sha256" / name;
    if (fs::file_size(path) == 0 || bytes_of(path) == "{}") continue;  // empty, or the config that nobody reads
    damage(path);
    auto refused = shop.pull_folder("digits:1.2");
    damage(path);
    REQUIRE(!refused);
    CHECK_MESSAGE(refused.error().kind == Kind::untrusted, message_of(refused));
    CHECK(!fs::exists(shop.scratch / "pulled"));
    CHECK(shop.leftovers().empty());
  }
  CHECK(shop.pull_folder("digits:1.2"));
}

TEST_CASE("pushing again repairs any damaged blob, whatever took its place") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  for (const auto& name : files_in(shop.scratch / "registry/blobs/sha256")) {
    fs::path path = shop.scratch / "registry/blobs/sha256" / name;
    std::string good = bytes_of(path);
    auto repaired = [&] {
      auto again = shop.push("digits:1.2");
      REQUIRE_MESSAGE(again, message_of(again));
      CHECK(again->sent <= good.size());
      CHECK(fs::is_regular_file(fs::symlink_status(path)));
      CHECK(bytes_of(path) == good);
    };
    if (!good.empty()) {
      damage(path, good.size() / 2);  // its size stays
      repaired();
    }
    REQUIRE(write_file(path, as_bytes(good + "more")));
    repaired();
    fs::remove(path);
    repaired();
    fs::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0644) == 0);
    repaired();
    fs::remove(path);
    REQUIRE(write_file(shop.scratch / "elsewhere", as_bytes("not it")));
    fs::create_symlink(shop.scratch / "elsewhere", path);
    repaired();
    CHECK(bytes_of(shop.scratch / "elsewhere") == "not it");
    fs::remove(path);
    fs::create_directories(path / "folder");
    repaired();
  }
  CHECK(shop.pull_folder("digits:1.2"));
}

TEST_CASE("a FIFO in place of a blob is refused by a pull, which does not block") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  for (const auto& name : files_in(shop.scratch / "registry/blobs/sha256")) {
    fs::path path = shop.scratch / "registry/blobs/sha256" / name;
    std::string good = bytes_of(path);
    if (good.empty() || good == "{}") continue;  // the empty config is not read; an empty file needs no reading
    fs::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0644) == 0);
    auto refused = shop.pull_folder("digits:1.2");
    CHECK_FALSE(refused);
    fs::remove(path);
    REQUIRE(write_file(path, as_bytes(good)));
  }
}

TEST_CASE("a damaged package is not pushed") {
  Shop shop;
  std::string bytes = bytes_of(shop.archive);
  damage(shop.archive, bytes.find("a plan"));
  auto refused = shop.push("digits:1.2");
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);
  CHECK(!fs::exists(shop.scratch / "registry"));
}

TEST_CASE("a damaged index is reported and not overwritten") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  fs::path index = shop.scratch / "registry/index.json";
  REQUIRE(write_file(index, as_bytes("{")));
  auto refused = shop.push("digits:stable");
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::bad_input);
  CHECK(bytes_of(index) == "{");
}

TEST_CASE("a file is pushed to and pulled from, whole") {
  Shop shop;
  std::string reference = "file:" + (shop.scratch / "share/digits.tar").string();
  REQUIRE(shop.push(reference));
  CHECK(bytes_of(shop.scratch / "share/digits.tar") == bytes_of(shop.archive));
  auto pulled = shop.pull_folder(reference);
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(message_of(shop.push("file://host/a.tar")) ==
        "usage bad-reference: 'file://host/a.tar' is not a reference to a package | it names a host, and files are on "
        "this one");
  CHECK(message_of(shop.push("file:")) ==
        "usage bad-reference: 'file:' is not a reference to a package | it names no file");
}

TEST_CASE("packages that are pushed at the same time are all in the index") {
  Shop shop;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&shop, i] {
      FakeHost fake;
      fake.environment.variables = shop.fake.environment.variables;
      auto pushed = actions::push({shop.archive, "digits:stable-" + std::to_string(i), {}}, fake.host);
      if (!pushed) std::printf("%s\n", message_of(pushed).c_str());
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(actions::list({}, shop.host)->packages.size() == 8);
}

TEST_CASE("of different packages that are pushed to one name at the same time, one is refused") {
  Shop first, second({{"a", package::Role::document, false, package::Content::of_bytes("another")}});
  for (int round = 0; round < 10; ++round) {
    std::string reference = "oci:" + (first.scratch / std::to_string(round)).string() + ":digits:1.2";
    std::vector<std::string> results(2);
    std::thread thread([&] { results[0] = message_of(first.push(reference)); });
    results[1] = message_of(second.push(reference));
    thread.join();
    CHECK(std::count(results.begin(), results.end(), "no error") == 1);
    for (const std::string& result : results) {
      if (result != "no error") CHECK_MESSAGE(result.starts_with("conflict already-pushed"), result);
    }
  }
}

TEST_CASE("an interrupted pull stops, keeps its data, and resumes") {
  Shop shop({{"a", package::Role::document, false, package::Content::of_bytes(std::string(3 << 20, 'a'))},
             {"b", package::Role::document, false, package::Content::of_bytes(std::string(3 << 20, 'b'))}});
  REQUIRE(shop.push("digits:1.2"));
  // The user presses the keys while the second file comes.
  struct Impatient : modelctl::test::FakeReporter {
    StopToken& stop;
    explicit Impatient(StopToken& stop) : stop(stop) {}
    void progress(std::string_view, std::uint64_t done, std::uint64_t) override {
      if (done > (4u << 20)) stop.stop();
    }
  };
  StopToken stop;
  Impatient reporter(stop);
  Host host{shop.fake.clock, shop.fake.environment, shop.fake.processes, reporter, shop.fake.random, stop};
  actions::PullRequest request{.reference = "digits:1.2", .folder = shop.scratch / "pulled"};
  request.trust.key = shop.key;
  auto stopped = actions::pull(request, host);
  REQUIRE(!stopped);
  CHECK(stopped.error().kind == Kind::interrupted);
  CHECK(stopped.error().hint == "run the same command again: it continues where this one stopped");
  CHECK(!fs::exists(shop.scratch / "pulled"));
  auto pulled = shop.pull_folder("digits:1.2");
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(pulled->reused == 5u << 20);
  CHECK(pulled->moved == 1u << 20);
}

TEST_CASE("two pulls into one place do not mix") {
  Shop shop;
  REQUIRE(shop.push("digits:1.2"));
  auto trust = package::Trust::key(shop.key);
  auto package = package::Package::open(shop.archive);
  REQUIRE(package);
  auto taken = package::open_signed(package->manifest_text(), package->bundle_text(), *trust);
  REQUIRE(taken);
  auto staging = stage_folder(*taken, shop.scratch / "pulled");
  REQUIRE(staging);
  auto second = shop.pull_folder("digits:1.2");
  REQUIRE(!second);
  CHECK(second.error().kind == Kind::conflict);
  CHECK(second.error().what == "another pull into '" + (shop.scratch / "pulled").string() + "' is running");
}

TEST_CASE("a full disk is reported, and the previous content is kept") {
  Shop shop({{"weights", package::Role::weights, false, package::Content::of_bytes(std::string(2 << 20, 'w'))}});
  fs::path disk = shop.scratch / "disk";
  REQUIRE(make_folder(disk));
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
    MESSAGE("skipped: only root can mount a small disk");
    return;
  }
  REQUIRE(shop.push("digits:1.2"));
  const std::string former("manifest.json\0the old one", 25);
  REQUIRE(write_file(disk / "digits.tar", as_bytes(former)));
  auto pulled = shop.pull("digits:1.2", "disk/digits.tar");
  auto folder = shop.pull_folder("digits:1.2", "disk/digits");
  auto pushed = shop.push("oci:" + (disk / "layout").string() + ":digits:1.2");
  std::string kept = bytes_of(disk / "digits.tar");
  bool tagged = fs::exists(disk / "layout/index.json");
  ::umount(disk.c_str());
  for (const Error* error : {&pulled.error(), &folder.error(), &pushed.error()}) {
    CHECK(error->kind == Kind::io);
    CHECK(error->code == "disk-full");
    CHECK(error->why.back() == "No space left on device");
  }
  CHECK(kept == former);
  CHECK(!tagged);
}
