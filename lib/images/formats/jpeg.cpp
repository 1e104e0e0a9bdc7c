// JPEG, by libjpeg-turbo, with its smooth upsampling of colors and its accurate transform: the defaults.
#include "images/guard.hpp"

#include <jpeglib.h>

#include <jerror.h>

namespace modelctl::images {
namespace {

constexpr int most_scans = 200;  // a progressive file of many scans takes time for nothing

struct Errors {
  jpeg_error_mgr manager;
  Guard guard;
};

[[noreturn]] void fail(j_common_ptr common) {
  char text[JMSG_LENGTH_MAX];
  common->err->format_message(common, text);
  reinterpret_cast<Errors*>(common->err)->guard.fail(text);
}

// Warnings are of damage that can be lived with, but for data that ends too early.
void warn(j_common_ptr common, int level) {
  if (level < 0 && (common->err->msg_code == JWRN_JPEG_EOF || common->err->msg_code == JWRN_HIT_MARKER)) fail(common);
}

void watch(j_common_ptr common) {
  auto* jpeg = reinterpret_cast<j_decompress_ptr>(common);
  if (jpeg->input_scan_number > most_scans) reinterpret_cast<Errors*>(common->err)->guard.fail("it has too many scans");
}

bool matches(ByteSpan file) { return starts_with(file, "\xff\xd8\xff"); }

struct Decoder {
  jpeg_decompress_struct jpeg{};
  Errors errors{};
  jpeg_progress_mgr progress{};
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
};

Result<Image> decode_jpeg(ByteSpan file) {
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
  Image image = TRY(blank(jpeg.image_width, jpeg.image_height, file));
  bool inks = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  jpeg.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  std::vector<std::uint8_t> four(inks ? std::size_t{image.width} * 4 : 0);
  TRY(guard.run([&] {
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      std::uint8_t* row = image.pixels.data() + std::size_t{jpeg.output_scanline} * image.width * 3;
      JSAMPROW to = inks ? four.data() : row;
      jpeg_read_scanlines(&jpeg, &to, 1);
      // Files of four inks hold, as Adobe began it, how much of each is left out.
      for (std::size_t i = 0; inks && i < image.width; ++i) {
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
