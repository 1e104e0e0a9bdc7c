// ZIP archives as other programs make them, and as a damaged or hostile file may be. The tests of the runner's decoder
// (tests/runner) consist of this file too: what it states holds for both.
#include "archive_support.hpp"
#include "tensor/zip_writer.hpp"

using namespace modelctl;
using namespace modelctl::archive;

namespace {

std::string stored(std::initializer_list<std::pair<std::string_view, std::string_view>> entries) {
  ZipWriter zip;
  for (const auto& [name, content] : entries) zip.add(name, as_bytes(content));
  return std::string(as_text(zip.finish()));
}
std::string two() { return stored({{"x", "first"}, {"group/y", "second"}}); }

struct Stopped final : Interrupt {
  bool requested() const override { return true; }
};

}  // namespace

TEST_CASE("archives of NumPy are read: stored, deflated, with sizes before or after the data") {
  for (const char* name :
       {"numpy_savez.npz", "numpy_savez_compressed.npz", "descriptor_stored.npz", "descriptor_deflated.npz"}) {
    CAPTURE(name);
    CHECK(listing(file(name)) == "x.npy 152, y.npy 136");
  }
  CHECK(listing(file("empty.npz")).empty());
}

TEST_CASE("names are text, in any locale, and may look like any path") {
  CHECK(listing(file("names.npz")) ==
        "größe.npy 152, 入力.npy 152, /model/Add_output_0.npy 152, ../up.npy 152, C:\\x.npy 152");
}

TEST_CASE("names come back exactly: decomposed letters, backslashes, zeros, what looks like a header") {
  for (std::string_view name :
       {std::string_view("e\u0301\u2126"), std::string_view("a\\b"), std::string_view("a\0b", 3),
        std::string_view("PK\x03\x04"), std::string_view("PK\x03\x04 and more than a header has")}) {
    CHECK(listing(stored({{name, "content"}})) == fmt::format("{} 7", name));
  }
}

TEST_CASE("folders and links are marked as what they are") {
  CHECK(listing(file("folder.npz")) == "group/ 0/, group/x.npy 152");
  CHECK(listing(file("link.npz")).starts_with("x.npy "));
  CHECK(listing(file("link.npz")).ends_with("?"));
}

TEST_CASE("content that is not compressed is a view into the archive, however large") {
  std::string large(5 << 20, 'x'), bytes = stored({{"name", large}});
  Reader reader(as_bytes(bytes), decode_zip(as_bytes(bytes)).value());
  REQUIRE(reader.next());
  auto content = reader.content();
  REQUIRE(content);
  CHECK(as_text(*content) == large);
  CHECK(as_text(*content).data() == bytes.data() + bytes.find(large));
}

TEST_CASE("content is a view wherever its header lies") {
  for (std::size_t size = (1 << 20) - 200; size < (1 << 20) + 40; size += 7) {
    std::string bytes = stored({{"first", std::string(size, 'x')}, {"second", "content"}});
    Reader reader(as_bytes(bytes), decode_zip(as_bytes(bytes)).value());
    REQUIRE(reader.next());
    REQUIRE(reader.content());
    REQUIRE(reader.next());
    auto content = reader.content();
    REQUIRE(content);
    CHECK(as_text(*content) == "content");
    CHECK(as_text(*content).data() == bytes.data() + bytes.find("content"));
  }
}

TEST_CASE("70,000 entries need ZIP64, and are read in their order") {
  ZipWriter zip;
  for (int i = 0; i < 70'000; ++i) zip.add(std::to_string(i), as_bytes("content"));
  auto bytes = zip.finish();
  Reader reader(bytes, decode_zip(bytes).value());
  int count = 0;
  for (auto entry = reader.next(); entry && *entry != nullptr; entry = reader.next()) {
    if ((*entry)->name != std::to_string(count++)) FAIL((*entry)->name);
  }
  CHECK(count == 70'000);
  CHECK(listing(as_text(bytes), {.entries = 69'999}) == "it has more than 69999 entries");
}

TEST_CASE("a name that stands twice is refused") {
  CHECK(listing(file("twice.npz")) == "its entry 'x.npy' stands twice");
}

TEST_CASE("an encrypted entry is refused by name") {
  CHECK(listing(file("encrypted.npz")) == "its entry 'x.npy' is encrypted");
}

TEST_CASE("an archive that would unpack to more than its size can hold is refused before it is unpacked") {
  CHECK(
      listing(file("overlapping.npz")) ==
      "its entry '5.npy' claims 1001580 bytes: with those before it, more than an archive of 5632 bytes may unpack to");
  CHECK(listing(two(), {.bytes = 8}).starts_with("its entry 'group/y' claims 6 bytes: "));
  CHECK(listing(two(), {.bytes = 11}) == "x 5, group/y 6");
}

TEST_CASE("an entry that does not unpack to what it claims is refused by name") {
  std::string packed = file("deflated.npz");
  for (std::string_view size : {std::string_view("\xff\x10\0\0", 4), std::string_view("\x10\0\0\0", 4)}) {
    std::string bytes = patched(patched(packed, entry_magic, 24, size), local_magic, 22, size);
    CHECK(listing(bytes).starts_with("its entry 'x.npy' "));
  }
}

TEST_CASE("an altered byte of the content is found by the checksum") {
  std::string bytes = two();
  bytes[bytes.find("second")] ^= 1;
  CHECK(listing(bytes).starts_with("its entry 'group/y' "));
  std::string packed = file("numpy_savez_compressed.npz");
  packed[packed.find("x.npy") + 40] ^= 0x55;
  CHECK(listing(packed).starts_with("its entry 'x.npy' "));
}

TEST_CASE("a file that is not an archive, or is truncated anywhere, is refused") {
  CHECK(listing("") == "it is not a ZIP archive");
  CHECK(listing(std::string(100, 'x')) == "it is not a ZIP archive, or does not end as one");
  std::string whole = two();
  for (std::size_t size = 0; size < whole.size(); ++size) { CHECK(!listing(whole.substr(0, size)).starts_with("x 5")); }
}

TEST_CASE("bytes after the end, and a comment, are refused: another reader could find another directory") {
  CHECK(listing(file("trailing.npz")) == "it is not a ZIP archive, or does not end as one");
  CHECK(listing(file("commented.npz")) == "it is not a ZIP archive, or does not end as one");
  CHECK(listing(patched(two(), end_magic, 20, "\x05")) == "its archive has a comment");
}

TEST_CASE("a directory that is not where the end record says is refused") {
  CHECK(listing(file("cut_directory.npz")) == "its directory is not where it should be");
  CHECK(listing(patched(two(), end_magic, 16, "\xff\xff\xff\x7f")) == "its directory is not where it should be");
}

TEST_CASE("an altered byte of an archive neither crashes nor creates content") {
  std::string whole = two();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string altered = whole;
    altered[i] ^= 0xff;
    CHECK(listing(altered).size() < 200);
  }
}

TEST_CASE("reading stops when that is requested") {
  Stopped stopped;
  CHECK(listing(two(), {}, &stopped) == "stopped reading an archive");
}
