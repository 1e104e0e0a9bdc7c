// WebP, by libwebp: still images, lossy and lossless. Animations are refused, because there is no single right frame.
#include "images/images.hpp"

#include <webp/decode.h>

namespace modelctl::images {
namespace {

bool matches(ByteSpan file) { return starts_with(file, "RIFF") && starts_with(file, "WEBP", 8); }

// The features are read first, so that the size is checked before memory is allocated.
Result<Image> decode_webp(ByteSpan file, std::uint64_t limit) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(file.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, file.size(), &features) != VP8_STATUS_OK) return damaged("it is not a complete WebP file");
  if (features.has_animation != 0) return damaged("it is an animation");
  Image image =
      TRY(blank(static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height), file, limit));
  auto stride = static_cast<int>(image.width * 3);
  if (WebPDecodeRGBInto(data, file.size(), image.pixels.data(), image.pixels.size(), stride) == nullptr) {
    return damaged("it is not a complete WebP file");
  }
  return image;
}

constexpr Format format[] = {{"WebP", matches, decode_webp}};

}  // namespace

std::span<const Format> webp_image() { return format; }

}  // namespace modelctl::images
