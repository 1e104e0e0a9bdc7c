// The Sigstore bundle around the manifest.
#include "base/json.hpp"
#include "base/system_host.hpp"
#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

struct Signed {
  PrivateKey key = key_of(p256_pem);
  std::string manifest = draft().write();
  std::string bundle = sign(manifest_subject, manifest, key).value();

  std::string verify(std::string_view manifest_text, std::string_view bundle_text) const {
    auto signer = verify_bundle(manifest_subject, manifest_text, bundle_text, trust_in(key));
    return signer ? "signed by " + signer->name : message_of(signer.error());
  }
  // The verdict on the bundle with one change to its JSON.
  template <class Change>
  std::string changed(const Change& change) const {
    Json document = parse_json(bundle, "").value();
    change(document);
    std::string text = canonical_json(document);
    text.resize(std::max(text.size(), bundle.size()), ' ');
    return verify(manifest, text);
  }
};

const std::string refused =
    "untrusted bad-signature: cannot trust the package: its signature is not valid | manifest.sigstore.json | ";

// The other valid ECDSA signature for the same key and message: (r, n - s), as DER.
std::vector<std::byte> complement(std::vector<std::byte> der) {
  constexpr std::uint8_t order[] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
  REQUIRE(der.back() != std::byte{0x51});
  std::size_t size = std::to_integer<std::size_t>(der[std::to_integer<std::size_t>(der[3]) + 5]);
  REQUIRE(size == 32);  // s has all its bytes, and its top bit is clear
  int borrow = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    std::byte& byte = der[der.size() - 1 - i];
    int difference = order[31 - i] - std::to_integer<int>(byte) - borrow;
    borrow = difference < 0;
    byte = static_cast<std::byte>(difference & 0xff);
  }
  der.insert(der.end() - 32, std::byte{0});  // n - s is above n/2, so its top bit is set
  der[std::to_integer<std::size_t>(der[3]) + 5] = std::byte{33};
  der[1] = static_cast<std::byte>(std::to_integer<int>(der[1]) + 1);
  return der;
}

std::string text_of(const Json& base64) {
  auto bytes = from_base64(base64.get<std::string>()).value();
  return std::string(as_text(bytes));
}

}  // namespace

TEST_CASE("a signature is a Sigstore bundle around an in-toto statement about the manifest") {
  Signed made;
  Json bundle = parse_json(made.bundle, "").value();
  CHECK(bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json");
  CHECK(bundle["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json");
  CHECK(text_of(bundle["verificationMaterial"]["publicKey"]["hint"]).size() == 32);
  CHECK(text_of(bundle["dsseEnvelope"]["payload"]) ==
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{},"
        "\"predicateType\":\"https://modelctl.dev/package/v1\",\"subject\":[{\"digest\":{\"sha256\":\"" +
            Sha256::of(as_bytes(made.manifest)).hex() + "\"},\"name\":\"manifest.json\"}]}");
  CHECK(made.verify(made.manifest, made.bundle) == "signed by test");
}

TEST_CASE("the size of a bundle depends on no signature's value") {
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value();
    for (int i = 0; i < 20; ++i) {
      CHECK(sign(manifest_subject, std::to_string(i), key).value().size() == bundle_size(algorithm));
    }
  }
}

TEST_CASE("DSSE's encoding is that of its specification") {
  CHECK(pre_authentication("http://example.com/HelloWorld", "hello world") ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST_CASE("a manifest that was not the one signed is refused") {
  Signed made;
  std::string other = made.manifest;
  other.replace(other.find("1.2"), 3, "1.3");
  CHECK(made.verify(other, made.bundle) ==
        "untrusted altered: cannot trust the package: its manifest is not the one that was signed | manifest.json | "
        "its digest is " +
            Sha256::of(as_bytes(other)).text());
}

TEST_CASE("a bundle that differs in anything is refused with the reason") {
  Signed made;
  CHECK(made.verify(made.manifest, "").starts_with(refused + "cannot read the JSON document"));
  CHECK(made.verify(made.manifest, "{}") == refused + "'mediaType' is missing or is not a string");
  CHECK(made.verify(made.manifest, made.bundle + " ") == refused + "its file is not in canonical form");
  CHECK(made.verify(made.manifest, std::string(bundle_limit + 1, ' ')) == refused + "it has more than 65536 bytes");
  CHECK(made.changed([](Json& json) { json["mediaType"] = "application/json"; }) ==
        refused + "its media type is 'application/json' and not 'application/vnd.dev.sigstore.bundle.v0.3+json'");
  CHECK(made.changed([](Json& json) { json["dsseEnvelope"]["signatures"] = Json::array(); }) ==
        refused + "it holds 0 signatures and not one");
  CHECK(made.changed([](Json& json) {
    Json one = json["dsseEnvelope"]["signatures"][0];
    json["dsseEnvelope"]["signatures"].push_back(one);
  }) == refused + "it holds 2 signatures and not one");
  CHECK(made.changed([](Json& json) { json["dsseEnvelope"]["signatures"][0]["sig"] = "!"; }) ==
        refused + "the text is not base64");
  CHECK(made.changed([](Json& json) { json["dsseEnvelope"]["signatures"][0]["sig"] = ""; }) ==
        refused + "its ECDSA signature is not in the one form that is accepted: DER, with s at most n/2");
  CHECK(made.changed([](Json& json) { json["dsseEnvelope"]["payload"] = to_base64(as_bytes("{}")); }) ==
        refused + "it was not made with the key 'test', or it was altered");
  CHECK(made.changed([](Json& json) { json["verificationMaterial"]["publicKey"]["hint"] = "QQ=="; }) ==
        refused + "its key hint is not a SHA-256 digest");
  CHECK(made.changed([](Json& json) { json["dsseEnvelope"]["payloadType"] = "text/plain"; }) ==
        refused + "its file is not in canonical form");
  CHECK(made.changed([](Json& json) { json["dsseEnvelope"]["signatures"][0]["keyid"] = "x"; }) ==
        refused + "its file is not in canonical form");
  CHECK(made.changed([](Json& json) { json["more"] = 1; }) == refused + "its file is not in canonical form");
}

TEST_CASE("a signature with its s replaced by n - s is refused, although it verifies") {
  // A fixed key and manifest: the bundle as releases before the rule could write it, with s above n/2.
  Signed made;
  CHECK(made.changed([](Json& json) {
    Json& sig = json["dsseEnvelope"]["signatures"][0]["sig"];
    sig = to_base64(complement(from_base64(sig.get<std::string>()).value()));
  }) == refused + "its ECDSA signature is not in the one form that is accepted: DER, with s at most n/2");
}

TEST_CASE("a valid signature over another statement is not a signature over the manifest") {
  // The key's owner signed something once, of the same type; it must not serve here.
  Signed made;
  std::string statement = "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[]}";
  std::string message = pre_authentication(statement_type, statement);
  std::string signature = to_base64(made.key.sign(as_bytes(message)).value());
  CHECK(made.changed([&](Json& json) {
              json["dsseEnvelope"]["payload"] = to_base64(as_bytes(statement));
              json["dsseEnvelope"]["signatures"][0]["sig"] = signature;
            })
            .starts_with("untrusted altered: cannot trust the package: its manifest is not the one that was signed"));
}

TEST_CASE("an untrusted key is refused, and the error lists the trusted ones") {
  Signed made;
  PrivateKey other = PrivateKey::generate(Algorithm::ed25519).value();
  auto refused_key = verify_bundle(manifest_subject, made.manifest, made.bundle, trust_in(other, "release team"));
  REQUIRE(!refused_key);
  CHECK(message_of(refused_key.error()) ==
        "untrusted wrong-key: cannot trust the package: it is signed with another key | manifest.sigstore.json | it is "
        "signed with the key " +
            made.key.public_key().fingerprint().text() + ", and you trust 'release team' (" +
            other.public_key().fingerprint().text() + ")");
}

TEST_CASE("openssl verifies the signature over DSSE's encoding") {
  Scratch scratch;
  StopToken stop;
  SystemProcesses processes(stop);
  Signed made;
  Json envelope = parse_json(made.bundle, "").value()["dsseEnvelope"];
  std::string message = pre_authentication(statement_type, text_of(envelope["payload"]));
  std::string signature = text_of(envelope["signatures"][0]["sig"]);
  REQUIRE(write_file(scratch / "message", as_bytes(message)));
  REQUIRE(write_file(scratch / "signature", as_bytes(signature)));
  REQUIRE(write_file(scratch / "key.pub", as_bytes(made.key.public_key().pem())));
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
  CHECK(verdict->out == "Verified OK\n");
}

TEST_CASE("Sigstore's own verifier accepts the bundle, and refuses an altered one") {
  Scratch scratch;
  StopToken stop;
  SystemProcesses processes(stop);
  std::string script = std::string(MODELCTL_TEST_FOLDER) + "/package/sigstore_oracle.cjs";
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value();
    std::string bundle = sign(manifest_subject, "{}", key).value();
    REQUIRE(write_file(scratch / "bundle", as_bytes(bundle)));
    REQUIRE(write_file(scratch / "key.pub", as_bytes(key.public_key().pem())));
    std::vector<std::string> command{"node", script, (scratch / "bundle").string(), (scratch / "key.pub").string()};
    auto verdict = processes.run(command, {});
    if (!verdict || verdict->exit_code == 2) return skipped("there is no node with @sigstore/verify in NODE_PATH");
    CHECK_MESSAGE(verdict->out == "verified\n", verdict->out << verdict->err);
    REQUIRE(write_file(scratch / "bundle", as_bytes(sign(manifest_subject, "{}", key_of(p256_pem)).value())));
    verdict = processes.run(command, {});
    REQUIRE(verdict);
    CHECK(verdict->out.starts_with("refused: "));
  }
}
