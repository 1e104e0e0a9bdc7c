// Trust files.
#include "base/json.hpp"
#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

struct TrustFile {
  // What reading the file with this text says, its path shown as "t".
  std::string read(std::string_view text) const {
    REQUIRE(write_file(path, as_bytes(text)));
    auto trust = Trust::file(path);
    if (trust) return std::to_string(trust->keys().size()) + " keys, first '" + trust->keys().front().name + "'";
    std::string message = message_of(trust.error());
    for (std::size_t at; (at = message.find(path.string())) != std::string::npos;) {
      message.replace(at, path.string().size(), "t");
    }
    return message;
  }
  std::string with_keys(Json keys) const {
    return read(canonical_json({{"format", "modelctl.trust/1"}, {"keys", std::move(keys)}}));
  }

  Scratch scratch;
  std::filesystem::path path = scratch / "trusted.json";
  std::string pem = key_of(p256_pem).public_key().pem();
};

}  // namespace

TEST_CASE_FIXTURE(TrustFile, "a trust file names keys, in the file or beside it") {
  REQUIRE(
      write_file(scratch / "ci.pub", as_bytes(PrivateKey::generate(Algorithm::ed25519).value().public_key().pem())));
  CHECK(with_keys({{{"name", "release"}, {"pem", pem}}, {{"name", "ci"}, {"file", "ci.pub"}}}) ==
        "2 keys, first 'release'");
  Trust trust = Trust::file(path).value();
  CHECK(trust.find(key_of(p256_pem).public_key().fingerprint())->name == "release");
  CHECK(trust.find(Digest{}) == nullptr);
}

TEST_CASE_FIXTURE(TrustFile, "a trust file with anything wrong in it is refused whole") {
  const std::string bad = "bad_config bad-trust-file: cannot use the trust file 't' | t | ";
  CHECK(read("{\"format\":\"modelctl.trust/2\",\"keys\":[]}") == bad + "its format is not 'modelctl.trust/1'");
  CHECK(with_keys(Json::array()) == bad + "it names no key");
  Json both = {{"name", "a"}, {"pem", pem}, {"file", "a.pub"}};
  Json none = {{"name", "a"}};
  Json more = {{"name", "a"}, {"pem", pem}, {"expires", "never"}};
  Json gone = {{"name", "a"}, {"file", "gone.pub"}};
  const std::string place = "bad_config bad-trust-file: cannot use the trust file 't' | t: /keys/0 | ";
  CHECK(with_keys(Json::array({both})) == place + "a key has either a 'file' or a 'pem'");
  CHECK(with_keys(Json::array({none})) == place + "a key has either a 'file' or a 'pem'");
  CHECK(with_keys(Json::array({more})) == place + "'expires' is not known");
  CHECK(with_keys(Json::array({gone})).starts_with("not_found no-such-file: cannot open "));
}

TEST_CASE_FIXTURE(TrustFile, "a key and a trust file together are one too many") {
  FakeHost host;
  auto refused = read_trust({"a.pub", "trusted.json"}, host.environment);
  REQUIRE(!refused);
  CHECK(message_of(refused.error()) == "usage two-kinds-of-trust: cannot use both a key and a trust file");
}
