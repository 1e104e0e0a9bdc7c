// TIFF, by libtiff: the first image of the file, in any compression and pixel format, through libtiff's conversion to
// RGBA. The file is read through callbacks, and libtiff's own limit on allocations applies in addition to the limit on
// pixels. JBIG is not supported: its library is under the GPL, and linked programs would be too.
#include "images/images.hpp"

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

// Takes the place of libtiff's own initializer of the codec, so that static programs do not contain libjbig.
extern "C" int TIFFInitJBIG(TIFF*, int);
extern "C" int TIFFInitJBIG(TIFF*, int) { return 1; }

namespace modelctl::images {
namespace {

// The file, and libtiff's first error message: later ones are consequences of it.
struct Source {
  ByteSpan file;
  std::uint64_t at = 0;
  char message[256] = {};
};

// libtiff's I/O callbacks over memory. Offsets may lie beyond the end, where reads return nothing.
tmsize_t read(thandle_t handle, void* to, tmsize_t bytes) {
  auto* source = static_cast<Source*>(handle);
  std::uint64_t left = source->file.size() - std::min<std::uint64_t>(source->at, source->file.size());
  auto count = std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max<tmsize_t>(bytes, 0)), left);
  if (count > 0) std::memcpy(to, source->file.data() + source->at, count);
  source->at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t write(thandle_t, void*, tmsize_t) { return -1; }
// The sum may wrap for a hostile offset: read() compares the position with the size each time.
toff_t seek(thandle_t handle, toff_t offset, int from) {
  auto* source = static_cast<Source*>(handle);
  source->at = offset + (from == SEEK_CUR ? source->at : from == SEEK_END ? source->file.size() : 0);
  return source->at;
}
int close(thandle_t) { return 0; }
toff_t size(thandle_t handle) { return static_cast<Source*>(handle)->file.size(); }

int on_error(TIFF*, void* source, const char*, const char* format, std::va_list words) {
  char* message = static_cast<Source*>(source)->message;
  if (message[0] == 0) std::vsnprintf(message, sizeof(Source::message), format, words);
  return 1;
}
int on_warning(TIFF*, void*, const char*, const char*, std::va_list) { return 1; }

// TIFF and BigTIFF in both byte orders.
bool matches(ByteSpan file) {
  using namespace std::string_view_literals;
  for (std::string_view magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
    if (starts_with(file, magic)) return true;
  }
  return false;
}

Result<Image> decode_tiff(ByteSpan file, std::uint64_t limit) {
  Source source{file};
  auto refused = [&] { return damaged(source.message[0] == 0 ? "it is not a complete TIFF file" : source.message); };
  std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(), TIFFOpenOptionsFree);
  if (options == nullptr) return Error(Kind::unavailable, "out-of-memory", "the machine does not have enough memory");
  // Without handlers libtiff would print to stderr. They belong to this file, not to the process, so that threads may
  // decode at the same time.
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, nullptr);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), 1 << 30);
  std::unique_ptr<TIFF, void (*)(TIFF*)> tiff(
      TIFFClientOpenExt("image", "rm", &source, read, write, seek, close, size, nullptr, nullptr, options.get()),
      TIFFClose);
  if (tiff == nullptr) return refused();
  std::uint32_t width = 0, height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  std::uint16_t compression = COMPRESSION_NONE;
  TIFFGetField(tiff.get(), TIFFTAG_COMPRESSION, &compression);
  if (compression == COMPRESSION_JBIG) return damaged("its compression, JBIG, is not supported");
  Image image = TRY(blank(width, height, file, limit));
  char message[1024] = {};
  if (TIFFRGBAImageOK(tiff.get(), message) == 0) return damaged(message);
  std::vector<std::uint32_t> raster(std::size_t{width} * height);
  // The last argument stops at the first error: by default libtiff goes on and leaves a part of the image black.
  if (TIFFReadRGBAImageOriented(tiff.get(), width, height, raster.data(), ORIENTATION_TOPLEFT, 1) == 0) {
    return refused();
  }
  for (std::size_t i = 0; i < raster.size(); ++i) {
    image.pixels[i * 3] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
    image.pixels[i * 3 + 1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
    image.pixels[i * 3 + 2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
  }
  return image;
}

constexpr Format format[] = {{"TIFF", matches, decode_tiff}};

}  // namespace

std::span<const Format> tiff_image() { return format; }

}  // namespace modelctl::images
