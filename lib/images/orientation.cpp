// EXIF is a TIFF file without pixels in a segment of its own. Only the first directory is looked at, and of it only one
// tag; damaged EXIF data are ignored, as by all programs that show images, since the pixels do not depend on them.
#include "images/orientation.hpp"

#include <algorithm>

namespace modelctl::images {
namespace {

// A number of two or four bytes at a place; 0 past the end.
std::uint32_t number(ByteSpan bytes, std::size_t at, std::size_t size, bool little) {
  if (at > bytes.size() || size > bytes.size() - at) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + (little ? size - 1 - i : i)]);
  return value;
}

// Chapter 2 of TIFF 6.0: the byte order, the place of the first directory, and there entries of 12 bytes, sorted by
// tag.
int orientation_in(ByteSpan tiff) {
  constexpr std::uint32_t tag_of_orientation = 0x0112, type_short = 3;
  bool little = starts_with(tiff, "II");
  if ((!little && !starts_with(tiff, "MM")) || number(tiff, 2, 2, little) != 42) return 1;
  std::size_t directory = number(tiff, 4, 4, little);
  std::uint32_t entries = number(tiff, directory, 2, little);
  for (std::uint32_t i = 0; i < entries; ++i) {
    std::size_t entry = directory + 2 + std::size_t{i} * 12;
    if (entry >= tiff.size()) return 1;
    if (number(tiff, entry, 2, little) != tag_of_orientation) continue;
    std::uint32_t value = number(tiff, entry + 8, 2, little);
    bool known = number(tiff, entry + 2, 2, little) == type_short && value >= 1 && value <= 8;
    return known ? static_cast<int>(value) : 1;
  }
  return 1;
}

// JPEG: segments of a marker and a length, up to the first scan. EXIF is the first APP1 that begins so.
ByteSpan exif_of_jpeg(ByteSpan file) {
  using namespace std::string_view_literals;
  constexpr std::string_view header = "Exif\0\0"sv;
  constexpr std::uint32_t app1 = 0xffe1, start_of_scan = 0xffda;
  for (std::size_t at = 2; at + 4 <= file.size();) {
    std::uint32_t marker = number(file, at, 2, false), length = number(file, at + 2, 2, false);
    if (marker < 0xff00 || marker == start_of_scan || length < 2 || length > file.size() - at - 2) return {};
    ByteSpan content = file.subspan(at + 4, length - 2);
    if (marker == app1 && starts_with(content, header)) return content.subspan(header.size());
    at += 2 + length;
  }
  return {};
}

// PNG: chunks of a length, a name, the content and a checksum.
ByteSpan exif_of_png(ByteSpan file) {
  for (std::size_t at = 8; at + 12 <= file.size();) {
    std::uint32_t length = number(file, at, 4, false);
    if (length > file.size() - at - 12) return {};
    if (starts_with(file, "eXIf", at + 4)) return file.subspan(at + 8, length);
    at += 12 + length;
  }
  return {};
}

// WebP: chunks of a name, a length and the content, padded to an even size. Some programs write the header of JPEG.
ByteSpan exif_of_webp(ByteSpan file) {
  using namespace std::string_view_literals;
  for (std::size_t at = 12; at + 8 <= file.size();) {
    std::uint32_t length = number(file, at + 4, 4, true);
    if (length > file.size() - at - 8) return {};
    ByteSpan content = file.subspan(at + 8, length);
    if (starts_with(file, "EXIF", at)) return starts_with(content, "Exif\0\0"sv) ? content.subspan(6) : content;
    at += 8 + std::size_t{length} + length % 2;
  }
  return {};
}

}  // namespace

int orientation(ByteSpan file) {
  if (starts_with(file, "\xff\xd8\xff")) return orientation_in(exif_of_jpeg(file));
  if (starts_with(file, "\x89PNG\r\n\x1a\n")) return orientation_in(exif_of_png(file));
  if (starts_with(file, "RIFF") && starts_with(file, "WEBP", 8)) return orientation_in(exif_of_webp(file));
  return 1;
}

// The eight orientations are the symmetries of a rectangle: 5 to 8 swap rows and columns; then 2, 3, 7 and 8 reverse
// the columns of what is stored, and 3, 4, 6 and 7 its rows.
Image upright(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  bool swaps = orientation >= 5;
  bool right_to_left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  bool bottom_up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image turned{swaps ? image.height : image.width, swaps ? image.width : image.height, {}};
  turned.pixels.resize(image.pixels.size());
  std::uint8_t* out = turned.pixels.data();
  for (std::size_t y = 0; y < turned.height; ++y) {
    for (std::size_t x = 0; x < turned.width; ++x) {
      std::size_t column = swaps ? y : x, row = swaps ? x : y;
      if (right_to_left) column = image.width - 1 - column;
      if (bottom_up) row = image.height - 1 - row;
      out = std::copy_n(image.pixels.data() + (row * image.width + column) * 3, 3, out);
    }
  }
  return turned;
}

}  // namespace modelctl::images
