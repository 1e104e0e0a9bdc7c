// Keys and raw signatures, against the test vectors of RFC 6979 and RFC 8032.
#include "base/system_host.hpp"
#include "package/key_pair.hpp"
#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

// The key of RFC 6979 appendix A.2.5, in SEC 1 form.
constexpr std::string_view rfc6979_pem =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END EC PRIVATE KEY-----\n";

// The key of RFC 8032 section 7.1, test 2, in PKCS#8 form.
constexpr std::string_view rfc8032_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";

std::string sign(const PrivateKey& key, std::string_view message) {
  auto signature = key.sign(as_bytes(message)).value();
  return to_hex({reinterpret_cast<const std::uint8_t*>(signature.data()), signature.size()});
}

std::vector<std::byte> bytes_of_hex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Error refused(std::string_view pem) {
  auto key = PrivateKey::parse(Secret(pem), "a.key", [] { return Secret("wrong"); });
  REQUIRE(!key);
  return std::move(key).error();
}

}  // namespace

TEST_CASE("P-256 signatures have the nonce of RFC 6979, and the smaller s") {
  PrivateKey key = key_of(rfc6979_pem);
  CHECK(key.algorithm() == Algorithm::ecdsa_p256);
  // Appendix A.2.5, with SHA-256, as DER. The appendix has s = f7cb1c94...3acda8 for "sample", which is above n/2: n -
  // s.
  CHECK(sign(key, "sample") ==
        "3045022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "02200834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9");
  CHECK(sign(key, "test") ==
        "3045022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
        "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
}

TEST_CASE("a key that OpenSSL reads and cannot use is refused: the point at infinity, the public key of another") {
  constexpr std::string_view infinity =
      "-----BEGIN PUBLIC KEY-----\n"
      "MBkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDAgAA\n"
      "-----END PUBLIC KEY-----\n";
  auto parsed = PublicKey::parse(infinity, "a.pub");
  REQUIRE(!parsed);
  CHECK(parsed.error().code == "bad-key");
  constexpr std::string_view two_halves =
      "-----BEGIN EC PRIVATE KEY-----\n"
      "MHcCAQEEIKlc2qqX53eOsea0RqY2VYZ/NintpP1bJnu+XP9ZBI+LoAoGCCqGSM49\n"
      "AwEHoUQDQgAE7WN3TMu0an+ywk1vyr+cGa97EQrCVa/aI9HbTYIYozUmAMCfplcc\n"
      "oeLWbLyqlWe8IPeCONN0zYMzxBNz4TG/ww==\n"
      "-----END EC PRIVATE KEY-----\n";
  CHECK(refused(two_halves).code == "bad-key");
}

TEST_CASE("Ed25519 signatures are those of RFC 8032") {
  PrivateKey key = key_of(rfc8032_pem);
  CHECK(key.algorithm() == Algorithm::ed25519);
  CHECK(sign(key, "r") ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST_CASE("a signature is for one message, one key and one spelling") {
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value(), other = PrivateKey::generate(algorithm).value();
    auto signature = key.sign(as_bytes("message")).value();
    CHECK(key.sign(as_bytes("message")).value() == signature);
    CHECK(key.public_key().verifies(as_bytes("message"), signature));
    CHECK_FALSE(key.public_key().verifies(as_bytes("massage"), signature));
    CHECK_FALSE(other.public_key().verifies(as_bytes("message"), signature));
    CHECK_FALSE(key.public_key().verifies(as_bytes("message"), {}));
    signature.push_back(std::byte{0});
    CHECK_FALSE(key.public_key().verifies(as_bytes("message"), signature));
  }
}

TEST_CASE("only one of the two ECDSA signatures that a valid one implies is accepted: the one with s at most n/2") {
  // A key that was computed from the signature (r, n/2) over "sample", so that both (r, s) and (r, n - s) verify.
  constexpr std::string_view pem =
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMxHjZUKrZbRjD+yl3m1LUXk7K105\n"
      "xwOR6E4XVQ2n8N6KFOeXJM+AL2K3cOQHWBCuuw34A3SVsfcYJP6f3PaD5g==\n"
      "-----END PUBLIC KEY-----\n";
  const std::string r = "0220471c3e758c4904285bba7e53118ed0f524adeb0757d25bd2f8e7b0d76dfa714c";
  const std::string half = "02207fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
  const std::string next = "02207fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9";
  PublicKey key = PublicKey::parse(pem, "a.pub").value();
  CHECK(key.verifies(as_bytes("sample"), bytes_of_hex("3044" + r + half)));
  CHECK_FALSE(key.verifies(as_bytes("sample"), bytes_of_hex("3044" + r + next)));
  CHECK(key.is_canonical(bytes_of_hex("3044" + r + half)));
  CHECK_FALSE(key.is_canonical(bytes_of_hex("3044" + r + next)));

  Scratch scratch;
  StopToken stop;
  SystemProcesses processes(stop);
  REQUIRE(write_file(scratch / "key.pub", as_bytes(pem)));
  REQUIRE(write_file(scratch / "message", as_bytes("sample")));
  for (const std::string& s : {half, next}) {
    REQUIRE(write_file(scratch / "signature", bytes_of_hex("3044" + r + s)));
    std::vector<std::string> command{"openssl",
                                     "dgst",
                                     "-sha256",
                                     "-verify",
                                     (scratch / "key.pub").string(),
                                     "-signature",
                                     (scratch / "signature").string(),
                                     (scratch / "message").string()};
    auto verdict = processes.run(command, {});
    if (!verdict) return skipped("there is no openssl program");
    CHECK(verdict->out == "Verified OK\n");  // openssl accepts both
  }
}

TEST_CASE("an ECDSA signature whose numbers are out of range or not strict DER is not canonical") {
  PublicKey key = PublicKey::parse(key_of(p256_pem).public_key().pem(), "a.pub").value();
  const std::string one = "020101";
  const std::string order = "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const std::string below = "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
  CHECK(key.is_canonical(bytes_of_hex("3006" + one + one)));
  CHECK(key.is_canonical(bytes_of_hex("3026" + below + one)));
  for (const std::string& refused :
       {std::string(), std::string("30"), "3006020100" + one, "3006" + one + "020100", "3006" + one + "0201ff",
        "30060201ff" + one, "3026" + order + one, "3026" + one + order, "3026" + one + below, "3007" + one + "02020001",
        "308106" + one + one, "3006" + one + one + "00", "3009" + one + one + one}) {
    CHECK_MESSAGE(!key.is_canonical(bytes_of_hex(refused)), refused);
    CHECK_MESSAGE(!key.verifies(as_bytes("message"), bytes_of_hex(refused)), refused);
  }
}

TEST_CASE("a key never signs with an s above n/2") {
  PrivateKey key = key_of(p256_pem);
  for (int i = 0; i < 64; ++i) {
    auto signature = key.sign(as_bytes(std::to_string(i))).value();
    CHECK(key.public_key().is_canonical(signature));
    CHECK(signature.size() <= 71);
  }
}

TEST_CASE("a key is read back as it was written, encrypted or not") {
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value();
    for (const char* passphrase : {"", "correct horse"}) {
      Secret pem = key.pem(Secret(passphrase)).value();
      bool asked = false;
      auto again = PrivateKey::parse(pem, "a.key", [&] {
        asked = true;
        return Secret(passphrase);
      });
      REQUIRE(again);
      CHECK(asked == (passphrase[0] != '\0'));
      CHECK(again->public_key().fingerprint() == key.public_key().fingerprint());
      CHECK(again->algorithm() == algorithm);
    }
    auto open = PublicKey::parse(key.public_key().pem(), "a.pub");
    REQUIRE(open);
    CHECK(open->fingerprint() == key.public_key().fingerprint());
  }
}

TEST_CASE("an unusable private key is refused with the reason") {
  PrivateKey key = key_of(p256_pem);
  CHECK(message_of(refused("hello")) ==
        "bad_input bad-key: cannot use the key 'a.key' | a.key | it is not a PEM private key");
  CHECK(message_of(refused(key.public_key().pem())) ==
        "bad_input bad-key: cannot use the key 'a.key' | a.key | it is a public key, but the private one is needed");
  CHECK(message_of(refused("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")) ==
        "unsupported unsupported-key: cannot use the key 'a.key' | a.key | cosign's own encrypted key format is not "
        "supported yet");
  Secret sealed = key.pem(Secret("right")).value();
  Error wrong = refused(sealed.reveal());
  CHECK(wrong.kind == Kind::denied);
  CHECK(wrong.what == "cannot open the key 'a.key'");
  CHECK(wrong.why.front().starts_with("the passphrase is wrong, or the file is damaged: "));
  std::string cut(p256_pem.substr(0, 100));
  CHECK(refused(cut).why.front().starts_with("it is not a PEM private key: "));
}

TEST_CASE("an unusable public key is refused with the reason") {
  auto refused_public = [](std::string_view pem) {
    auto key = PublicKey::parse(pem, "a.pub");
    REQUIRE(!key);
    return std::move(key).error();
  };
  CHECK(message_of(refused_public(p256_pem)) ==
        "bad_input bad-key: cannot use the key 'a.pub' | a.pub | it is a private key, but the public one is needed");
  CHECK(refused_public("hello").why.front() == "it is not a PEM public key");
  // Cut in the middle.
  CHECK(message_of(refused_public("-----BEGIN PUBLIC KEY-----\n"
                                  "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEqocg6+jKkMeO5ZqYgbyMvQ3pBXZWZOyd\n"
                                  "-----END PUBLIC KEY-----\n"))
            .starts_with("bad_input bad-key: cannot use the key 'a.pub' | a.pub | it is not a PEM public key: "));
}

TEST_CASE("keys of other kinds are named and refused") {
  Scratch scratch;
  StopToken stop;
  SystemProcesses processes(stop);
  std::string path = (scratch / "p384.pem").string();
  std::vector<std::string> command{"openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", path};
  auto made = processes.run(command, {});
  if (!made || made->exit_code != 0) return skipped("there is no openssl program");
  auto key = PrivateKey::read(path, [] { return Secret(); });
  REQUIRE(!key);
  CHECK(message_of(key.error()) == "unsupported unsupported-key: cannot use the key '" + path + "' | " + path +
                                       " | it is an EC secp384r1 key; ECDSA P-256 and Ed25519 are supported");
}

TEST_CASE("openssl reads our keys, encrypted ones too, and agrees on the public half") {
  Scratch scratch;
  StopToken stop;
  SystemProcesses processes(stop);
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value();
    REQUIRE(write_key_pair(key, Secret("correct horse"), scratch / "release", true));
    std::string path = (scratch / "release.key").string();
    std::vector<std::string> command{"openssl", "pkey", "-in", path, "-passin", "pass:correct horse", "-pubout"};
    auto shown = processes.run(command, {});
    if (!shown) return skipped("there is no openssl program");
    CHECK(shown->out == bytes_of(scratch / "release.pub"));
  }
}

TEST_CASE("keys that openssl made, in every form it writes, are read") {
  Scratch scratch;
  StopToken stop;
  SystemProcesses processes(stop);
  std::string path = (scratch / "made.pem").string(), other = (scratch / "other.pem").string();
  std::vector<std::vector<std::string>> recipes{
      {"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path},
      {"openssl", "ec", "-in", path, "-out", other, "-aes256", "-passout", "pass:secret"},
      {"openssl", "pkcs8", "-topk8", "-in", path, "-out", other, "-passout", "pass:secret"},
      {"openssl", "pkcs8", "-topk8", "-in", path, "-out", other, "-scrypt", "-passout", "pass:secret"},
      {"openssl", "pkcs8", "-topk8", "-nocrypt", "-in", path, "-out", other},
      {"openssl", "genpkey", "-algorithm", "ed25519", "-out", other}};
  for (const auto& recipe : recipes) {
    auto made = processes.run(recipe, {});
    if (!made) return skipped("there is no openssl program");
    REQUIRE(made->exit_code == 0);
    bool first = &recipe == &recipes.front();
    auto key = PrivateKey::read(first ? path : other, [] { return Secret("secret"); });
    CHECK_MESSAGE(key, recipe[1] << (key ? "" : message_of(key.error())));
  }
}

TEST_CASE("a secret is wiped when it is moved from or replaced") {
  std::string source = "a passphrase longer than fifteen characters";
  Secret secret = Secret::take(source);
  CHECK(source.empty());
  CHECK(secret.reveal() == "a passphrase longer than fifteen characters");
  Secret other = std::move(secret);
  CHECK(secret.empty());
  other = Secret("short");
  CHECK(other.reveal() == "short");
}
