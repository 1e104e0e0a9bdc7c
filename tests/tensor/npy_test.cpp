// The .npy format, byte by byte as NumPy writes it.
#include "tensor/formats/npy.hpp"

#include "base/files.hpp"
#include "formats_support.hpp"
#include "tensor/half.hpp"

#include <fmt/format.h>

using namespace modelctl;
using namespace modelctl::formats;
using namespace std::string_literals;

namespace {

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY" + std::string(1, static_cast<char>(version)) + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header.size() >> 8 * i & 255);
  return bytes + header + data;
}
std::string dict(const std::string& descr, const std::string& shape, const char* fortran_order = "False") {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, fortran_order, shape);
}
// A file that numpy.save wrote of an array of ml_dtypes.
std::string fixture(const std::string& name) {
  return *read_text_file(std::filesystem::path(MODELCTL_TENSOR_FIXTURES) / "ml_dtypes" / name);
}
Tensor read(const std::string& bytes, std::vector<Expected> expected = {}) {
  return tensor_of(".npy", bytes, std::move(expected));
}
std::string fault(const std::string& bytes, std::vector<Expected> expected = {}) {
  return fault_of(".npy", bytes, std::move(expected));
}

}  // namespace

TEST_CASE("an array is written as numpy writes it, byte for byte") {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  std::string file = "\x93NUMPY\x01\x00\x76\x00"s + header + std::string(117 - header.size(), ' ') + "\n";
  for (float value : {1.f, 2.f, 3.f, 4.f, 5.f, 6.f}) file.append(reinterpret_cast<const char*>(&value), 4);
  CHECK(written(".npy", {{"", Tensor::of<float>(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6})}}) == file);

  header = "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }";
  file = "\x93NUMPY\x01\x00\x76\x00"s + header + std::string(117 - header.size(), ' ') + "\n\x01";
  CHECK(written(".npy", {{"", Tensor::of<bool>(DType::boolean, {1}, {true})}}) == file);

  header = "{'descr': '<i8', 'fortran_order': False, 'shape': (), }";
  file = "\x93NUMPY\x01\x00\x76\x00"s + header + std::string(117 - header.size(), ' ') + "\n\x05\0\0\0\0\0\0\0"s;
  CHECK(written(".npy", {{"", Tensor::scalar<std::int64_t>(DType::i64, 5)}}) == file);
}

TEST_CASE("every type that numpy has comes back as it was written") {
  auto round_trip = [](const Tensor& tensor) {
    auto bytes = write_npy(tensor);
    REQUIRE(bytes);
    auto back = read_npy(*bytes, nullptr, "file");
    REQUIRE(back);
    CHECK(same(*back, tensor));
  };
  for (DType type : {DType::f16, DType::f32, DType::f64, DType::i8, DType::i16, DType::i32, DType::i64, DType::u8,
                     DType::u16, DType::u32, DType::u64, DType::boolean, DType::c64, DType::c128}) {
    Tensor tensor(type, {2, 3});
    auto* bytes = static_cast<std::uint8_t*>(tensor.mutable_view().data);
    for (std::size_t i = 0; i < tensor.bytes().size(); ++i) bytes[i] = type == DType::boolean ? i % 2 : i + 1;
    round_trip(tensor);
    round_trip(Tensor(type, {}));
    round_trip(Tensor(type, {0, 3}));
  }
  round_trip(Tensor::of_strings({2, 2}, {"", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "inner \0 zero"s}));
}

TEST_CASE("types that NumPy does not have are raw bytes, interpreted by the expected type") {
  Tensor tensor(DType::bf16, {2});
  tensor.mutable_view().as<BFloat16>()[1] = BFloat16(1.5f);
  std::string bytes = written(".npy", {{"", tensor}});
  CHECK(same(read(bytes, {expect("x", DType::bf16)}), tensor));
  auto refused = read_as(".npy", bytes);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::unsupported);
  CHECK(refused.error().what == "cannot read 'file': its element type '<V2' is raw bytes of an unknown type");
}

// What numpy.save wrote of [[a, b, c], [d, a, b]] in each type of ml_dtypes; {1, -8, 7, -1} in int4, for example.
TEST_CASE("files of ml_dtypes' types are read as the type of the model's input, and written as they were") {
  struct File {
    const char* name;
    DType type;
    std::string bytes;  // of the tensor
  };
  const File files[] = {
      {"bfloat16", DType::bf16, "\x80\x3f\0\xc0\0\x3f\x40\x40\x80\x3f\0\xc0"s},
      {"float8_e4m3fn", DType::f8e4m3fn, "\x38\xc0\x30\x7e\x38\xc0"},
      {"float8_e4m3fnuz", DType::f8e4m3fnuz, "\x40\xc8\x38\x7f\x40\xc8"},
      {"float8_e5m2", DType::f8e5m2, "\x3c\xc0\x38\x7b\x3c\xc0"},
      {"float8_e5m2fnuz", DType::f8e5m2fnuz, "\x40\xc4\x3c\x7f\x40\xc4"},
      {"float8_e8m0fnu", DType::f8e8m0, "\x7f\x80\x7e\x81\x7f\x80"},
      {"float4_e2m1fn", DType::f4e2m1, "\xc2\x71\xc2"},
      {"int4", DType::i4, "\x81\xf7\x81"},
      {"uint4", DType::u4, "\x81\x0f\x81"},
      {"int2", DType::i2, "\x39\x09"},
      {"uint2", DType::u2, "\x39\x09"},
  };
  for (const File& file : files) {
    INFO(file.name);
    std::string bytes = fixture(file.name + ".npy"s);
    Tensor tensor = read(bytes, {expect("x", file.type)});
    CHECK(tensor.type() == file.type);
    CHECK(tensor.dims() == Dims{2, 3});
    CHECK(as_text(tensor.bytes()) == file.bytes);
    // numpy.load does not understand what numpy.save writes of float8_e5m2.
    if (std::size_t odd = bytes.find("<f1"); odd != std::string::npos) bytes.replace(odd, 3, "<V1");
    CHECK(written(".npy", {{"", tensor}}) == bytes);
    CHECK(same(read(bytes, {expect("x", file.type)}), tensor));
  }
  CHECK(read(fixture("float8_e5m2.npy")).type() == DType::f8e5m2);
  CHECK(as_text(read(fixture("fortran_int4.npy"), {expect("x", DType::i4)}).bytes()) == "\x21\x43");
}

TEST_CASE("raw bytes of a width that the expected type does not have, or with bits beyond it, are refused") {
  CHECK(fault(npy(dict("<V1", "(2,)"), "\x07\x10"), {expect("x", DType::i4)}) ==
        "element 1 is 16, which is not of type i4");
  CHECK(fault(npy(dict("<V2", "(1,)"), "\x07\x10"), {expect("x", DType::i4)}) ==
        "cannot read 'file': its element type '<V2' is raw bytes that cannot be i4");
  CHECK(fault(npy(dict("<V4", "(1,)"), "abcd"), {expect("x", DType::f32)}) ==
        "cannot read 'file': its element type '<V4' is raw bytes that cannot be f32");
  CHECK(fault(npy(dict("<V0", "(1,)"), ""), {expect("x", DType::string)}) ==
        "cannot read 'file': its element type '<V0' is raw bytes that cannot be string");
}

TEST_CASE("big-endian elements are byte-swapped") {
  CHECK(read(npy(dict(">i2", "(2,)"), "\x01\x02\x03\x04")).as<std::int16_t>()[0] == 0x0102);
  CHECK(read(npy(dict(">f4", "()"), "\x3f\x80\0\0"s)).as<float>()[0] == 1.0f);
  Tensor complex = read(npy(dict(">c8", "(1,)"), "\x3f\x80\0\0\x40\0\0\0"s));
  CHECK(static_cast<const float*>(complex.view().data)[0] == 1.0f);
  CHECK(static_cast<const float*>(complex.view().data)[1] == 2.0f);
  CHECK(read(npy(dict(">U1", "()"), "\0\0\x20\xac"s)).as<std::string>()[0] == "\xe2\x82\xac");
}

TEST_CASE("Fortran order is converted to C order") {
  Tensor tensor = read(npy(dict("|u1", "(2, 3)", "True"), "\x01\x04\x02\x05\x03\x06"));
  CHECK(same(tensor, Tensor::of<std::uint8_t>(DType::u8, {2, 3}, {1, 2, 3, 4, 5, 6})));
  tensor = read(npy(dict(">u2", "(2, 1, 2)", "True"), "\0\x01\0\x03\0\x02\0\x04"s));
  CHECK(same(tensor, Tensor::of<std::uint16_t>(DType::u16, {2, 1, 2}, {1, 2, 3, 4})));
  CHECK(read(npy(dict("<f4", "(0, 4611686018427387904)", "True"), "")).elements() == 0);
}

TEST_CASE("text is padded with zeros, which are not part of it") {
  CHECK(read(npy(dict("|S3", "(2,)"), "ab\0xyz"s)).as<std::string>()[0] == "ab");
  CHECK(read(npy(dict("<U2", "(1,)"), "a\0\0\0\0\0\0\0"s)).as<std::string>()[0] == "a");
  CHECK(read(npy(dict("<U0", "(2,)"), "")).elements() == 2);
}

TEST_CASE("the versions 2.0 and 3.0 have a longer header, and the keys may come in any order") {
  CHECK(read(npy(dict("|u1", "(1,)"), "\x07", 2)).as<std::uint8_t>()[0] == 7);
  CHECK(read(npy("{\"shape\": (1L), 'fortran_order':False,'descr':'|u1'}", "\x07", 3)).dims() == Dims{1});
}

TEST_CASE("a file that is not .npy, or is truncated, is refused") {
  CHECK(fault("") == "it does not begin like a .npy file");
  CHECK(fault("\x93NUMPX\x01") == "it does not begin like a .npy file");
  CHECK(fault("\x93NUMPY\x01") == "it ends within its header");
  CHECK(fault("\x93NUMPY\x01\0\xff\xff{"s) == "it ends within its header");
  CHECK(fault("\x93NUMPY\x04\0\x01\0\0\0{"s) == "it is of format version 4.0; 1.0, 2.0 and 3.0 can be read");
  CHECK(fault(npy(std::string(20'000, ' '), "")) == "its header is larger than 10000 bytes");
  CHECK(fault(npy(dict("<f4", "(2, 3)"), std::string(20, 'x'))) ==
        "its shape f32[2,3] takes 24 bytes, and 20 follow its header");
  CHECK(fault(npy(dict("<f4", "(1,)"), std::string(7, 'x'))) == "3 bytes follow the last element");
}

TEST_CASE("a claim of more elements than any memory holds is refused before anything is allocated") {
  CHECK(fault(npy(dict("<f4", "(4611686018427387904,)"), "")) ==
        "its shape f32[4611686018427387904] exceeds any memory");
  CHECK(fault(npy(dict("<f4", "(4294967296, 4294967296, 4294967296)"), "")) ==
        "its shape f32[4294967296,4294967296,4294967296] exceeds any memory");
  CHECK(fault(npy(dict("<f4", "(99999999999999999999,)"), "")) == "'shape' in its header has a size beyond 2^63");
  CHECK(fault(npy(dict("<U0", "(4611686018427387904,)"), "")) ==
        "its shape string[4611686018427387904] exceeds any memory");
  CHECK(fault(npy(dict("<U9999999", "(4611686018427387904,)"), "")) ==
        "its shape string[4611686018427387904] exceeds any memory");
}

TEST_CASE("a header that is not a dictionary of the three keys is refused") {
  CHECK(fault(npy("", "")) == "its header is not a Python dictionary");
  CHECK(fault(npy("{'descr' '<f4'}", "")) == "its header is not a Python dictionary");
  CHECK(fault(npy("{'descr': '<f4', 'shape': ()}", "")) == "its header has no 'fortran_order'");
  CHECK(fault(npy("{'descr': '<f4', 'descr': '<f4'}", "")) == "its header has the key 'descr' twice");
  CHECK(fault(npy("{'color': 'red'}", "")) == "its header has the unknown key 'color'");
  CHECK(fault(npy(dict("<f4", "()") + "import os", "")) == "its header has something after the dictionary");
  CHECK(fault(npy(dict("<f4", "()", "1"), "")) == "'fortran_order' in its header is neither True nor False");
  for (const char* shape : {"3", "(3", "(-1,)", "(a,)", "(3 4)", "[3]"}) {
    CHECK(fault(npy(dict("<f4", shape), "")) == "'shape' in its header is not a tuple of sizes");
  }
  CHECK(fault(npy(dict("<f4", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"), "1234")) == "it has more than 16 dimensions");
  CHECK(fault(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", "")) ==
        "it is a structured array; only arrays of one plain type are tensors");
}

TEST_CASE("element types that no tensor has are refused, and Python objects above all") {
  CHECK(fault(npy(dict("|O", "(1,)"), "12345678")) ==
        "cannot read 'file': its element type '|O' means Python objects, which cannot be read without running code");
  for (const char* descr : {"<M8[s]", "<f16", "<f3", "f4", "<f", "<x4", "<", ""}) {
    CHECK(fault(npy(dict(descr, "()"), "12345678")) ==
          fmt::format("cannot read 'file': its element type '{}' is not supported", descr));
  }
}

TEST_CASE("elements that are not a value of their type are refused") {
  CHECK(fault(npy(dict("|b1", "(2,)"), "\x01\x02")) == "element 1 is 2, which is not a bool");
  CHECK(fault(npy(dict("<U1", "(2,)"), "a\0\0\0\0\xd8\0\0"s)) == "the text of element 1 is not Unicode");
  CHECK(fault(npy(dict("|S1", "(1,)"), "\xff")) == "the text of element 0 is not Unicode");
}

TEST_CASE("text that is not UTF-8 is not written") {
  CHECK(written(".npy", {{"", Tensor::of_strings({1}, {"\xff"})}}) ==
        "cannot write a string that is not UTF-8 to a .npy file");
}
