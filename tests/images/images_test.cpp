// These tests use the images of the fuzz target's corpus: "ramps" has rows of red, green and blue, each pixel 60
// brighter than the one to its left; "flat" is of one color.
#include "images/images.hpp"

#include "base/files.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

namespace {

Result<images::Image> decoded(const std::string& name) {
  auto file = read_file(std::filesystem::path(MODELCTL_IMAGES) / name);
  REQUIRE(file);
  return images::decode(*file);
}

using Pixel = std::array<int, 3>;
Pixel pixel(const images::Image& image, std::size_t x, std::size_t y) {
  const std::uint8_t* at = image.pixels.data() + (y * image.width + x) * 3;
  return {at[0], at[1], at[2]};
}

std::string refused(const std::string& name) {
  auto image = decoded(name);
  REQUIRE(!image);
  return image.error().what;
}

}  // namespace

TEST_CASE("formats without loss give the very pixels, from the top left, red first") {
  for (const char* name : {"ramps.png", "ramps.bmp", "ramps.ppm", "ramps.tiff", "ramps.webp", "ramps.jp2", "ramps.j2k",
                           "palette.png", "palette.bmp", "alpha.png"}) {
    INFO(name);
    auto image = decoded(name);
    REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().what));
    REQUIRE(image->width == 5);
    REQUIRE(image->height == 3);
    REQUIRE(image->pixels.size() == 45);
    for (int x = 0; x < 5; ++x) {
      auto at = static_cast<std::size_t>(x);
      CHECK(pixel(*image, at, 0) == Pixel{60 * x, 0, 0});
      CHECK(pixel(*image, at, 1) == Pixel{0, 60 * x, 0});
      CHECK(pixel(*image, at, 2) == Pixel{0, 0, 60 * x});
    }
  }
}

TEST_CASE("lossy formats are close, CMYK becomes RGB, and gray has three equal channels") {
  auto all_are = [](const char* name, Pixel wanted, int most) {
    INFO(name);
    auto image = decoded(name);
    REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().what));
    REQUIRE(image->width == 17);
    REQUIRE(image->height == 9);
    for (std::size_t i = 0; i < image->pixels.size(); ++i) {
      CHECK(std::abs(int{image->pixels[i]} - wanted[i % 3]) <= most);
    }
  };
  for (const char* name : {"flat.jpg", "flat_progressive.jpg", "flat_cmyk.jpg", "flat_lossy.webp"}) {
    all_are(name, {200, 100, 50}, 4);
  }
  all_are("flat_deflate.tiff", {200, 100, 50}, 0);
  all_are("gray.jpg", {124, 124, 124}, 1);
}

TEST_CASE("bits, digits and deep pixels become bytes") {
  for (const char* name : {"bits.pbm", "bits.bmp", "bits.png", "group4.tiff"}) {
    INFO(name);
    auto image = decoded(name);
    REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().what));
    CHECK(pixel(*image, 0, 0) == Pixel{0, 0, 0});
    CHECK(image->pixels == decoded("bits.png")->pixels);
  }
  auto digits = decoded("digits.ppm");
  REQUIRE(digits);
  CHECK(pixel(*digits, 0, 0) == Pixel{255, 0, 0});
  CHECK(pixel(*digits, 1, 0) == Pixel{3, 5, 8});
  auto deep = decoded("deep.png");
  REQUIRE(deep);
  CHECK(pixel(*deep, 1, 0) == Pixel{16, 16, 16});
}

TEST_CASE("truncated files, oversized claims and other formats are refused") {
  CHECK(refused("not_an_image") == "cannot decode the image: its first bytes are not those of a supported format");
  CHECK(refused("huge.bmp") == "cannot decode the image: it claims 1000000x1000000 pixels in 102 bytes");
  CHECK(refused("cut_ramps.png") == "cannot decode the image: it ends too early");
  CHECK(refused("cut_flat.jpg") == "cannot decode the image: Premature end of JPEG file");
  CHECK(refused("cut_ramps.webp") == "cannot decode the image: it is not a complete WebP file");
  CHECK(refused("cut_ramps.jp2") == "cannot decode the image: it is not a complete JPEG 2000 file");
  CHECK(refused("cut_ramps.tiff").starts_with("cannot decode the image: "));
}

TEST_CASE("JBIG, whose library is under the GPL, is refused") {
  auto file = read_file(std::filesystem::path(MODELCTL_IMAGES) / "flat_deflate.tiff");
  REQUIRE(file);
  const std::string tag("\x03\x01\x03\0\1\0\0\0", 8);  // of the compression: one short number
  std::size_t at = as_text(*file).find(tag);
  REQUIRE(at != std::string_view::npos);
  constexpr unsigned jbig = 34661;
  (*file)[at + 8] = std::byte{jbig & 0xff};
  (*file)[at + 9] = std::byte{jbig >> 8};
  auto image = images::decode(*file);
  REQUIRE(!image);
  CHECK(image.error().what == "cannot decode the image: its compression, JBIG, is not supported");
}

TEST_CASE("a file cut off anywhere, or with any byte changed, is an image or an error") {
  for (const auto& entry : std::filesystem::directory_iterator(MODELCTL_IMAGES)) {
    INFO(entry.path().filename().string());
    auto file = read_file(entry.path());
    REQUIRE(file);
    for (std::size_t size = 0; size < file->size(); size += 1 + file->size() / 64) {
      (void)images::decode(ByteSpan(*file).first(size));
      auto changed = *file;
      changed[size] ^= std::byte{0x55};
      (void)images::decode(changed);
    }
  }
}

TEST_CASE("luma weighs green most, and does not change gray") {
  const std::uint8_t red[] = {255, 0, 0}, green[] = {0, 255, 0}, blue[] = {0, 0, 255}, gray[] = {77, 77, 77};
  CHECK(images::luma(red) == 76);
  CHECK(images::luma(green) == 150);
  CHECK(images::luma(blue) == 29);
  CHECK(images::luma(gray) == 77);
}
