// Packing, verifying and unpacking whole packages; each single altered byte is refused.
#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

Result<SignedManifest> read(std::string_view archive, const Trust& trust, EntrySink& sink) {
  StreamReader reader(trust, sink);
  TRY(reader.feed(as_bytes(archive)));
  TRY(reader.finish());
  return *reader.opened();
}

// Remembers which entries were finished.
class Counting : public EntrySink {
 public:
  Result<void> begin(const Entry&) override { return {}; }
  Result<void> write(ByteSpan bytes) override {
    size += bytes.size();
    return {};
  }
  Result<void> end(const Entry& entry) override {
    ended.push_back(entry.path);
    return {};
  }
  std::size_t size = 0;
  std::vector<std::string> ended;
};

}  // namespace

TEST_CASE("what is packed is verified, opened and unpacked as it was") {
  Scratch scratch;
  FakeHost host;
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value();
    auto path = scratch / (std::string(name(algorithm)) + ".tar");
    Written written = write(path, key);
    auto verified = verify(path, trust_in(key), host.reporter, host.stop);
    REQUIRE(verified);
    CHECK(verified->digest == written.digest);
    CHECK(verified->signer.name == "test");
    CHECK(verified->signer.algorithm == algorithm);
    CHECK(verified->manifest == written.manifest);
    CHECK(std::filesystem::file_size(path) == written.archive_size);

    auto opened = Package::open(path);
    REQUIRE(opened);
    CHECK(opened->manifest() == written.manifest);
    CHECK(as_text(opened->content("model.plan").value()) == "a plan");
    CHECK(reinterpret_cast<std::uintptr_t>(opened->content("model.weights").value().data()) % 64 == 0);
    CHECK(opened->first(Role::weights)->size == 700);
    CHECK(opened->verify(trust_in(key), host.reporter, host.stop));

    auto folder = scratch / (std::string(name(algorithm)) + ".unpacked");
    REQUIRE(unpack(path, folder, trust_in(key), host.reporter, host.stop));
    CHECK(bytes_of(folder / "model.weights") == std::string(700, 'w'));
    CHECK(bytes_of(folder / "docs/empty.md") == "");
    CHECK((std::filesystem::status(folder / "code/run.sh").permissions() == std::filesystem::perms(0755)));
    CHECK((std::filesystem::status(folder / "model.plan").permissions() == std::filesystem::perms(0644)));
    CHECK(verify(folder, trust_in(key), host.reporter, host.stop));
  }
}

TEST_CASE("a package with one altered byte, whichever it is, is refused before it is through") {
  Scratch scratch;
  for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    PrivateKey key = PrivateKey::generate(algorithm).value();
    write(scratch / "a.tar", key);
    std::string archive = bytes_of(scratch / "a.tar");
    Trust trust = trust_in(key);
    for (std::size_t at = 0; at < archive.size(); ++at) {
      std::string altered = archive;
      altered[at] = static_cast<char>(altered[at] ^ (1 << at % 8));
      Counting sink;
      auto refused = read(altered, trust, sink);
      REQUIRE_MESSAGE(!refused, "byte " << at);
      REQUIRE_MESSAGE(refused.error().kind == Kind::untrusted, "byte " << at << ": " << message_of(refused.error()));
    }
  }
}

TEST_CASE("opening a package without a key finds what is not as our writer writes it") {
  Scratch scratch;
  PrivateKey key = key_of(p256_pem);
  Written written = write(scratch / "a.tar", key);
  std::string archive = bytes_of(scratch / "a.tar");
  Layout layout = Package::open(scratch / "a.tar").value().layout();
  auto opens = [&](std::size_t altered) {
    auto bytes = std::make_shared<std::string>(archive);
    (*bytes)[altered] ^= 1;
    return Package::over(as_bytes(*bytes), bytes, "memory").has_value();
  };
  for (std::size_t i = 0; i < layout.slots().size(); ++i) {
    const Slot& slot = layout.slots()[i];
    for (std::size_t at = slot.header_at; at < slot.at; ++at) REQUIRE_FALSE(opens(at));
    for (std::size_t at = slot.at + slot.size; at < slot.end; ++at) REQUIRE_FALSE(opens(at));
  }
  for (std::size_t at = archive.size() - 1024; at < archive.size(); ++at) REQUIRE_FALSE(opens(at));
}

TEST_CASE("damaged content is found without a key") {
  Scratch scratch;
  FakeHost host;
  write(scratch / "a.tar", key_of(p256_pem));
  std::string archive = bytes_of(scratch / "a.tar");
  archive[archive.size() - 1024 - 512] ^= 1;
  REQUIRE(write_file(scratch / "b.tar", as_bytes(archive)));
  CHECK(Package::open(scratch / "a.tar").value().check_content(host.reporter, host.stop));
  auto refused = Package::open(scratch / "b.tar").value().check_content(host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(refused.error().where == (scratch / "b.tar").string() + ": model.weights");
}

TEST_CASE("a package that is truncated anywhere, or has bytes after its end, is refused") {
  Scratch scratch;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  std::string archive = bytes_of(scratch / "a.tar");
  Trust trust = trust_in(key);
  for (std::size_t size = 0; size < archive.size(); ++size) {
    Counting sink;
    auto refused = read(std::string_view(archive).substr(0, size), trust, sink);
    REQUIRE(!refused);
    REQUIRE(refused.error().kind == Kind::untrusted);
  }
  Counting sink;
  auto refused = read(archive + '\0', trust, sink);
  REQUIRE(!refused);
  CHECK(message_of(refused.error()) ==
        "untrusted altered-archive: cannot use the package: its archive is not as it was packed | byte " +
            std::to_string(archive.size()) + " | something follows the end of the archive");
}

TEST_CASE("the pieces in which an archive arrives do not matter") {
  Scratch scratch;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  std::string archive = bytes_of(scratch / "a.tar");
  Trust trust = trust_in(key);
  for (std::size_t piece : {1, 7, 511, 512, 513, 4096}) {
    Counting sink;
    StreamReader reader(trust, sink);
    for (std::size_t at = 0; at < archive.size(); at += piece) {
      REQUIRE(reader.feed(as_bytes(std::string_view(archive).substr(at, piece))));
    }
    REQUIRE(reader.finish());
    CHECK(sink.ended == std::vector<std::string>{"code/run.sh", "docs/empty.md", "model.plan", "model.weights"});
    CHECK(sink.size == 716);
  }
}

TEST_CASE("an altered package leaves nothing behind when it is unpacked") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  std::string archive = bytes_of(scratch / "a.tar");
  archive[archive.size() - 1024 - 512] ^= 1;  // in the last entry
  REQUIRE(write_file(scratch / "b.tar", as_bytes(archive)));
  auto refused = unpack(scratch / "b.tar", scratch / "folder", trust_in(key), host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(refused.error().code == "altered");
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) left.push_back(entry.path().filename());
  std::sort(left.begin(), left.end());
  CHECK(left == std::vector<std::string>{"a.tar", "b.tar"});
}

TEST_CASE("unpacking does not touch a folder that holds something") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  REQUIRE(make_folder(scratch / "folder"));
  REQUIRE(write_file(scratch / "folder/mine", as_bytes("x")));
  auto refused = unpack(scratch / "a.tar", scratch / "folder", trust_in(key), host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(message_of(refused.error()) == "conflict already-exists: cannot unpack into '" + (scratch / "folder").string() +
                                           "' | " + (scratch / "folder").string() +
                                           " | it is there already, and is not an empty folder");
}

TEST_CASE("a package in memory is verified in place and not changed") {
  Scratch scratch;
  FakeHost host;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  auto bytes = std::make_shared<std::string>(bytes_of(scratch / "a.tar"));
  std::string before = *bytes;
  auto opened = Package::over(as_bytes(*bytes), bytes, "memory");
  REQUIRE(opened);
  CHECK(opened->verify(trust_in(key), host.reporter, host.stop));
  CHECK(*bytes == before);
  (*bytes)[before.size() - 1024 - 512] ^= 1;
  auto refused = opened->verify(trust_in(key), host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(refused.error().where == "memory: model.weights");
}
