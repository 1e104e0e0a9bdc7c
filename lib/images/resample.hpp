// Resizing as Pillow does it, to the very bytes: what models were trained with. The filters are antialiased, that is,
// they widen when an image becomes smaller, which is where other libraries' "bilinear" and "bicubic" differ.
#pragma once

#include "images/images.hpp"

#include <optional>

namespace modelctl::images {

enum class Filter : std::uint8_t { nearest, box, bilinear, hamming, bicubic, lanczos };

// The names in the order of the enumeration; nothing for another name.
inline constexpr std::string_view filter_names[] = {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
std::optional<Filter> filter_named(std::string_view name);

// Pixels of some bytes each, rows from top to bottom.
struct Pixels {
  std::uint32_t width = 0, height = 0, channels = 3;
  std::vector<std::uint8_t> bytes;
};

// The pixels in another size; neither size may be 0. The caller bounds both: memory is what both images take, and the
// rows of the one with the width of the other.
Pixels resized(const Pixels& from, std::uint32_t width, std::uint32_t height, Filter filter);

}  // namespace modelctl::images
