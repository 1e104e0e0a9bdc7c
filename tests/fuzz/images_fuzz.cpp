// An image file of any format.
#include "images/images.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto image = modelctl::images::decode(std::as_bytes(std::span(data, size)));
  if (image && image->pixels.size() != std::size_t{image->width} * image->height * 3) __builtin_trap();
  return 0;
}
