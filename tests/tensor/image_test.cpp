// Images as tensors: where the channels go, and what is refused. The decoders are tested in tests/images.
#include "formats_support.hpp"

using namespace modelctl;
using namespace modelctl::formats;
using namespace std::string_literals;

namespace {

// Two pixels, (1, 2, 3) and (4, 5, 6).
const std::string ppm = "P6\n2 1\n255\n\1\2\3\4\5\6"s;

Tensor read(std::optional<Dims> dims, DType type = DType::u8) {
  return tensor_of(".ppm", ppm, {expect("x", type, std::move(dims))});
}

std::vector<int> values(const Tensor& tensor) {
  auto bytes = tensor.view().as<std::uint8_t>();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("an image has its channels last, or first if only the model's first one can be channels") {
  CHECK(read(Dims{-1, -1, -1, 3}).dims() == Dims{1, 1, 2, 3});
  CHECK(read(Dims{1, 2, 3}).dims() == Dims{1, 2, 3});
  Tensor first = read(Dims{-1, 3, -1, -1});
  CHECK(first.dims() == Dims{1, 3, 1, 2});
  CHECK(values(first) == std::vector{1, 4, 2, 5, 3, 6});
  CHECK(values(read(Dims{-1, -1, -1, -1})) == std::vector{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a model with one channel gets gray") {
  for (const Dims& dims : {Dims{-1, -1, -1, 1}, Dims{-1, 1, -1, -1}, Dims{-1, -1}}) {
    Tensor gray = read(dims);
    CHECK(gray.view().elements() == 2);
    CHECK(gray.dims().size() == dims.size());
    CHECK(values(gray) == std::vector{2, 5});
  }
}

TEST_CASE("without a model an image is [height, width, 3]") { CHECK(tensor_of(".ppm", ppm).dims() == Dims{1, 2, 3}); }

TEST_CASE("a model that decodes the image itself gets the file") {
  Tensor file = read(Dims{-1});
  CHECK(std::string(as_text({static_cast<const std::byte*>(file.view().data), ppm.size()})) == ppm);
}

TEST_CASE("an image is not scaled to floats") {
  std::vector<Expected> floats{expect("x", DType::f32, Dims{-1, 3, -1, -1})};
  auto refused = read_as(".ppm", ppm, floats);
  REQUIRE(!refused);
  CHECK(refused.error().what ==
        "cannot use the image 'file' as 'x': its pixels are bytes, but the model expects f32[?,3,?,?]");
}

TEST_CASE("a damaged image is refused with the decoder's reason") {
  CHECK(fault_of(".png", "no image", {expect("x", DType::u8, Dims{-1, -1, -1, 3})}).find("image") != std::string::npos);
}
