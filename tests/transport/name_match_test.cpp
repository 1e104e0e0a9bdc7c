// Packages that are not what their reference says: a registry may answer with anything that the key ever signed.
#include "transport/name_match.hpp"
#include "actions/package_cache.hpp"
#include "actions/verify.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
namespace fs = std::filesystem;

namespace {

// The package of Shop is digits 1.2.
std::string judged(const std::string& reference) {
  package::Manifest manifest = package::test::draft();
  return mismatch(parse_name(reference).value(), manifest);
}

Result<actions::VerifyReport> verify(Shop& shop, const std::string& reference, bool any_name = false) {
  actions::VerifyRequest request{.package = reference, .any_name = any_name};
  request.trust.key = shop.key;
  return actions::verify(request, shop.host);
}

}  // namespace

TEST_CASE("a tag that begins with a number, with or without a v, is a version") {
  for (const char* tag : {"1", "1.2", "v1", "V2.0", "1.2.3-rc1", "2024-01-31", "20240131", "1_2", "1.0-gpu"}) {
    CHECK_MESSAGE(looks_like_version(tag), tag);
  }
  for (const char* tag : {"latest", "stable", "v", "vnext", "version-1", "3f2a91c", "1a", "_1", "prod-1.2", ""}) {
    CHECK_MESSAGE(!looks_like_version(tag), tag);
  }
}

TEST_CASE("a reference agrees with a package by the last part of its name, and by its version if it has one") {
  CHECK(judged("digits:1.2").empty());
  CHECK(judged("digits:v1.2").empty());
  CHECK(judged("team/digits:1.2").empty());
  CHECK(judged("registry.example:5000/mirror/team/digits:1.2").empty());
  CHECK(judged("digits:latest").empty());
  CHECK(judged("digits:1.2@sha256:" + std::string(64, '0')).empty());
  CHECK(judged("letters:9.9@sha256:" + std::string(64, '0')).empty());
  CHECK(judged("digits:9.9") == "its manifest has the version '1.2' and not '9.9'");
  CHECK(judged("digits:1") == "its manifest has the version '1.2' and not '1'");
  CHECK(judged("digits:1.2-gpu") == "its manifest has the version '1.2' and not '1.2-gpu'");
  CHECK(judged("letters:1.2") == "its manifest has the name 'digits' and not 'letters'");
  CHECK(judged("digits/letters:latest") == "its manifest has the name 'digits' and not 'letters'");
  package::Manifest manifest = package::test::draft();
  manifest.name = "team/digits";
  CHECK(mismatch(parse_name("other/digits:1.2").value(), manifest).empty());
}

TEST_CASE("pull, verify and the cache that serves refuse a package that was asked for under another name or version") {
  Shop shop;
  shop.fake.environment.variables["XDG_CACHE_HOME"] = (shop.scratch / "cache").string();
  package::TrustRequest trust{.key = shop.key};
  std::string layout = "oci:" + (shop.scratch / "registry").string() + ":";
  for (std::string reference : {std::string("digits:9.9"), std::string("letters:1.2"), layout + "digits:8"}) {
    REQUIRE(shop.push(reference, true));
    auto pulled = shop.pull_folder(reference);
    REQUIRE(!pulled);
    CHECK(pulled.error().kind == Kind::untrusted);
    CHECK(pulled.error().code == "wrong-package");
    CHECK(!fs::exists(shop.scratch / "pulled"));
    auto verified = verify(shop, reference);
    REQUIRE(!verified);
    CHECK(verified.error().code == "wrong-package");
    auto cached = actions::cached_package(reference, trust, {}, false, shop.host);
    REQUIRE(!cached);
    CHECK(cached.error().code == "wrong-package");
    CHECK(!fs::exists(shop.scratch / "cache"));
  }
  CHECK(shop.leftovers().empty());
  CHECK(verify(shop, "digits:9.9", true));
  CHECK(actions::cached_package("digits:9.9", trust, {}, true, shop.host));
  actions::PullRequest request{.reference = "digits:9.9", .folder = shop.scratch / "pulled", .any_name = true};
  request.trust.key = shop.key;
  CHECK(actions::pull(request, shop.host));
}

TEST_CASE("a tag that is not a version is accepted, and the version that it stands for is reported") {
  Shop shop;
  REQUIRE(shop.push("digits:stable"));
  REQUIRE(shop.pull("digits:stable"));
  CHECK(shop.fake.reporter.infos == std::vector<std::string>{"'digits:stable' is digits 1.2"});
}

TEST_CASE("a digest, a file and a folder are used whatever the package is called") {
  Shop shop;
  auto pushed = shop.push("letters:9", true);
  REQUIRE(pushed);
  CHECK(shop.pull("letters@" + pushed->digest->text()));
  CHECK(shop.pull("letters:9@" + pushed->digest->text(), "again.tar"));
  CHECK(shop.push("file:" + (shop.scratch / "letters-9.tar").string()));
  CHECK(verify(shop, (shop.scratch / "letters-9.tar").string()));
  CHECK(verify(shop, "file:" + (shop.scratch / "letters-9.tar").string()));
}

TEST_CASE("a push to another name or version, or in place of another package, needs force") {
  Shop shop;
  auto other = shop.push("digits:1.3");
  REQUIRE(!other);
  CHECK(message_of(other) ==
        "conflict wrong-name: cannot push the package to 'digits:1.3' | its manifest has the version '1.2' and not "
        "'1.3'");
  CHECK(message_of(shop.push("letters:1.2")).starts_with("conflict wrong-name: "));
  CHECK(!fs::exists(shop.scratch / "registry"));

  Shop second({{"model.plan", package::Role::plan, false, package::Content::of_bytes("another plan")}});
  std::string file = "file:" + (shop.scratch / "share.tar").string();
  for (const std::string& reference : {std::string("digits:1.2"), file}) {
    REQUIRE(shop.push(reference));
    CHECK(shop.push(reference));  // the same again changes nothing
    auto taken = actions::push({second.archive, reference, {}}, shop.host);
    REQUIRE(!taken);
    CHECK(taken.error().kind == Kind::conflict);
    CHECK(taken.error().code == "already-pushed");
    CHECK(shop.pull(reference)->signed_manifest.digest == shop.written.digest);
    CHECK(actions::push({second.archive, reference, {}, true}, shop.host));
    CHECK(shop.pull(reference)->signed_manifest.digest == second.written.digest);
  }
  REQUIRE(write_file(shop.scratch / "notes.txt", as_bytes("not a package")));
  auto notes = shop.push("file:" + (shop.scratch / "notes.txt").string());
  REQUIRE(!notes);
  CHECK(notes.error().why.front() == "what is there is not a package of modelctl");
}
