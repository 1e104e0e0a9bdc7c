// JPEG 2000, by OpenJPEG: files with boxes (JP2) and raw code streams (J2K) of one to four components, whose chroma may
// be subsampled. OpenJPEG reports errors by return values, so no jump is needed; its messages are not printed.
#include "images/images.hpp"

#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace modelctl::images {
namespace {

struct Source {
  ByteSpan file;
  std::size_t at = 0;
};

// OpenJPEG's stream callbacks over memory. -1 means the end of the file.
OPJ_SIZE_T read(void* to, OPJ_SIZE_T bytes, void* user) {
  auto* source = static_cast<Source*>(user);
  std::size_t count = std::min(bytes, source->file.size() - source->at);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(to, source->file.data() + source->at, count);
  source->at += count;
  return count;
}
OPJ_OFF_T skip(OPJ_OFF_T bytes, void* user) {
  auto* source = static_cast<Source*>(user);
  if (bytes < 0) return -1;
  source->at += std::min(static_cast<std::size_t>(bytes), source->file.size() - source->at);
  return bytes;
}
OPJ_BOOL seek(OPJ_OFF_T at, void* user) {
  auto* source = static_cast<Source*>(user);
  if (at < 0 || static_cast<std::size_t>(at) > source->file.size()) return OPJ_FALSE;
  source->at = static_cast<std::size_t>(at);
  return OPJ_TRUE;
}
void ignore(const char*, void*) {}

// The signature box of JP2 (ISO/IEC 15444-1, annex I); a raw code stream starts with SOC and SIZ markers.
bool boxed(ByteSpan file) {
  using namespace std::string_view_literals;
  return starts_with(file, "\0\0\0\x0cjP  \r\n\x87\n"sv);
}
bool matches(ByteSpan file) { return boxed(file) || starts_with(file, "\xff\x4f\xff\x51"); }

// One component scaled to the image's size: sample (x, y) as eight bits.
struct Plane {
  const opj_image_comp_t* component = nullptr;
  std::uint8_t at(std::uint32_t x, std::uint32_t y) const {
    std::uint32_t column = std::min(x / component->dx, component->w - 1),
                  row = std::min(y / component->dy, component->h - 1);
    std::int64_t value = component->data[std::size_t{row} * component->w + column];
    if (component->sgnd != 0) value += std::int64_t{1} << (component->prec - 1);
    if (component->prec > 8) value >>= component->prec - 8;
    if (component->prec < 8) value = value * 255 / ((std::int64_t{1} << component->prec) - 1);
    return static_cast<std::uint8_t>(std::clamp(value, std::int64_t{0}, std::int64_t{255}));
  }
};

Result<Image> decode_jpeg2000(ByteSpan file, std::uint64_t limit) {
  constexpr std::string_view broken = "it is not a complete JPEG 2000 file";
  Source source{file};
  std::unique_ptr<opj_codec_t, void (*)(opj_codec_t*)> codec(
      opj_create_decompress(boxed(file) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), opj_destroy_codec);
  std::unique_ptr<opj_stream_t, void (*)(opj_stream_t*)> stream(opj_stream_create(1 << 16, OPJ_TRUE),
                                                                opj_stream_destroy);
  if (codec == nullptr || stream == nullptr) {
    return Error(Kind::unavailable, "out-of-memory", "the machine does not have enough memory");
  }
  opj_set_error_handler(codec.get(), ignore, nullptr);
  opj_set_warning_handler(codec.get(), ignore, nullptr);
  opj_set_info_handler(codec.get(), ignore, nullptr);
  opj_stream_set_read_function(stream.get(), read);
  opj_stream_set_skip_function(stream.get(), skip);
  opj_stream_set_seek_function(stream.get(), seek);
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), file.size());
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (opj_setup_decoder(codec.get(), &parameters) == 0) return damaged(std::string(broken));
  opj_image_t* raw = nullptr;
  bool read_header = opj_read_header(stream.get(), codec.get(), &raw) != 0;
  std::unique_ptr<opj_image_t, void (*)(opj_image_t*)> picture(raw, opj_image_destroy);
  if (!read_header || picture == nullptr || picture->x1 <= picture->x0 || picture->y1 <= picture->y0) {
    return damaged(std::string(broken));
  }
  // The header has claimed a size and nothing has been allocated for it: the claim is judged before OpenJPEG decodes.
  Image image = TRY(blank(picture->x1 - picture->x0, picture->y1 - picture->y0, file, limit));
  if (picture->numcomps < 1 || picture->numcomps > 4) {
    return damaged("it has " + std::to_string(picture->numcomps) + " components");
  }
  if (opj_decode(codec.get(), stream.get(), picture.get()) == 0 || opj_end_decompress(codec.get(), stream.get()) == 0) {
    return damaged(std::string(broken));
  }
  // Decoding may have changed the number of components: a palette turns one into three.
  std::size_t colors = picture->numcomps >= 3 ? 3 : 1;
  std::array<Plane, 3> planes;
  for (std::size_t i = 0; i < 3; ++i) {
    const opj_image_comp_t& component = picture->comps[colors == 3 ? i : 0];
    if (component.data == nullptr || component.w == 0 || component.h == 0 || component.dx == 0 || component.dy == 0 ||
        component.prec == 0 || component.prec > 31) {
      return damaged(std::string(broken));
    }
    planes[i].component = &component;
  }
  bool luminance = colors == 3 && picture->color_space == OPJ_CLRSPC_SYCC;
  std::uint8_t* to = image.pixels.data();
  for (std::uint32_t y = 0; y < image.height; ++y) {
    for (std::uint32_t x = 0; x < image.width; ++x) {
      std::array<double, 3> pixel;
      for (std::size_t i = 0; i < 3; ++i) pixel[i] = planes[i].at(x, y);
      if (luminance) {  // sYCC to sRGB, ITU-R BT.601
        double red = pixel[2] - 128, blue = pixel[1] - 128;
        pixel = {pixel[0] + 1.402 * red, pixel[0] - 0.344136 * blue - 0.714136 * red, pixel[0] + 1.772 * blue};
      }
      for (double color : pixel) *to++ = static_cast<std::uint8_t>(std::clamp(color + 0.5, 0.0, 255.0));
    }
  }
  return image;
}

constexpr Format format[] = {{"JPEG 2000", matches, decode_jpeg2000}};

}  // namespace

std::span<const Format> jpeg2000_image() { return format; }

}  // namespace modelctl::images
