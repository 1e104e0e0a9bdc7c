// Malicious packages: altered by hand, or signed with a trusted key.
#include "base/json.hpp"
#include "package/support.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

struct Archive {
  std::string path, content;
  char type = '0';
};

// A ustar header for anything at all, with a good checksum.
std::string raw_header(const Archive& entry) {
  std::string header = tar_header(entry.path, entry.content.size(), 0644, 0);
  header[156] = entry.type;
  std::fill_n(header.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (char byte : header) sum += static_cast<unsigned char>(byte);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  header.replace(148, 7, digits, 7);
  return header;
}

std::string tar_of(const std::vector<Archive>& entries) {
  std::string bytes;
  for (const Archive& entry : entries) {
    bytes += raw_header(entry) + entry.content;
    bytes.resize((bytes.size() + 511) / 512 * 512, '\0');
  }
  return bytes + std::string(1024, '\0');
}

// A fixed key, a manifest of two entries, and what becomes of archives that claim to be it.
struct Fixture {
  Fixture() {
    manifest = draft();
    manifest.entries = {{"model.plan", Role::plan, false, 6, Sha256::of(as_bytes("a plan"))},
                        {"model.weights", Role::weights, false, 7, Sha256::of(as_bytes("weights"))}};
  }
  // The archive with these entries behind a well signed text.
  std::string archive(const std::string& text, std::vector<Archive> entries) const {
    entries.insert(entries.begin(),
                   {{"manifest.json", text}, {"manifest.sigstore.json", sign(manifest_subject, text, key).value()}});
    return tar_of(entries);
  }
  // What unpacking says; nothing may be left of it.
  std::string unpacked(std::string_view bytes) const {
    Scratch scratch;
    FakeHost host;
    auto path = scratch / "a.tar";
    REQUIRE(write_file(path, as_bytes(bytes)));
    auto result = unpack(path, scratch / "folder", trust_in(key), host.reporter, host.stop);
    std::size_t left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) left += entry.path() != path;
    CHECK(left == (result ? 1u : 0u));
    if (result) return "accepted";
    CHECK(result.error().kind == Kind::untrusted);
    std::string text = result.error().what + " | " + result.error().where;
    for (const std::string& reason : result.error().why) text += " | " + reason;
    std::string prefix = path.string() + ": ";
    if (std::size_t at = text.find(prefix); at != std::string::npos) text.erase(at, prefix.size());
    return text;
  }
  std::string with_manifest(const Manifest& spoilt, std::vector<Archive> entries = {}) const {
    return unpacked(archive(spoilt.write(), std::move(entries)));
  }
  std::string with_entries(std::vector<Archive> entries) const { return unpacked(archive(manifest.write(), entries)); }

  PrivateKey key = key_of(p256_pem);
  Manifest manifest;
  Archive plan{"model.plan", "a plan"}, weights{"model.weights", "weights"};
};

const std::string spoilt = "cannot use the package: its archive is not as it was packed | ";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a package made by hand is accepted if it is to the byte what we would have made") {
  CHECK(with_entries({plan, weights}) == "accepted");
}

TEST_CASE_FIXTURE(Fixture, "a signed manifest that leaves the folder is refused") {
  manifest.entries = {{"../evil", Role::code, true, 6, Sha256::of(as_bytes("a plan"))}};
  CHECK(with_manifest(manifest, {{"../evil", "a plan"}}) ==
        "cannot have an entry '../evil' in a package | manifest.json: /entries/0/path | it leaves its folder through "
        "'..'");
  manifest.entries[0].path = "/etc/cron.d/evil";
  CHECK(with_manifest(manifest, {{"/etc/cron.d/evil", "a plan"}}) ==
        "cannot have an entry '/etc/cron.d/evil' in a package | manifest.json: /entries/0/path | it is absolute");
}

TEST_CASE_FIXTURE(Fixture, "a signed manifest that names a file twice is refused") {
  manifest.entries = {manifest.entries[0], manifest.entries[0]};
  CHECK(with_manifest(manifest, {plan, plan}) ==
        "cannot accept the manifest | manifest.json: /entries | the entry 'model.plan' stands there twice");
}

TEST_CASE_FIXTURE(Fixture, "links, devices and folders in place of an entry are refused") {
  std::string at = spoilt + "byte 3072, where 'model.plan' is due | ";
  CHECK(with_entries({{"model.plan", "", '2'}, weights}) == at + "a symbolic link 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "", '1'}, weights}) == at + "a hard link 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "", '3'}, weights}) == at + "a device 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "", '4'}, weights}) == at + "a device 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "", '5'}, weights}) == at + "a folder 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "", '6'}, weights}) == at + "a pipe 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "a plan", 'x'}, weights}) == at + "an extension header 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "a plan", 'S'}, weights}) == at + "a sparse file 'model.plan' stands there");
  CHECK(with_entries({{"model.plan", "a plan", 'L'}, weights}) == at + "a GNU long name 'model.plan' stands there");
}

TEST_CASE_FIXTURE(Fixture, "missing, extra, repeated and reordered entries are refused") {
  CHECK(with_entries({plan}) == spoilt + "byte 4096, where 'model.weights' is due | the archive ends there");
  CHECK(with_entries({weights}) ==
        spoilt + "byte 3072, where 'model.plan' is due | a file 'model.weights' stands there");
  CHECK(with_entries({weights, plan}) ==
        spoilt + "byte 3072, where 'model.plan' is due | a file 'model.weights' stands there");
  CHECK(with_entries({plan, {"extra", "x"}, weights}) ==
        spoilt + "byte 4096, where 'model.weights' is due | a file 'extra' stands there");
  CHECK(with_entries({plan, plan, weights}) ==
        spoilt + "byte 4096, where 'model.weights' is due | a file 'model.plan' stands there");
  CHECK(with_entries({plan, weights, {"../evil", "x"}}) == spoilt + "byte 5120 | something follows the last entry");
}

TEST_CASE_FIXTURE(Fixture, "content that is not the signed one is refused") {
  CHECK(with_entries({{"model.plan", "b plan"}, weights}) ==
        "cannot use the package: 'model.plan' was altered | model.plan | its digest is " +
            Sha256::of(as_bytes("b plan")).text() + " and not " + Sha256::of(as_bytes("a plan")).text());
  CHECK(with_entries({{"model.plan", "a plan!"}, weights}) ==
        spoilt + "byte 3072, where 'model.plan' is due | its size there is 7 and not 6");
}

TEST_CASE_FIXTURE(Fixture, "a claim of 10 GB is refused for what it is and allocates nothing") {
  std::string header = tar_header("manifest.json", 8'000'000'000, 0644, 0);
  CHECK(unpacked(header + std::string(2048, '\0')) ==
        spoilt + "byte 0, where 'manifest.json' is due | it claims 8000000000 bytes, and 4194304 are the most");
  manifest.entries[1].size = 10'000'000'000;
  std::string text = manifest.write();
  std::string bytes = archive(text, {plan});
  bytes.resize(bytes.size() - 1024);
  bytes += tar_header("model.weights", 10'000'000'000, 0644, 0) + "weights";
  CHECK(unpacked(bytes) == spoilt + "byte " + std::to_string(bytes.size()) + " | it ends too early");

  Scratch scratch;
  REQUIRE(write_file(scratch / "a.tar", as_bytes(bytes)));
  auto opened = Package::open(scratch / "a.tar");
  REQUIRE(!opened);
  CHECK(opened.error().kind == Kind::bad_input);
  CHECK(opened.error().why.back() == "it ends too early");
}

TEST_CASE_FIXTURE(Fixture, "what is not a package at all is refused") {
  CHECK(unpacked("") == spoilt + "byte 0 | it is empty");
  CHECK(unpacked("hello") == spoilt + "byte 5 | it ends too early");
  CHECK(unpacked(std::string(4096, 'x')) ==
        spoilt + "byte 0, where 'manifest.json' is due | no tar header stands there");
  CHECK(unpacked(std::string(4096, '\0')) == spoilt + "byte 0, where 'manifest.json' is due | the archive ends there");
  CHECK(unpacked(tar_of({plan})) == spoilt + "byte 0, where 'manifest.json' is due | a file 'model.plan' stands there");
}

TEST_CASE_FIXTURE(Fixture, "a package without a signature, or with a second manifest in its place, is refused") {
  std::string text = manifest.write();
  CHECK(unpacked(tar_of({{"manifest.json", text}, plan, weights})) ==
        spoilt + "byte 1536, where 'manifest.sigstore.json' is due | a file 'model.plan' stands there");
  CHECK(unpacked(tar_of({{"manifest.json", text}, {"manifest.sigstore.json", ""}, plan, weights}))
            .starts_with("cannot trust the package: its signature is not valid"));
}

TEST_CASE_FIXTURE(Fixture, "a newer format is unsupported, however well it is signed") {
  Json document = parse_json(manifest.write(), "").value();
  document["format"] = "modelctl.package/2";
  std::string bytes = archive(canonical_json(document), {});
  Scratch scratch;
  FakeHost host;
  REQUIRE(write_file(scratch / "a.tar", as_bytes(bytes)));
  auto refused = verify(scratch / "a.tar", trust_in(key), host.reporter, host.stop);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::unsupported);
  CHECK(refused.error().what == "cannot read the package format 'modelctl.package/2'");
}

TEST_CASE_FIXTURE(Fixture, "an unpacked folder is refused if it was altered in anything") {
  Scratch scratch;
  FakeHost host;
  REQUIRE(write_file(scratch / "a.tar", as_bytes(archive(manifest.write(), {plan, weights}))));
  auto folder = scratch / "folder";
  auto verdict = [&]() -> std::string {
    auto result = verify(folder, trust_in(key), host.reporter, host.stop);
    std::string text = result ? "accepted" : message_of(result.error());
    std::string prefix = folder.string() + "/";
    if (std::size_t at = text.find(prefix); at != std::string::npos) text.erase(at, prefix.size());
    std::filesystem::remove_all(folder);
    REQUIRE(unpack(scratch / "a.tar", folder, trust_in(key), host.reporter, host.stop));
    return text;
  };
  REQUIRE(unpack(scratch / "a.tar", folder, trust_in(key), host.reporter, host.stop));
  CHECK(verdict() == "accepted");

  REQUIRE(write_file(folder / "model.plan", as_bytes("b plan")));
  CHECK(verdict().starts_with("untrusted altered: cannot use the package: 'model.plan' was altered"));
  REQUIRE(write_file(folder / "model.plan", as_bytes("a plan!")));
  CHECK(verdict() ==
        "untrusted altered: cannot use the package: 'model.plan' was altered | model.plan | it has 7 bytes and not 6");
  std::filesystem::remove(folder / "model.weights");
  CHECK(verdict() ==
        "untrusted missing-entry: cannot use the package: 'model.weights' is missing | model.weights | the manifest "
        "names it");
  REQUIRE(write_file(folder / "extra", as_bytes("x")));
  CHECK(verdict() ==
        "untrusted altered: cannot use the package: 'extra' does not belong there | extra | the manifest does not name "
        "it");
  std::filesystem::remove(folder / "model.plan");
  REQUIRE(write_file(scratch / "elsewhere", as_bytes("a plan")));
  std::filesystem::create_symlink(scratch / "elsewhere", folder / "model.plan");
  CHECK(verdict() ==
        "untrusted altered: cannot use the package: 'model.plan' does not belong there | model.plan | it is a "
        "symbolic link");
  std::string other = manifest.write();
  other.replace(other.find("1.2"), 3, "1.3");
  REQUIRE(write_file(folder / "manifest.json", as_bytes(other)));
  CHECK(verdict().starts_with(
      "untrusted altered: cannot trust the package: its manifest is not the one that was signed"));
}

TEST_CASE_FIXTURE(Fixture,
                  "what is not a plain file of the package in its folder is refused at once, and nothing blocks") {
  Scratch scratch;
  FakeHost host;
  manifest.entries.push_back({"samples/a.npy", Role::sample, false, 1, Sha256::of(as_bytes("x"))});
  REQUIRE(write_file(scratch / "a.tar", as_bytes(archive(manifest.write(), {plan, weights, {"samples/a.npy", "x"}}))));
  auto folder = scratch / "folder";
  // What opening and what verifying say, which must be the same; the folder is then made again.
  auto verdict = [&]() -> std::string {
    auto opened = Package::open(folder);
    auto verified = verify(folder, trust_in(key), host.reporter, host.stop);
    std::string text = opened ? "accepted" : message_of(opened.error());
    CHECK(text == (verified ? "accepted" : message_of(verified.error())));
    std::string prefix = folder.string() + "/";
    if (std::size_t at = text.find(prefix); at != std::string::npos) text.erase(at, prefix.size());
    fs::remove_all(folder);
    REQUIRE(unpack(scratch / "a.tar", folder, trust_in(key), host.reporter, host.stop));
    return text;
  };
  auto refused = [](std::string path, std::string reason) {
    return "untrusted altered: cannot use the package: '" + path + "' does not belong there | " + path + " | " + reason;
  };
  auto replace_by_fifo = [&](const char* path) {
    fs::remove(folder / path);
    REQUIRE(::mkfifo((folder / path).c_str(), 0644) == 0);
  };
  REQUIRE(unpack(scratch / "a.tar", folder, trust_in(key), host.reporter, host.stop));
  CHECK(verdict() == "accepted");

  REQUIRE(::mkfifo((folder / "extra").c_str(), 0644) == 0);
  CHECK(verdict() == refused("extra", "it is a FIFO"));
  replace_by_fifo("model.plan");
  CHECK(verdict() == refused("model.plan", "it is a FIFO"));
  replace_by_fifo("samples/a.npy");
  CHECK(verdict() == refused("samples/a.npy", "it is a FIFO"));
  for (const char* document : {"manifest.json", "manifest.sigstore.json"}) {
    replace_by_fifo(document);
    CHECK(verdict().starts_with(refused(document, "it is a FIFO")));
  }

  fs::create_directory(folder / "empty");
  CHECK(verdict() == refused("empty", "the manifest names nothing in this folder"));
  fs::create_directories(folder / "samples/more/and/more");
  CHECK(verdict() == refused("samples/more", "the manifest names nothing in this folder"));
  fs::remove(folder / "model.plan");
  fs::create_directory(folder / "model.plan");
  CHECK(verdict() == refused("model.plan", "the manifest names nothing in this folder"));
  fs::rename(folder / "samples", scratch / "samples");
  fs::create_directory_symlink(scratch / "samples", folder / "samples");
  CHECK(verdict() == refused("samples", "it is a symbolic link"));
  fs::remove_all(scratch / "samples");

  constexpr const char* special = ", and a package holds nothing that is set-user-ID, set-group-ID or sticky";
  for (const char* path : {"model.plan", "samples/a.npy", "manifest.json"}) {
    for (mode_t mode : {04777, 04755, 02755, 01644}) {
      REQUIRE(::chmod((folder / path).c_str(), mode) == 0);
      CHECK(verdict().starts_with(refused(path, fmt::format("its mode is {:o}{}", mode, special))));
    }
    REQUIRE(::chmod((folder / path).c_str(), 0666) == 0);
    CHECK(verdict().starts_with(refused(path, "its mode is 666: everybody can write to it")));
  }
  REQUIRE(::chmod((folder / "samples").c_str(), 04755) == 0);
  CHECK(verdict() == refused("samples/", fmt::format("its mode is 4755{}", special)));
  REQUIRE(::chmod((folder / "samples").c_str(), 0777) == 0);
  CHECK(verdict() == refused("samples/", "its mode is 777: everybody can write to it"));
}

TEST_CASE_FIXTURE(Fixture, "a folder that a container platform has set up for a group is accepted") {
  Scratch scratch;
  FakeHost host;
  REQUIRE(write_file(scratch / "a.tar", as_bytes(archive(manifest.write(), {plan, weights}))));
  REQUIRE(unpack(scratch / "a.tar", scratch / "folder", trust_in(key), host.reporter, host.stop));
  REQUIRE(::chmod((scratch / "folder").c_str(), 02775) == 0);
  for (const auto& file : fs::directory_iterator(scratch / "folder")) {
    REQUIRE(::chmod(file.path().c_str(), 0664) == 0);
  }
  CHECK(verify(scratch / "folder", trust_in(key), host.reporter, host.stop));
}

TEST_CASE_FIXTURE(Fixture, "a FIFO in place of an archive does not block, and a pipe is read as a stream") {
  Scratch scratch;
  FakeHost host;
  REQUIRE(::mkfifo((scratch / "a.tar").c_str(), 0644) == 0);
  auto opened = Package::open(scratch / "a.tar");
  REQUIRE(!opened);
  CHECK(opened.error().code == "not-a-regular-file");
  auto empty = verify(scratch / "a.tar", trust_in(key), host.reporter, host.stop);
  REQUIRE(!empty);
  CHECK(empty.error().why.front() == "it is empty");

  // As the shell passes `verify <(curl ...)`.
  std::string bytes = archive(manifest.write(), {plan, weights});
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  ::close(ends[1]);
  CHECK(verify(fmt::format("/dev/fd/{}", ends[0]), trust_in(key), host.reporter, host.stop));
  ::close(ends[0]);
}
