// An image file of any format, and its EXIF data.
#include "images/images.hpp"
#include "images/orientation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = std::as_bytes(std::span(data, size));
  auto image = modelctl::images::decode(file);
  int orientation = modelctl::images::orientation(file);
  if (orientation < 1 || orientation > 8) __builtin_trap();
  if (!image) return 0;
  if (image->pixels.size() != std::size_t{image->width} * image->height * 3) __builtin_trap();
  std::size_t pixels = image->pixels.size();
  if (modelctl::images::upright(std::move(*image), orientation).pixels.size() != pixels) __builtin_trap();
  return 0;
}
