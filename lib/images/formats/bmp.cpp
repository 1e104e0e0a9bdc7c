// BMP: uncompressed images of Windows and OS/2 with 1 to 32 bits per pixel, with a palette or with masks. There is no
// library for it among the image libraries of Debian; the format has no compression that would justify one.
#include "images/images.hpp"
#include "images/reader.hpp"

#include <bit>

namespace modelctl::images {
namespace {

bool matches(ByteSpan file) { return starts_with(file, "BM"); }

// The bits of a pixel that hold one color, scaled to eight bits.
struct Mask {
  std::uint32_t bits = 0;
  std::uint8_t of(std::uint32_t pixel) const {
    if (bits == 0) return 0;
    int shift = std::countr_zero(bits), width = std::popcount(bits);
    std::uint64_t value = (pixel & bits) >> shift, most = (std::uint64_t{1} << width) - 1;
    return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
  }
};

struct Header {
  std::uint32_t pixels_at, size, bits, compression, colors;
  // Wider than in the file, so that the smallest 32-bit height can be negated.
  std::int64_t width, height;  // a negative height: rows from the top
  std::array<Mask, 3> masks;
};

// Reads BITMAPCOREHEADER (12 bytes), BITMAPINFOHEADER (40) or one of its extensions (up to 124); they share their first
// fields.
Result<Header> header_of(Reader& in) {
  Header header{};
  in.skip(10);
  header.pixels_at = in.little(4);
  header.size = in.little(4);
  bool old = header.size == 12;
  if (!old && (header.size < 40 || header.size > 124)) return damaged("its header has an unknown form");
  header.width = old ? in.little(2) : static_cast<std::int32_t>(in.little(4));
  header.height = old ? in.little(2) : static_cast<std::int32_t>(in.little(4));
  in.skip(2);
  header.bits = in.little(2);
  constexpr std::uint32_t plain = 0, with_masks = 3, with_alpha = 6;
  if (!old) {
    header.compression = in.little(4);
    in.skip(12);
    header.colors = in.little(4);
    in.skip(4);
  }
  if (header.compression == with_masks || header.compression == with_alpha) {
    for (Mask& mask : header.masks) mask.bits = in.little(4);
    // In a short header (40 bytes) the masks follow it, in place of the palette; longer headers contain them.
    in.skip(header.size >= 52 ? header.size - 52 : header.compression == with_alpha ? 4 : 0);
  } else if (header.compression == plain) {
    if (!old) in.skip(header.size - 40);
    if (header.bits == 16) header.masks = {Mask{0x7c00}, Mask{0x3e0}, Mask{0x1f}};
    else header.masks = {Mask{0xff0000}, Mask{0xff00}, Mask{0xff}};
  } else {
    return damaged("its compression is not supported");
  }
  if (!in.good) return damaged("it ends too early");
  return header;
}

// Palette entries are blue, green, red, and a fourth byte except in the oldest header.
Result<Image> decode_bmp(ByteSpan file, std::uint64_t limit) {
  Reader in{file};
  Header header = TRY(header_of(in));
  std::uint32_t bits = header.bits;
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
    return damaged("it has " + std::to_string(bits) + " bits per pixel");
  }
  if (header.width < 0) return damaged("it has no pixels");
  bool down = header.height < 0;
  Image image = TRY(blank(static_cast<std::uint64_t>(header.width),
                          static_cast<std::uint64_t>(down ? -header.height : header.height), file, limit));
  std::vector<std::array<std::uint8_t, 3>> palette;
  if (bits <= 8) {
    std::uint32_t most = 1u << bits;
    palette.resize(most);
    if (header.colors > most) return damaged("its palette is too long");
    for (std::uint32_t i = 0; i < (header.colors == 0 ? most : header.colors); ++i) {
      for (std::size_t color = 3; color-- > 0;) palette[i][color] = in.byte();
      if (header.size != 12) in.skip(1);
    }
  }
  std::uint64_t stride = (std::uint64_t{image.width} * bits + 31) / 32 * 4;
  if (!in.good || header.pixels_at > file.size() || (file.size() - header.pixels_at) / stride < image.height) {
    return damaged("it ends too early");
  }
  // Rows are stored from the bottom unless the height is negative, each padded to four bytes.
  for (std::uint32_t row = 0; row < image.height; ++row) {
    Reader line{file.subspan(header.pixels_at + stride * (down ? row : image.height - 1 - row), stride)};
    std::uint8_t* to = image.pixels.data() + std::size_t{row} * image.width * 3;
    std::uint32_t packed = 0;
    for (std::uint32_t x = 0; x < image.width; ++x, to += 3) {
      if (bits <= 8) {
        std::uint32_t place = x * bits % 8;
        if (place == 0) packed = line.byte();
        const auto& color = palette[packed >> (8 - bits - place) & ((1u << bits) - 1)];
        std::copy(color.begin(), color.end(), to);
      } else {
        std::uint32_t pixel = line.little(static_cast<int>(bits / 8));
        for (std::size_t color = 0; color < 3; ++color) to[color] = header.masks[color].of(pixel);
      }
    }
  }
  return image;
}

constexpr Format format[] = {{"BMP", matches, decode_bmp}};

}  // namespace

std::span<const Format> bmp_image() { return format; }

}  // namespace modelctl::images
