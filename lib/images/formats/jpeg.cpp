// JPEG, by libjpeg-turbo with its defaults: "fancy" upsampling of chroma and the accurate integer transform. Other
// settings give pixels that differ from what the model saw in training.
#include "images/guard.hpp"

#include <jpeglib.h>

#include <jerror.h>

namespace modelctl::images {
namespace {

constexpr int most_scans = 200;  // each scan of a progressive file decodes the whole image again

// The manager must be the first member: callbacks receive its address and cast it back.
struct Errors {
  jpeg_error_mgr manager;
  Guard guard;
};

[[noreturn]] void fail(j_common_ptr common) {
  char text[JMSG_LENGTH_MAX];
  common->err->format_message(common, text);
  reinterpret_cast<Errors*>(common->err)->guard.fail(text);
}

// libjpeg reports damage as warnings and continues with gray pixels. Truncated data is an error here.
void warn(j_common_ptr common, int level) {
  if (level < 0 && (common->err->msg_code == JWRN_JPEG_EOF || common->err->msg_code == JWRN_HIT_MARKER)) fail(common);
}

// The only hook that is called between scans. A progressive file of a few KiB may have thousands of scans, which each
// cost the time of the whole image.
void watch(j_common_ptr common) {
  auto* jpeg = reinterpret_cast<j_decompress_ptr>(common);
  if (jpeg->input_scan_number > most_scans) reinterpret_cast<Errors*>(common->err)->guard.fail("it has too many scans");
}

bool matches(ByteSpan file) { return starts_with(file, "\xff\xd8\xff"); }

// The destructor is safe in every state: jpeg_destroy_decompress ignores a struct that was not created.
struct Decoder {
  jpeg_decompress_struct jpeg{};
  Errors errors{};
  jpeg_progress_mgr progress{};
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
};

// Two guarded parts, because the image is allocated between them and owns memory.
Result<Image> decode_jpeg(ByteSpan file, std::uint64_t limit) {
  Decoder decoder;
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  Guard& guard = decoder.errors.guard;
  jpeg.err = jpeg_std_error(&decoder.errors.manager);
  jpeg.err->error_exit = fail;
  jpeg.err->emit_message = warn;
  TRY(guard.run([&] {
    jpeg_create_decompress(&jpeg);
    decoder.progress.progress_monitor = watch;
    jpeg.progress = &decoder.progress;
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_read_header(&jpeg, TRUE);
  }));
  Image image = TRY(blank(jpeg.image_width, jpeg.image_height, file, limit));
  bool cmyk = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  std::vector<std::uint8_t> four(cmyk ? std::size_t{image.width} * 4 : 0);
  TRY(guard.run([&] {
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      std::uint8_t* row = image.pixels.data() + std::size_t{jpeg.output_scanline} * image.width * 3;
      JSAMPROW to = cmyk ? four.data() : row;
      jpeg_read_scanlines(&jpeg, &to, 1);
      // CMYK files store inverted values (255 means without ink), a convention that Adobe introduced.
      for (std::size_t i = 0; cmyk && i < image.width; ++i) {
        for (std::size_t color = 0; color < 3; ++color) {
          row[i * 3 + color] = static_cast<std::uint8_t>(four[i * 4 + color] * four[i * 4 + 3] / 255);
        }
      }
    }
    jpeg_finish_decompress(&jpeg);
  }));
  return image;
}

constexpr Format format[] = {{"JPEG", matches, decode_jpeg}};

}  // namespace

std::span<const Format> jpeg_image() { return format; }

}  // namespace modelctl::images
