// The .wav format, byte by byte as the specification has it.
#include "base/bytes.hpp"
#include "formats_support.hpp"
#include "tensor/half.hpp"

#include <fmt/format.h>

using namespace modelctl;
using namespace modelctl::formats;
using namespace std::string_literals;

namespace {

template <class... T>
std::string little(T... values) {
  ByteWriter writer;
  (writer.number(values), ...);
  return std::string(as_text(writer.bytes()));
}

std::string chunk(const std::string& name, const std::string& content) {
  return name + little(static_cast<std::uint32_t>(content.size())) + content + std::string(content.size() % 2, '\0');
}

struct Form {
  std::uint16_t encoding = 1, channels = 1, bits = 16;
  std::uint32_t rate = 8000;
};

std::string header(const Form& form) {
  auto frame = static_cast<std::uint16_t>(form.channels * form.bits / 8);
  return little(form.encoding, form.channels, form.rate, form.rate * frame, frame, form.bits);
}

std::string riff(const std::string& chunks) { return chunk("RIFF", "WAVE" + chunks); }
std::string wav(const Form& form, const std::string& data) {
  return riff(chunk("fmt ", header(form)) + chunk("data", data));
}

std::vector<Expected> input(DType type, std::optional<Dims> dims = Dims{-1, -1}) { return {expect("x", type, dims)}; }

template <class T>
std::vector<T> values_of(const std::string& file, std::vector<Expected> expected) {
  Tensor tensor = tensor_of(".wav", file, std::move(expected));
  auto values = tensor.view().as<T>();
  return {values.begin(), values.end()};
}

std::string fault(const std::string& file, std::vector<Expected> expected = input(DType::f32)) {
  return fault_of(".wav", file, std::move(expected));
}

}  // namespace

TEST_CASE("integers of every width become floats from -1 to 1") {
  std::vector<float> ends{-1, 0, 0.5};
  CHECK(values_of<float>(wav({.bits = 8}, "\x00\x80\xc0"s), input(DType::f32)) == ends);
  CHECK(values_of<float>(
            wav({.bits = 16}, little<std::int16_t>(-32768) + little<std::int16_t>(0) + little<std::int16_t>(16384)),
            input(DType::f32)) == ends);
  CHECK(values_of<float>(wav({.bits = 24}, "\x00\x00\x80\x00\x00\x00\x00\x00\x40"s), input(DType::f32)) == ends);
  CHECK(
      values_of<float>(wav({.bits = 32}, little(std::int32_t(-2147483647 - 1), std::int32_t(0), std::int32_t(1 << 30))),
                       input(DType::f32)) == ends);
}

TEST_CASE("floats stay as they are, also beyond 1") {
  CHECK(values_of<float>(wav({.encoding = 3, .bits = 32}, little(-1.5f, 0.25f)), input(DType::f32)) ==
        std::vector<float>{-1.5f, 0.25f});
  CHECK(values_of<double>(wav({.encoding = 3, .bits = 64}, little(0.1, 2.0)), input(DType::f64)) ==
        std::vector<double>{0.1, 2.0});
}

TEST_CASE("an input of half precision gets the nearest value") {
  Tensor tensor = tensor_of(".wav", wav({}, little<std::int16_t>(16384)), input(DType::f16));
  CHECK(static_cast<float>(tensor.view().as<Half>()[0]) == 0.5f);
}

TEST_CASE("integers of more bits get the same sound, and those of fewer are refused") {
  CHECK(values_of<std::int16_t>(wav({}, little(std::int16_t(-5), std::int16_t(7))), input(DType::i16)) ==
        std::vector<std::int16_t>{-5, 7});
  CHECK(values_of<std::int32_t>(wav({}, little(std::int16_t(-5))), input(DType::i32)) == std::vector{-5 * 65536});
  CHECK(values_of<std::int16_t>(wav({.bits = 8}, "\x00\xff"s), input(DType::i16)) ==
        std::vector<std::int16_t>{-32768, 127 * 256});
  CHECK(values_of<std::uint8_t>(wav({.bits = 8}, "\x00\xff"s), input(DType::u8)) == std::vector<std::uint8_t>{0, 255});
  CHECK(fault(wav({.bits = 24}, "\1\2\3"s), input(DType::i16)) ==
        "cannot use 'file' as 'x': its samples are integers of 24 bits, but the model expects i16[?,?]");
  CHECK(fault(wav({.encoding = 3, .bits = 32}, little(0.5f)), input(DType::i16)) ==
        "cannot use 'file' as 'x': its samples are floats of 32 bits, but the model expects i16[?,?]");
  CHECK(fault(wav({}, little(std::int16_t(1))), input(DType::i64)).starts_with("cannot use"));
  CHECK(fault(wav({}, little(std::int16_t(1))), input(DType::string)).starts_with("cannot use"));
}

TEST_CASE("without a model the samples have the file's own type, one channel per row") {
  Tensor mono = tensor_of(".wav", wav({}, little(std::int16_t(1), std::int16_t(2))));
  CHECK(mono.type() == DType::i16);
  CHECK(mono.dims() == Dims{2});
  Tensor stereo = tensor_of(".wav", wav({.channels = 2, .bits = 8}, "\1\2\3\4\5\6"s));
  CHECK(stereo.type() == DType::u8);
  CHECK(stereo.dims() == Dims{2, 3});
}

TEST_CASE("the input's rank decides the shape") {
  std::string mono = wav({}, little(std::int16_t(1), std::int16_t(2), std::int16_t(3)));
  CHECK(tensor_of(".wav", mono, input(DType::i16, Dims{-1})).dims() == Dims{3});
  CHECK(tensor_of(".wav", mono, input(DType::i16, Dims{-1, -1})).dims() == Dims{1, 3});
  CHECK(tensor_of(".wav", mono, input(DType::i16, Dims{-1, 1, -1})).dims() == Dims{1, 1, 3});
  CHECK(tensor_of(".wav", mono, input(DType::i16, Dims{-1, 3, 1})).dims() == Dims{1, 3, 1});
}

TEST_CASE("channels are first, or last if the model's sizes permit nothing else") {
  std::string stereo = wav({.channels = 2}, little(std::int16_t(1), std::int16_t(10), std::int16_t(2), std::int16_t(20),
                                                   std::int16_t(3), std::int16_t(30)));
  CHECK(values_of<std::int16_t>(stereo, input(DType::i16, Dims{-1, 2, -1})) ==
        std::vector<std::int16_t>{1, 2, 3, 10, 20, 30});
  CHECK(values_of<std::int16_t>(stereo, input(DType::i16, Dims{-1, 3, 2})) ==
        std::vector<std::int16_t>{1, 10, 2, 20, 3, 30});
}

TEST_CASE("channels are not mixed") {
  std::string stereo = wav({.channels = 2}, little(std::int16_t(1), std::int16_t(10)));
  CHECK(fault(stereo) == "cannot use 'file' as 'x': it has 2 channels, but the model expects f32[?,?]");
  CHECK(fault(stereo, input(DType::f32, Dims{-1, 1, -1})).find("2 channels") != std::string::npos);
}

TEST_CASE("the extensible form and chunks without a meaning for models are read") {
  std::string guid = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"s;
  std::string extension = little(std::uint16_t(22), std::uint16_t(16), std::uint32_t(4), std::uint16_t(1)) + guid;
  std::string file = riff(chunk("LIST", "INFO!") + chunk("fmt ", header({.encoding = 0xfffe}) + extension) +
                          chunk("data", little(std::int16_t(9))) + chunk("id3 ", "x"));
  CHECK(values_of<std::int16_t>(file, input(DType::i16)) == std::vector<std::int16_t>{9});
  extension.back() = 'x';
  CHECK(fault(riff(chunk("fmt ", header({.encoding = 0xfffe}) + extension) + chunk("data", "12"))) ==
        "its encoding is not known");
}

TEST_CASE("the rate of another sound than the model's is warned of") {
  std::string file = wav({.rate = 44100}, little(std::int16_t(1)));
  std::string warning, note;
  ReadOptions options;
  options.warn = [&](const Error& error) { warning = error.what; };
  options.note = [&](const std::string& text) { note = text; };
  options.sample_rate = 16000;
  auto expected = input(DType::i16);
  REQUIRE((*format_of("x.wav"))->read({as_bytes(file), "a.wav", expected, &expected.front(), options}));
  CHECK(warning == "'a.wav' has 44100 samples per second, but the model expects 16000");
  CHECK(note == "read 'a.wav': 44100 samples per second of 16 bits, 1 channel, 0.000 s");
}

TEST_CASE("what is not sound, is compressed or says too much of itself is refused") {
  std::string two = little(std::int16_t(1), std::int16_t(2));
  CHECK(fault("") == "it is not a WAVE file");
  CHECK(fault("RIFX\4\0\0\0WAVE"s) == "it is RIFX: only RIFF is read");
  CHECK(fault(riff("")) == "it has no samples");
  CHECK(fault(wav({}, "")) == "it has no samples");
  CHECK(fault(wav({}, two + "x")) == "its last sample is cut off");
  CHECK(fault(wav({}, two) + "x") ==
        "its header states 48 bytes, but it has 49: it is cut off, or was written to a pipe");
  CHECK(fault(wav({}, two).substr(0, 46)).starts_with("its header states 48 bytes"));
  CHECK(fault(riff(chunk("fmt ", header({})) + "data" + little(std::uint32_t(0x7ffff000)) + two)) ==
        "a chunk is longer than the file");
  CHECK(fault(riff(chunk("data", two))) == "the description of its samples is missing");
  CHECK(fault(riff(chunk("fmt ", "\1\0"s) + chunk("data", two))) == "the description of its samples is cut off");
  CHECK(fault(riff(chunk("fmt ", header({})) + chunk("fmt ", header({})))) == "the chunk 'fmt ' stands twice");
  CHECK(fault(wav({.encoding = 7, .bits = 8}, two)) == "it is compressed: only PCM and floats are read");
  CHECK(fault(wav({.encoding = 85}, two)) == "its encoding is 85: only PCM and floats are read");
  CHECK(fault(wav({.bits = 12}, two)) == "it has integers of 12 bits");
  CHECK(fault(wav({.encoding = 3, .bits = 16}, two)) == "it has floats of 16 bits");
  CHECK(fault(wav({.channels = 0}, two)) == "it has no channels");
  CHECK(fault(wav({.rate = 0}, two)) == "it has no sample rate");
  std::string frame = header({});
  frame[12] = 3;
  CHECK(fault(riff(chunk("fmt ", frame) + chunk("data", two))) == "1 samples of 16 bits do not take 3 bytes");
}
