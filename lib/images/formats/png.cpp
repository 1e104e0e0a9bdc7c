// PNG, by libpng. Alpha is dropped without blending and gamma is ignored, as Pillow's conversion to RGB does. Every
// pixel format is expanded to 8-bit RGB by libpng's transformations before the first row is read.
#include "images/guard.hpp"

#include <png.h>

#include <algorithm>
#include <cstring>

namespace modelctl::images {
namespace {

struct Source {
  ByteSpan rest;
};

// png_error() does not return; it jumps to the guard.
void read(png_structp png, png_bytep to, std::size_t bytes) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (bytes > source->rest.size()) png_error(png, "it ends too early");
  std::memcpy(to, source->rest.data(), bytes);
  source->rest = source->rest.subspan(bytes);
}

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  static_cast<Guard*>(png_get_error_ptr(png))->fail(message);
}
void ignore(png_structp, png_const_charp) {}

bool matches(ByteSpan file) { return starts_with(file, "\x89PNG\r\n\x1a\n"); }

// Owns libpng's structs outside of the guarded code.
struct Handles {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Handles() { png_destroy_read_struct(&png, &info, nullptr); }
};

Result<Image> decode_png(ByteSpan file, std::uint64_t limit) {
  Guard guard;
  Handles handles;
  Source source{file};
  handles.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &guard, fail, ignore);
  if (handles.png != nullptr) handles.info = png_create_info_struct(handles.png);
  if (handles.info == nullptr)
    return Error(Kind::unavailable, "out-of-memory", "the machine does not have enough memory");
  png_structp png = handles.png;
  png_infop info = handles.info;
  TRY(guard.run([&] {
    png_set_read_fn(png, &source, read);
    // The same longest side as in blank(). The limits count before anything is allocated, so they are set before the
    // header is read.
    png_set_user_limits(png, 1 << 20, 1 << 20);
    png_set_chunk_malloc_max(png, 1 << 20);  // palettes, texts, profiles: attacker-controlled sizes
    png_set_chunk_cache_max(png, 128);
    png_read_info(png, info);
    // Palettes, 1 to 16 bits, gray and alpha all become 8-bit RGB, and interlaced files are read in several passes by
    // png_read_image.
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
  }));
  Image image = TRY(blank(png_get_image_width(png, info), png_get_image_height(png, info), file, limit));
  if (png_get_rowbytes(png, info) != std::size_t{image.width} * 3) return damaged("its pixels have an unknown form");
  std::vector<png_bytep> rows;
  for (std::size_t row = 0; row < image.height; ++row) rows.push_back(image.pixels.data() + row * image.width * 3);
  TRY(guard.run([&] {
    png_read_image(png, rows.data());
    // Up to the end chunk, so that a file that was cut off behind its pixels is refused, too.
    png_read_end(png, nullptr);
  }));
  return image;
}

constexpr Format format[] = {{"PNG", matches, decode_png}};

}  // namespace

std::span<const Format> png_image() { return format; }

}  // namespace modelctl::images
