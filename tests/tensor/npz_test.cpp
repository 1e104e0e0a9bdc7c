// The .npz format, and the ZIP archives that a damaged or hostile file may be.
#include "tensor/formats/npy.hpp"

#include "base/files.hpp"
#include "formats_support.hpp"
#include "tensor/zip.hpp"

#include <cstring>

using namespace modelctl;
using namespace modelctl::formats;
using namespace std::string_literals;

namespace {

// numpy.savez_compressed(f, x=numpy.zeros(1000, 'u1'))
const unsigned char compressed[] = {
#include "fixtures/zeros.npz.inc"
};

std::string two() {
  return written(".npz", {{"x", Tensor::of<float>(DType::f32, {2}, {1, 2})},
                          {"group/y", Tensor::scalar<std::int64_t>(DType::i64, 7)}});
}
std::string fault(std::string bytes) { return fault_of(".npz", bytes); }

// Overwrites what stands `offset` bytes into the last place where `magic` is found.
std::string patched(std::string bytes, std::string_view magic, std::size_t offset, std::string_view with) {
  std::size_t at = bytes.rfind(magic);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at + offset, with.size(), with);
}
constexpr std::string_view entry_magic = "PK\x01\x02", end_magic = "PK\x05\x06", local_magic = "PK\x03\x04";

}  // namespace

TEST_CASE("arrays of ml_dtypes' types in a compressed archive are read as the inputs of their names") {
  std::string file = *read_text_file(std::filesystem::path(MODELCTL_TENSOR_FIXTURES) / "ml_dtypes/two.npz");
  auto read = read_as(".npz", file, {expect("x", DType::i4), expect("y", DType::bf16)});
  REQUIRE_MESSAGE(read, (read ? "" : read.error().what));
  CHECK(as_text((*read)[0].tensor.bytes()) == "\xe1\x07");
  CHECK(as_text((*read)[1].tensor.bytes()) == "\x80\x3f\0\xc0\0\x3f"s);
  auto again = read_as(".npz", written(".npz", *read), {expect("x", DType::i4), expect("y", DType::bf16)});
  REQUIRE(again);
  CHECK(same((*again)[0].tensor, (*read)[0].tensor));
}

TEST_CASE("arrays come back under their names, in their order") {
  auto read = read_as(".npz", two());
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].name == "x");
  CHECK((*read)[1].name == "group/y");
  CHECK((*read)[0].tensor.as<float>()[1] == 2);
  CHECK((*read)[1].tensor.as<std::int64_t>()[0] == 7);
}

TEST_CASE("an empty archive contains no tensors") {
  auto read = read_as(".npz", written(".npz", {}));
  REQUIRE(read);
  CHECK(read->empty());
}

TEST_CASE("deflated arrays are unpacked") {
  auto read = read_as(".npz", {reinterpret_cast<const char*>(compressed), sizeof(compressed)});
  REQUIRE(read);
  CHECK((*read)[0].name == "x");
  CHECK(same((*read)[0].tensor, Tensor(DType::u8, {1000})));
}

TEST_CASE("the same arrays are the same bytes") { CHECK(two() == two()); }

TEST_CASE("a file that is not an archive, or is truncated anywhere, is refused") {
  CHECK(fault("") == "it is not a ZIP archive");
  CHECK(fault(std::string(100, 'x')) == "it is not a ZIP archive, or does not end as one");
  std::string whole = two();
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!read_as(".npz", whole.substr(0, size)));
}

TEST_CASE("an altered byte of an archive neither crashes nor creates a larger tensor") {
  std::string whole = two();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string altered = whole;
    altered[i] ^= 0xff;
    auto read = read_as(".npz", altered);
    if (read) CHECK(read->size() <= 2);
  }
}

TEST_CASE("an altered element is found by the checksum") {
  std::string bytes = two();
  bytes[bytes.find("\x00\x00\x80\x3f", 0, 4)] ^= 1;
  CHECK(fault(bytes) == "its entry 'x.npy' is damaged: its checksum does not match");
  std::string packed(reinterpret_cast<const char*>(compressed), sizeof(compressed));
  packed[100] ^= 0x55;
  CHECK(fault(packed).starts_with("its entry 'x.npy' is damaged: "));
}

TEST_CASE("what the directory claims must be there") {
  std::string zero(2, '\0');
  CHECK(fault(patched(two(), end_magic, 10, "\xff\x7f")) == "its directory claims more entries than it has");
  CHECK(fault(patched(two(), end_magic, 10, std::string("\x01\0", 2))) ==
        "its directory has more entries than it claims");
  CHECK(fault(patched(two(), end_magic, 16, "\xff\xff\xff\x7f")) == "its directory is not where it should be");
  CHECK(fault(patched(two(), end_magic, 20, "\x05")) == "its archive has a comment");
  CHECK(fault(patched(two(), entry_magic, 8, "\x01")) == "its entry 'group/y.npy' is encrypted");
  CHECK(fault(patched(two(), entry_magic, 10, "\x63")) ==
        "its entry 'group/y.npy' is packed by method 99; 0 and 8 can be read");
  CHECK(fault(patched(two(), entry_magic, 20, "\xff\xff\xff\x7f")) ==
        "its entry 'group/y.npy' does not lie in the archive");
  CHECK(fault(patched(two(), entry_magic, 24, "\xff\xff\xff\x7f")) ==
        "its entry 'group/y.npy' has two different sizes");
  CHECK(fault(patched(two(), entry_magic, 42, "\xff\xff\xff\x7f")) ==
        "its entry 'group/y.npy' does not lie in the archive");
  CHECK(fault(patched(two(), entry_magic, 46, "G")) == "its entry 'Group/y.npy' is not what the directory says");
  CHECK(fault(patched(two(), local_magic, 0, "XX")) == "its entry 'group/y.npy' does not lie in the archive");
}

TEST_CASE("an extra field that is longer than its place is refused") {
  std::string name = "group/y.npy", extra("\x01\0\xff\xff", 4);
  std::string bytes = two();
  bytes.insert(bytes.rfind(name) + name.size(), extra);
  bytes = patched(bytes, entry_magic, 30, std::string("\x04\0", 2));
  auto directory_size = static_cast<char>(bytes[bytes.rfind(end_magic) + 12] + 4);
  CHECK(fault(patched(bytes, end_magic, 12, std::string(1, directory_size))) == "its directory is damaged");
}

TEST_CASE("a deflated entry that claims more than deflate can give is refused before it is unpacked") {
  std::string packed(reinterpret_cast<const char*>(compressed), sizeof(compressed));
  CHECK(fault(patched(packed, entry_magic, 24, "\xff\xff\xff\x7f")) ==
        "its entry 'x.npy' claims more bytes than it can hold");
  CHECK(fault(patched(packed, entry_magic, 24, std::string("\xff\x10\0\0", 4))) ==
        "its entry 'x.npy' is damaged: it does not unpack");
  CHECK(fault(patched(packed, entry_magic, 24, std::string("\x10\0\0\0", 4))) ==
        "its entry 'x.npy' is damaged: it does not unpack");
}

TEST_CASE("entries twice or of another kind are refused, and a fault within an array names it") {
  Tensor tensor(DType::f32, {1});
  CHECK(fault(written(".npz", {{"x", tensor}, {"x", tensor}})) == "its entry 'x.npy' stands twice");
  ZipWriter zip;
  zip.add("notes.txt", as_bytes("hello"));
  CHECK(fault(std::string(as_text(zip.finish()))) == "its entry 'notes.txt' is not a .npy file");
  ZipWriter broken;
  broken.add("x.npy", as_bytes("hello"));
  auto bytes = broken.finish();
  auto read = read_as(".npz", as_text(bytes));
  REQUIRE(!read);
  CHECK(read.error().what == "cannot read 'file:x.npy'");
}
