// .wav: sound as PCM or floats in RIFF/WAVE. The reference is Microsoft's "Multiple Channel Audio Data and WAVE Files",
// which defines WAVE_FORMAT_EXTENSIBLE on top of "Multimedia Programming Interface and Data Specifications 1.0".
//
// The file's samples fill the whole range of their type, so they are scaled to the range of the input's type: floats
// get -1 to 1, integers of more bits get zeros below. A sample of 8 bits is unsigned in the file, all others are
// signed. Channels are never mixed and samples never resampled: how that is done is a decision of whoever trained the
// model.
//
// Smallest runner: full, since the smaller ones are within a few KB of what they may take.
#include "tensor/dispatch.hpp"
#include "tensor/formats.hpp"

#include <fmt/format.h>

#include <cmath>

namespace modelctl::formats {
namespace {

enum Encoding : std::uint16_t { pcm = 1, ieee_float = 3, a_law = 6, mu_law = 7, extensible = 0xfffe };

struct Sound {
  std::uint16_t encoding = 0;
  std::uint16_t channels = 0;
  std::uint32_t rate = 0;  // of each channel, per second
  std::uint16_t bits = 0;  // of each sample, padding included
  ByteSpan data;           // interleaved

  std::int64_t bytes() const { return bits / 8; }
  std::int64_t frames() const { return static_cast<std::int64_t>(data.size()) / (bytes() * channels); }
};

// The reason why it is refused; empty if it is not.
std::string read_header(ByteSpan chunk, Sound& sound) {
  // The GUID of a subformat is the 16 bits of the encoding and this.
  constexpr std::string_view guid("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", 14);
  ByteReader reader(chunk);
  sound.encoding = reader.number<std::uint16_t>();
  sound.channels = reader.number<std::uint16_t>();
  sound.rate = reader.u32();
  reader.u32();  // bytes per second, which follow from the others
  auto frame = reader.number<std::uint16_t>();
  sound.bits = reader.number<std::uint16_t>();
  if (sound.encoding == extensible) {
    reader.take(2 + 2 + 4);  // size of the extension, valid bits (the high ones), positions of the loudspeakers
    sound.encoding = reader.number<std::uint16_t>();
    if (as_text(reader.take(guid.size())) != guid) return "its encoding is not known";
  }
  if (reader.failed()) return "the description of its samples is cut off";
  if (sound.encoding == a_law || sound.encoding == mu_law) return "it is compressed: only PCM and floats are read";
  if (sound.encoding != pcm && sound.encoding != ieee_float)
    return fmt::format("its encoding is {}: only PCM and floats are read", sound.encoding);
  bool is_known = sound.encoding == pcm ? sound.bits == 8 || sound.bits == 16 || sound.bits == 24 || sound.bits == 32
                                        : sound.bits == 32 || sound.bits == 64;
  if (!is_known) {
    return fmt::format("it has {} of {} bits", sound.encoding == pcm ? "integers" : "floats", sound.bits);
  }
  if (sound.channels == 0) return "it has no channels";
  if (sound.rate == 0) return "it has no sample rate";
  if (frame != sound.channels * sound.bytes())
    return fmt::format("{} samples of {} bits do not take {} bytes", sound.channels, sound.bits, frame);
  return "";
}

// The chunks that have no meaning for a model, such as titles, are skipped. Programs that write to a pipe leave sizes
// that are too large, because they cannot go back to correct them: such a file is not told from one that is cut off.
std::string parse(ByteSpan file, Sound& sound) {
  ByteReader reader(file);
  std::string_view riff = as_text(reader.take(4));
  if (riff == "RF64" || riff == "RIFX") return fmt::format("it is {}: only RIFF is read", riff);
  std::uint32_t size = reader.u32();
  std::string_view wave = as_text(reader.take(4));
  if (reader.failed() || riff != "RIFF" || wave != "WAVE") return "it is not a WAVE file";
  if (size != file.size() - 8) {
    return fmt::format("its header states {} bytes, but it has {}: it is cut off, or was written to a pipe",
                       std::uint64_t{size} + 8, file.size());
  }
  bool has_header = false, has_data = false;
  while (reader.left() > 0) {
    std::string_view name = as_text(reader.take(4));
    std::uint32_t length = reader.u32();
    ByteSpan chunk = reader.take(length);
    if (length % 2 != 0 && reader.left() > 0) reader.take(1);  // chunks begin at even places
    if (reader.failed()) return "a chunk is longer than the file";
    if ((name == "fmt " && has_header) || (name == "data" && has_data))
      return fmt::format("the chunk '{}' stands twice", name);
    if (name == "fmt ") {
      has_header = true;
      if (std::string reason = read_header(chunk, sound); !reason.empty()) return reason;
    } else if (name == "data") {
      if (!has_header) return "the description of its samples is missing";
      has_data = true;
      sound.data = chunk;
    }
  }
  if (!has_data || sound.data.empty()) return "it has no samples";
  if (static_cast<std::int64_t>(sound.data.size()) % (sound.bytes() * sound.channels) != 0)
    return "its last sample is cut off";
  return "";
}

// What the samples are without a model.
DType own_type(const Sound& sound) {
  if (sound.encoding == ieee_float) return sound.bits == 32 ? DType::f32 : DType::f64;
  return sound.bits == 8 ? DType::u8 : sound.bits == 16 ? DType::i16 : DType::i32;
}

// Whether every sample has a value in the type: in integers only if those have as many bits.
bool fits(const Sound& sound, DType type) {
  bool is_signed = type == DType::i8 || type == DType::i16 || type == DType::i32;
  if (is_float(type)) return bits(type) >= 16;
  if (sound.encoding == ieee_float) return false;
  return type == DType::u8 ? sound.bits == 8 : is_signed && bits(type) >= sound.bits;
}

// A sample as an integer of 32 bits that fills its range.
std::int32_t integer_at(const Sound& sound, std::size_t at) {
  const std::byte* bytes = sound.data.data() + at;
  std::uint32_t value = 0;
  for (std::int64_t i = 0; i < sound.bytes(); ++i)
    value |= std::to_integer<std::uint32_t>(bytes[i]) << (32 - sound.bits + 8 * i);
  if (sound.bits == 8) value ^= 0x80000000u;
  return static_cast<std::int32_t>(value);
}

double float_at(const Sound& sound, std::size_t at) {
  if (sound.encoding == pcm) return std::ldexp(integer_at(sound, at), -31);
  ByteReader reader(sound.data.subspan(at));
  return sound.bits == 32 ? static_cast<double>(reader.number<float>()) : reader.number<double>();
}

// One channel after the other, or interleaved as in the file.
Tensor decode(const Sound& sound, DType type, Dims dims, bool interleaved) {
  Tensor tensor(type, std::move(dims));
  auto fill = [&]<class T>(auto value_at) {
    auto values = tensor.mutable_view().as<T>();
    auto channels = static_cast<std::size_t>(sound.channels), frames = static_cast<std::size_t>(sound.frames());
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::size_t channel = interleaved ? i % channels : i / frames, frame = interleaved ? i / channels : i % frames;
      values[i] = value_at((frame * channels + channel) * static_cast<std::size_t>(sound.bytes()));
    }
  };
  bool done = with_type<Floats>(type, [&]<class T>() {
    fill.template operator()<T>(
        [&](std::size_t at) { return static_cast<T>(static_cast<compute_t<T>>(float_at(sound, at))); });
  });
  done = done || with_type<TypeList<std::int8_t, std::int16_t, std::int32_t>>(type, [&]<class T>() {
           fill.template operator()<T>(
               [&](std::size_t at) { return static_cast<T>(integer_at(sound, at) >> (32 - 8 * sizeof(T))); });
         });
  if (!done)
    fill.template operator()<std::uint8_t>(
        [&](std::size_t at) { return std::to_integer<std::uint8_t>(sound.data[at]); });
  return tensor;
}

// [samples], [batch, samples], [batch, channels, samples], or [batch, samples, channels] if only that is possible. No
// value if the input has another rank, or another number of channels.
std::optional<Dims> shape_for(const Sound& sound, const std::optional<Dims>& input, bool& interleaved) {
  std::int64_t channels = sound.channels, frames = sound.frames();
  if (!input) return channels == 1 ? Dims{frames} : Dims{channels, frames};
  auto can_be = [&](std::size_t axis, std::int64_t size) { return (*input)[axis] < 0 || (*input)[axis] == size; };
  if (input->size() == 1 && channels == 1) return Dims{frames};
  if (input->size() == 2 && channels == 1) return Dims{1, frames};
  if (input->size() != 3) return std::nullopt;
  if (can_be(1, channels)) return Dims{1, channels, frames};
  interleaved = can_be(1, frames) && (*input)[2] == channels;
  return interleaved ? std::optional(Dims{1, frames, channels}) : std::nullopt;
}

std::string description(const Sound& sound) {
  return fmt::format("{} samples per second of {} bits, {} channel{}, {:.3f} s", sound.rate, sound.bits, sound.channels,
                     sound.channels == 1 ? "" : "s", static_cast<double>(sound.frames()) / sound.rate);
}

Error unusable(const Source& source, const Expected& input, std::string reason) {
  return Error(Kind::bad_input, "wrong-sound",
               fmt::format("cannot use '{}' as '{}': {}, but the model expects {}", source.where, input.name, reason,
                           describe(input)))
      .at(std::string(source.where));
}

Result<std::vector<NamedTensor>> read(const Source& source) {
  Sound sound;
  if (std::string reason = parse(source.bytes, sound); !reason.empty()) return unreadable(source.where, reason);
  const Expected any, *input = source.find("");
  if (input == nullptr) input = &any;
  DType type = input->type == DType::undefined ? own_type(sound) : input->type;
  bool interleaved = false;
  auto dims = shape_for(sound, input->dims, interleaved);
  if (!dims) {
    return unusable(source, *input, fmt::format("it has {} channel{}", sound.channels, sound.channels == 1 ? "" : "s"))
        .help("mix the channels down or take one of them: ffmpeg -i IN.wav -ac 1 OUT.wav");
  }
  if (!fits(sound, type)) {
    return unusable(
               source, *input,
               fmt::format("its samples are {} of {} bits", sound.encoding == pcm ? "integers" : "floats", sound.bits))
        .help("write it with samples that the type can hold: ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav");
  }
  const ReadOptions& options = source.options;
  if (options.note) options.note(fmt::format("read '{}': {}", source.where, description(sound)));
  if (options.warn && options.sample_rate != 0 && options.sample_rate != sound.rate) {
    options.warn(Error(Kind::bad_input, "sample-rate",
                       fmt::format("'{}' has {} samples per second, but the model expects {}", source.where, sound.rate,
                                   options.sample_rate))
                     .help(fmt::format("convert it: ffmpeg -i IN.wav -ar {} OUT.wav", options.sample_rate)));
  }
  std::vector<NamedTensor> tensors;
  tensors.push_back({"", decode(sound, type, std::move(*dims), interleaved)});
  return tensors;
}

}  // namespace

std::span<const Format> wav_format() {
  static constexpr Format table[] = {
      {".wav", "sound: PCM or floats", false, read, nullptr,
       [](std::string_view content) {
         return content.starts_with("RIFF") &&
                content.substr(std::min<std::size_t>(content.size(), 8)).starts_with("WAVE");
       },
       "audio/wav"}};
  return table;
}

}  // namespace modelctl::formats
