// The .npz format: arrays in a ZIP archive. What an archive may be is tested in tests/archive.
#include "tensor/formats/npy.hpp"

#include "base/files.hpp"
#include "formats_support.hpp"
#include "tensor/zip_writer.hpp"

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

// An archive with one entry.
std::string archive_of(std::string_view name, std::string_view content) {
  ZipWriter zip;
  zip.add(name, as_bytes(content));
  return std::string(as_text(zip.finish()));
}

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

TEST_CASE("an archive that cannot be read is reported with the reason, and the text of the library last") {
  CHECK(fault_of(".npz", "") == "it is not a ZIP archive");
  std::string bytes = two();
  bytes[bytes.find("\x00\x00\x80\x3f", 0, 4)] ^= 1;
  auto read = read_as(".npz", bytes);
  REQUIRE(!read);
  CHECK(read.error().what == "cannot read 'file'");
  CHECK(read.error().code == "bad-tensor-file");
  REQUIRE(read.error().why.size() == 1);
  CHECK(read.error().why[0].starts_with("its entry 'x.npy' cannot be unpacked: ZIP bad CRC: "));
}

TEST_CASE("an entry of another kind is refused, and a fault within an array names it") {
  CHECK(fault_of(".npz", archive_of("notes.txt", "hello")) == "its entry 'notes.txt' is not a .npy file");
  auto read = read_as(".npz", archive_of("x.npy", "hello"));
  REQUIRE(!read);
  CHECK(read.error().what == "cannot read 'file:x.npy'");
}

TEST_CASE("names of arrays are not paths: any is read, and none leads to a file") {
  Tensor one = Tensor::scalar<float>(DType::f32, 1);
  for (const char* name : {"/model/Add_output_0", "../../up", "größe"}) {
    auto read = read_as(".npz", written(".npz", {{name, one}}));
    REQUIRE(read);
    CHECK(read->front().name == name);
  }
}

TEST_CASE("a name that is not UTF-8 is refused: no other format could write it") {
  std::string bytes = archive_of("x.npy", "");
  bytes[bytes.find("x.npy")] = '\xf3';
  for (std::size_t flags : {std::size_t{6}, bytes.find("PK\x01\x02") + 8}) bytes[flags + 1] = 0;  // not marked as UTF-8
  CHECK(fault_of(".npz", bytes) == "the name of its entry '\uFFFD.npy' is not UTF-8");
}

TEST_CASE("reading stops between arrays and within one when that is requested") {
  struct Stopped final : Interrupt {
    bool requested() const override { return true; }
  } stopped;
  std::string bytes = two();
  auto read = (*format_of("x.npz"))->read({as_bytes(bytes), "file", {}, nullptr, {.stop = &stopped}});
  REQUIRE(!read);
  CHECK(read.error().kind == Kind::interrupted);
}
