// The list of a release's files, its signature, and the order of versions.
#include "package/release.hpp"

#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

const std::string zeros(64, '0');

std::string line(const std::string& name) { return zeros + "  " + name + "\n"; }

// The version of a list, or why it is refused.
std::string read(const std::string& list) {
  auto release = Release::read(list);
  return release ? release->version : release.error().why.front();
}

}  // namespace

TEST_CASE("a list of release files has the version that its tarballs have in their names") {
  std::string list = line("modelctl-1.2.0-linux-x86_64.tar.gz") + line("modelctl-1.2.0-linux-aarch64.tar.gz") +
                     line("modelctl_1.2.0_amd64.deb");
  auto release = Release::read(list);
  REQUIRE(release);
  CHECK(release->version == "1.2.0");
  CHECK(release->files.size() == 3);
  CHECK(release->find("modelctl_1.2.0_amd64.deb") != nullptr);
  CHECK(release->find("modelctl_1.2.0") == nullptr);
  CHECK(read(line("modelctl-1.2.0-rc.1-linux-x86_64.tar.gz")) == "1.2.0-rc.1");
}

TEST_CASE("a malformed list of release files is refused") {
  std::string good = line("modelctl-1.2.0-linux-x86_64.tar.gz");
  CHECK(read("") == "its last line has no end");
  CHECK(read(good.substr(0, good.size() - 1)) == "its last line has no end");
  CHECK(read(good + "\n") == "line 2 is not a digest, two spaces and a file name");
  CHECK(read(good + zeros + " x\n") == "line 2 is not a digest, two spaces and a file name");
  CHECK(read(good + line("")) == "line 2 is not a digest, two spaces and a file name");
  CHECK(read(good + line("../x")) == "line 2: a name has letters, digits and the characters . _ + - only");
  CHECK(read(good + line("x\x1b[2J")) == "line 2: a name has letters, digits and the characters . _ + - only");
  CHECK(read(good + good) == "line 2 names a file for the second time");
  CHECK(read(good + line("modelctl-1.3.0-linux-aarch64.tar.gz")) == "line 2 is of another version");
  CHECK(read(line("x")) == "it has no file with a name such as modelctl-1.2.0-linux-x86_64.tar.gz");
  CHECK(read(std::string(release_list_limit + 1, '\n')) == "it has more than 65536 bytes");
}

TEST_CASE("versions are ordered as Semantic Versioning orders them") {
  const char* ascending[] = {"0.1.0",
                             "0.2.0-alpha",
                             "0.2.0-alpha.1",
                             "0.2.0-alpha.beta",
                             "0.2.0-beta.2",
                             "0.2.0-rc.1",
                             "0.2.0",
                             "0.2.1",
                             "0.10.0",
                             "1.0.0",
                             "1.0.0.1",
                             "20.0.0",
                             "100000000000000000000.0"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      INFO(ascending[i], " and ", ascending[j]);
      int order = compare_versions(ascending[i], ascending[j]);
      CHECK((order > 0) == (i > j));
      CHECK((order == 0) == (i == j));
    }
  }
  CHECK(compare_versions("1.0.0+build.7", "1.0.0+build.8") == 0);
}

TEST_CASE("the signature of a package does not count as the signature of a release") {
  PrivateKey key = key_of(p256_pem);
  std::string list = line("modelctl-1.2.0-linux-x86_64.tar.gz");
  std::string bundle = sign(release_subject, list, key).value();
  CHECK(verify_bundle(release_subject, list, bundle, trust_in(key)));
  auto altered = verify_bundle(release_subject, list + line("x"), bundle, trust_in(key));
  REQUIRE(!altered);
  CHECK(message_of(altered.error())
            .starts_with("untrusted altered: cannot trust the release: its list of files is not the one that was "
                         "signed | SHA256SUMS"));
  CHECK(!verify_bundle(release_subject, list, sign(manifest_subject, list, key).value(), trust_in(key)));
  CHECK(!verify_bundle(manifest_subject, list, bundle, trust_in(key)));
}
