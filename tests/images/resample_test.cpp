// Resizing and orientation against Pillow's own results, which resample.py writes.
#include "images/resample.hpp"

#include "images/orientation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace modelctl;
using images::Filter;
using images::Pixels;

namespace {

constexpr std::uint32_t width = 13, height = 9;

// As pixels() in resample.py.
Pixels noise(std::uint32_t channels) {
  Pixels image{width, height, channels, {}};
  std::uint32_t state = 1;
  for (std::uint32_t i = 0; i < width * height * channels; ++i) {
    state = (state * 1103515245u + 12345u) % (1u << 31);
    std::uint32_t value = state >> 23;
    image.bytes.push_back(static_cast<std::uint8_t>(value < 40 ? 0 : value > 215 ? 255 : value));
  }
  return image;
}

std::vector<std::uint8_t> bytes_of(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

// The lines of the file whose first word this is, without it.
std::vector<std::string> lines_of(const std::string& word) {
  std::ifstream file(MODELCTL_RESAMPLE);
  REQUIRE(file);
  std::vector<std::string> found;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(word + " ")) found.push_back(line.substr(word.size() + 1));
  }
  REQUIRE(!found.empty());
  return found;
}

int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  REQUIRE(a.size() == b.size());
  int most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(int{a[i]} - int{b[i]}));
  return most;
}

void equals_pillow(const std::string& name) {
  for (const std::string& line : lines_of(name)) {
    std::istringstream words(line);
    std::uint32_t channels = 0, to_width = 0, to_height = 0;
    std::string hex;
    words >> channels >> to_width >> to_height >> hex;
    CAPTURE(channels);
    CAPTURE(to_width);
    CAPTURE(to_height);
    auto filter = images::filter_named(name);
    REQUIRE(filter);
    Pixels result = images::resized(noise(channels), to_width, to_height, *filter);
    CHECK(result.width == to_width);
    CHECK(result.height == to_height);
    CHECK(largest_difference(result.bytes, bytes_of(hex)) == 0);
  }
}

}  // namespace

TEST_CASE("nearest gives the bytes that Pillow gives") { equals_pillow("nearest"); }
TEST_CASE("box gives the bytes that Pillow gives") { equals_pillow("box"); }
TEST_CASE("bilinear gives the bytes that Pillow gives") { equals_pillow("bilinear"); }
TEST_CASE("hamming gives the bytes that Pillow gives") { equals_pillow("hamming"); }
TEST_CASE("bicubic gives the bytes that Pillow gives") { equals_pillow("bicubic"); }
TEST_CASE("lanczos gives the bytes that Pillow gives") { equals_pillow("lanczos"); }

TEST_CASE("an image of the size that is wanted stays as it is") {
  Pixels image = noise(3);
  CHECK(images::resized(image, width, height, Filter::lanczos).bytes == image.bytes);
}

TEST_CASE("there is no filter of another name") {
  CHECK(!images::filter_named("cubic"));
  CHECK(images::filter_named("bicubic") == Filter::bicubic);
}

TEST_CASE("an image is turned upright as its EXIF data say") {
  for (const char* form : {"png", "webp", "jpeg"}) {
    for (const std::string& line : lines_of(form)) {
      std::istringstream words(line);
      int orientation = 0;
      std::uint32_t to_width = 0, to_height = 0;
      std::string file_hex, pixels_hex;
      words >> orientation >> to_width >> to_height >> file_hex >> pixels_hex;
      CAPTURE(form);
      CAPTURE(orientation);
      auto file = bytes_of(file_hex);
      ByteSpan bytes = std::as_bytes(std::span(file));
      CHECK(images::orientation(bytes) == orientation);
      auto image = images::decode(bytes);
      REQUIRE(image);
      images::Image turned = images::upright(std::move(*image), orientation);
      CHECK(turned.width == to_width);
      CHECK(turned.height == to_height);
      // libjpeg of another version may round differently.
      CHECK(largest_difference(turned.pixels, bytes_of(pixels_hex)) <= (std::string(form) == "jpeg" ? 1 : 0));
    }
  }
}

TEST_CASE("a file without EXIF data, or with damaged ones, is upright") {
  for (const char* form : {"png", "webp", "jpeg"}) {
    std::string line = lines_of(form).back();
    std::istringstream words(line);
    std::string word, hex;
    words >> word >> word >> word >> hex;
    auto file = bytes_of(hex);
    for (std::size_t size = 0; size < file.size(); ++size) {
      int orientation = images::orientation(std::as_bytes(std::span(file).first(size)));
      CHECK(((orientation == 1) || (orientation == 8)));
    }
  }
  CHECK(images::orientation(as_bytes("\xff\xd8\xff\xe1")) == 1);
}
