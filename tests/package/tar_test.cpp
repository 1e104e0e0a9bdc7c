// The archive, byte by byte, and as GNU tar and bsdtar read it.
#include "base/system_host.hpp"
#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

// Runs a program; nothing if there is none of that name.
std::optional<ProcessResult> run(std::vector<std::string> command) {
  StopToken stop;
  SystemProcesses processes(stop);
  auto result = processes.run(command, {});
  return result ? std::optional(std::move(*result)) : std::nullopt;
}

Manifest with_entry(std::string path, std::uint64_t size) {
  Manifest manifest = draft();
  manifest.entries = {{std::move(path), Role::weights, false, size, {}}};
  return manifest;
}

}  // namespace

TEST_CASE("a header is fixed to the byte") {
  std::string expected(512, '\0');
  auto put = [&](std::size_t at, std::string_view text) { expected.replace(at, text.size(), text); };
  put(0, "model.plan");
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, "00000000074");
  put(136, "14524771400");
  put(148, std::string_view("011225\0 ", 8));
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  put(329, "0000000");
  put(337, "0000000");
  CHECK(tar_header("model.plan", 60, 0644, 1'700'000'512) == expected);
}

TEST_CASE("an archive begins with manifest and signature, and continues in the manifest's order") {
  Manifest manifest = with_entry("model.plan", 513);
  Layout layout(manifest, 100, 512);
  REQUIRE(layout.slots().size() == 3);
  CHECK(layout.slots()[0].path == "manifest.json");
  CHECK(layout.slots()[0].at == 512);
  CHECK(layout.slots()[0].end == 1024);
  CHECK(layout.slots()[1].path == "manifest.sigstore.json");
  CHECK(layout.slots()[1].at == 1536);
  CHECK(layout.slots()[1].end == 2048);
  CHECK(layout.slots()[2].at == 2560);
  CHECK(layout.slots()[2].end == 2560 + 1024);
  CHECK(layout.size() == 2560 + 1024 + 1024);
}

TEST_CASE("the layout has every offset, and gives the exact archive together with the entries") {
  Scratch scratch;
  PrivateKey key = key_of(p256_pem);
  write(scratch / "a.tar", key);
  Package opened = Package::open(scratch / "a.tar").value();
  Layout layout = opened.layout();
  std::string rebuilt = layout.head(opened.manifest_text(), opened.bundle_text());
  for (std::size_t i = 0; i < opened.manifest().entries.size(); ++i) {
    const Slot& slot = layout.slots()[i + 2];
    CHECK(rebuilt.size() == slot.header_at);
    rebuilt += layout.header(slot);
    CHECK(rebuilt.size() == slot.at);
    rebuilt += as_text(opened.content(i));
    rebuilt.resize(slot.end, '\0');
  }
  rebuilt.resize(layout.size(), '\0');
  CHECK(rebuilt == bytes_of(scratch / "a.tar"));
}

TEST_CASE("tar and bsdtar list and extract our packages") {
  Scratch scratch;
  PrivateKey key = key_of(p256_pem);
  std::string deep = std::string(90, 'd') + "/" + std::string(90, 'e') + "/" + std::string(90, 'f');
  Manifest manifest = draft();
  manifest.timestamp = 1'700'000'000;
  auto payload = small_payload();
  payload.push_back({deep, Role::document, false, Content::of_bytes("deep down")});
  write(scratch / "a.tar", key, manifest, payload);
  for (const char* program : {"tar", "bsdtar"}) {
    auto folder = scratch / program;
    REQUIRE(make_folder(folder));
    auto extracted = run({program, "-xf", (scratch / "a.tar").string(), "-C", folder.string()});
    if (!extracted) {
      skipped(program);
      continue;
    }
    CHECK(extracted->exit_code == 0);
    CHECK(extracted->err == "");
    CHECK(bytes_of(folder / "model.weights") == std::string(700, 'w'));
    CHECK(bytes_of(folder / deep) == "deep down");
    CHECK(bytes_of(folder / "docs/empty.md") == "");
    CHECK(Manifest::read(bytes_of(folder / "manifest.json")));
    CHECK((std::filesystem::status(folder / "code/run.sh").permissions() == std::filesystem::perms(0755)));
    FakeHost host;
    CHECK(verify(folder, trust_in(key), host.reporter, host.stop));
  }
  auto listed = run({"tar", "--utc", "--full-time", "--numeric-owner", "-tvf", (scratch / "a.tar").string()});
  if (!listed) return;
  CHECK(listed->out.find("-rw-r--r-- 0/0             700 2023-11-14 22:13:20 model.weights\n") != std::string::npos);
  CHECK(listed->out.find("-rwxr-xr-x 0/0              10 2023-11-14 22:13:20 code/run.sh\n") != std::string::npos);
}

TEST_CASE("tar reads the header of an entry that is larger than the size field allows") {
  Scratch scratch;
  constexpr std::uint64_t size = 9ull << 30;
  Layout layout(with_entry("model.weights", size), 0, 0);
  // A file with holes: nothing is stored for the content.
  auto path = scratch / "a.tar";
  std::string head = layout.head("", "") + layout.header(layout.slots()[2]);
  REQUIRE(write_file(path, as_bytes(head)));
  std::filesystem::resize_file(path, layout.size());
  auto listed = run({"tar", "-tvf", path.string()});
  if (!listed) return skipped("there is no tar program");
  CHECK(listed->exit_code == 0);
  CHECK(listed->out.find(" 9663676416 ") != std::string::npos);
}
