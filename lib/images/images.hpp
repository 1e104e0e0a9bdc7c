// Decodes images: JPEG, JPEG 2000, PNG, TIFF, WebP, BMP and the portable formats (PNM) to rows of pixels. The format is
// recognized by the first bytes. Files are untrusted: sizes are limited, and damaged or truncated files are refused
// rather than partly decoded. The results are those of Pillow, which ONNX's ImageDecoder specifies.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace modelctl::images {

// Interleaved red, green and blue, one byte each, rows from top to bottom; alpha is dropped.
struct Image {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

// What decode() takes at most unless the caller sets another limit, three bytes each.
inline constexpr std::uint64_t most_pixels = 1 << 28;

// Fails with bad_input: code not-an-image if no format recognizes the first bytes, bad-image for damage (with the
// library's words), image-too-large for more pixels than the limit or than the file can plausibly hold; and with
// unavailable if a library has no memory. Safe to call from several threads.
Result<Image> decode(ByteSpan file, std::uint64_t limit = most_pixels);

// The luma of a pixel with the weights of ITU-R BT.601, in fixed point as Pillow computes it.
inline std::uint8_t luma(const std::uint8_t* pixel) {
  return static_cast<std::uint8_t>((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
}

// The interface of the formats: formats/NAME.cpp defines one entry each.

struct Format {
  std::string_view name;
  bool (*matches)(ByteSpan file);
  Result<Image> (*decode)(ByteSpan file, std::uint64_t limit);
};
std::span<const Format* const> formats();

// A black image of this size, if the limit permits it and a file of this many bytes can plausibly contain it.
Result<Image> blank(std::uint64_t width, std::uint64_t height, ByteSpan file, std::uint64_t limit);

// The error for a file that cannot be decoded: "cannot decode the image: " and the reason.
Error damaged(std::string why);
bool starts_with(ByteSpan file, std::string_view text, std::size_t at = 0);

}  // namespace modelctl::images
