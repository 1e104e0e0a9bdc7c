// The portable formats PBM, PGM and PPM of Netpbm, as text (P1 to P3) and binary (P4 to P6).
#include "images/images.hpp"
#include "images/reader.hpp"

namespace modelctl::images {
namespace {

bool matches(ByteSpan file) {
  return file.size() > 2 && starts_with(file, "P") && static_cast<char>(file[1]) >= '1' &&
         static_cast<char>(file[1]) <= '6';
}

// White space as Netpbm defines it, independent of the locale.
bool is_space(const Reader& in) {
  auto c = static_cast<char>(in.rest.front());
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

// Skips white space, and comments up to the end of their line.
void skip_space(Reader& in) {
  bool comment = false;
  while (!in.rest.empty()) {
    auto c = static_cast<char>(in.rest.front());
    if (comment) comment = c != '\n';
    else if (c == '#') comment = true;
    else if (!is_space(in)) return;
    in.skip(1);
  }
}

// At most nine digits, which fit 32 bits. In plain PBM (P1) the pixels are single digits without separators.
std::uint32_t number(Reader& in, std::size_t most_digits = 9) {
  skip_space(in);
  std::uint32_t value = 0;
  std::size_t digits = 0;
  for (; digits < most_digits && !in.rest.empty(); ++digits) {
    auto c = static_cast<char>(in.rest.front());
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
    in.skip(1);
  }
  in.good = in.good && digits > 0;
  return value;
}

// Samples are scaled from [0, maximum] to 8 bits with rounding; 16-bit samples are big-endian.
Result<Image> decode_pnm(ByteSpan file, std::uint64_t limit) {
  char kind = static_cast<char>(file[1]);
  bool digits = kind <= '3', bits = kind == '1' || kind == '4', colors = kind == '3' || kind == '6';
  Reader in{file.subspan(2)};
  std::uint32_t width = number(in), height = number(in), most = bits ? 1 : number(in);
  if (!in.good || most == 0 || most > 65535) return damaged("its header has an unknown form");
  if (!digits && (in.rest.empty() || !is_space(in))) return damaged("its header has an unknown form");
  // Exactly one character of white space ends a binary header: a second one is a pixel already.
  if (!digits) in.skip(1);
  Image image = TRY(blank(width, height, file, limit));
  std::uint8_t* to = image.pixels.data();
  for (std::uint32_t y = 0; y < height && in.good; ++y) {
    std::uint32_t packed = 0;
    for (std::uint32_t x = 0; x < width; ++x) {
      std::uint32_t value = 0;
      for (std::size_t color = 0; color < 3; ++color) {
        if (color == 0 || colors) {
          if (digits) {
            value = number(in, bits ? 1 : 5);
          } else if (bits) {
            if (x % 8 == 0) packed = in.byte();
            value = packed >> (7 - x % 8) & 1;
          } else {
            value = in.byte();
            if (most > 255) value = value << 8 | in.byte();
          }
          if (value > most) return damaged("a pixel is brighter than its header allows");
          value = (value * 255 + most / 2) / most;
          if (bits) value = 255 - value;  // in PBM 1 is black
        }
        *to++ = static_cast<std::uint8_t>(value);
      }
    }
  }
  if (!in.good) return damaged("it ends too early");
  return image;
}

constexpr Format format[] = {{"PNM", matches, decode_pnm}};

}  // namespace

std::span<const Format> pnm_image() { return format; }

}  // namespace modelctl::images
