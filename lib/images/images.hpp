// Encoded images: JPEG, JPEG 2000, PNG, TIFF, WebP, BMP and the portable formats become rows of pixels. A file is told
// by its first bytes, and no claim of it is believed: sizes have a limit, and what is damaged or cut off is refused.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace modelctl::images {

// Red, green and blue, a byte each, row by row from the top; without alpha.
struct Image {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

Result<Image> decode(ByteSpan file);

// The brightness of a pixel, as ITU-R 601 weighs its colors.
inline std::uint8_t brightness(const std::uint8_t* pixel) {
  return static_cast<std::uint8_t>((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
}

// For the formats.

struct Format {
  std::string_view name;
  bool (*matches)(ByteSpan file);
  Result<Image> (*decode)(ByteSpan file);
};
std::span<const Format* const> formats();

// An image of this size, black, if a file of so many bytes can be believed to hold it.
Result<Image> blank(std::uint64_t width, std::uint64_t height, ByteSpan file);

Error damaged(std::string why);
bool starts_with(ByteSpan file, std::string_view text, std::size_t at = 0);

}  // namespace modelctl::images
