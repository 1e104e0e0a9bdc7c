// Selection of a decoder by the first bytes, and the limits on claimed sizes that all decoders share.
#include "images/images.hpp"

#include <algorithm>

namespace modelctl::images {

Result<Image> decode(ByteSpan file, std::uint64_t limit) {
  for (const Format* format : formats()) {
    if (format->matches(file)) return format->decode(file, limit);
  }
  return Error(Kind::bad_input, "not-an-image",
               "cannot decode the image: its first bytes are not those of a supported format");
}

Result<Image> blank(std::uint64_t width, std::uint64_t height, ByteSpan file, std::uint64_t limit) {
  // A decompression bomb claims many pixels with few bytes. Even for an image of one color the best compressors need
  // about a byte per some thousand pixels, so more than `per_byte` of them (beyond a free allowance) is not believed.
  constexpr std::uint64_t free = 1 << 22, per_byte = 4096, longest = 1 << 20;
  if (width == 0 || height == 0) return damaged("it has no pixels");
  std::uint64_t most = std::min(limit, free + per_byte * file.size());
  if (width > longest || height > longest || width * height > most) {
    return Error(Kind::bad_input, "image-too-large",
                 "cannot decode the image: it claims " + std::to_string(width) + "x" + std::to_string(height) +
                     " pixels in " + std::to_string(file.size()) + " bytes")
        .because("at most " + std::to_string(most) + " pixels are accepted from a file of that size");
  }
  Image image{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), {}};
  image.pixels.resize(width * height * 3);
  return image;
}

Error damaged(std::string why) {
  return Error(Kind::bad_input, "bad-image", "cannot decode the image: " + std::move(why));
}

bool starts_with(ByteSpan file, std::string_view text, std::size_t at) {
  return file.size() >= at + text.size() && as_text(file.subspan(at, text.size())) == text;
}

}  // namespace modelctl::images
