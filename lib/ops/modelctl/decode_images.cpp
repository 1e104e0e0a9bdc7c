// modelctl::DecodeImages: files of images, a string each, become pixels u8[images, height, width, channels]. Decoding,
// orientation, color, resizing and cropping are one operator because images of different sizes are not a tensor before
// they were resized. What comes after (scale, mean, layout) is left to ONNX's operators.
//
// Bytes are what Pillow and torchvision give, by images/resample.hpp and the geometry below. The limit of pixels is the
// bound on memory: a file's claim is compared with it before anything is allocated, and one image is held at a time.
//
// Smallest runner: full, since the libraries of its formats take 3 MB, and Debian's archives of them are not position
// independent.
#include "images/orientation.hpp"
#include "images/resample.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <fmt/format.h>

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using images::Pixels;

enum class Fit { none, shorter, stretch, letterbox };
enum class PixelFormat { rgb, bgr, grayscale };
// What the attributes may be, in the order of the enumerations; the first filter is the default.
constexpr std::string_view formats = "RGB BGR Grayscale", fits = "none shorter stretch letterbox",
                           filters = "bilinear nearest box hamming bicubic lanczos";

struct Size {
  std::uint32_t width = 0, height = 0;
  bool operator==(const Size&) const = default;
};

struct Settings {
  std::uint32_t channels = 3;
  bool reversed = false;  // blue first
  bool turns = true;      // by the orientation in the file
  Fit fit = Fit::none;
  Size size;  // of `stretch` and `letterbox`; of `shorter` both are the length of the shorter side
  images::Filter filter = images::Filter::bilinear;
  Size crop;              // 0: none
  Size wanted;            // what the model takes; 0: any
  std::uint8_t fill = 0;  // around a letterbox
  std::uint64_t most_pixels = 0;
};

constexpr std::int64_t longest_side = 1 << 14;  // of a result, which is a model's input

// An attribute [height, width]; zeros if it is absent.
Result<Size> size_of(const Attributes& attributes, std::string_view name) {
  const Ints& sizes = attributes.integers(name);
  if (sizes.empty()) return Size{};
  bool good = sizes.size() == 2 && std::all_of(sizes.begin(), sizes.end(),
                                               [](std::int64_t size) { return size >= 1 && size <= longest_side; });
  if (!good) return refuse(std::string(name) + " must be a height and a width from 1 to 16384");
  return Size{static_cast<std::uint32_t>(sizes[1]), static_cast<std::uint32_t>(sizes[0])};
}

Result<Settings> settings_of(const Attributes& attributes) {
  Settings settings;
  auto format = choice_of<PixelFormat>(attributes, "pixel_format", formats);
  settings.channels = format == PixelFormat::grayscale ? 1 : 3;
  settings.reversed = format == PixelFormat::bgr;
  settings.turns = attributes.integer("orient", 1) != 0;
  settings.fit = choice_of<Fit>(attributes, "fit", fits);
  settings.filter = images::filter_named(attributes.text("filter")).value_or(images::Filter::bilinear);
  settings.size = TRY(size_of(attributes, "size"));
  settings.crop = TRY(size_of(attributes, "crop"));
  settings.wanted = TRY(size_of(attributes, "wanted"));
  if (settings.fit != Fit::none && settings.size == Size{}) return refuse("a fit needs a size");
  settings.fill = static_cast<std::uint8_t>(std::clamp<std::int64_t>(attributes.integer("fill"), 0, 255));
  settings.most_pixels = static_cast<std::uint64_t>(std::max<std::int64_t>(attributes.integer("most_pixels"), 0));
  return settings;
}

// The size of every result; zeros if it depends on the image.
Size result_size(const Settings& settings) {
  if (settings.crop != Size{}) return settings.crop;
  if (settings.fit == Fit::stretch || settings.fit == Fit::letterbox) return settings.size;
  return settings.wanted;
}

// Where the image is in the result: its point (x, y) is at (x * scale_x + left, y * scale_y + top) there. With the size
// of the image itself, upright, in which what is found in it lies.
struct Placement {
  double scale_x = 1, scale_y = 1, left = 0, top = 0, width = 0, height = 0;
};

Pixels in_color(const images::Image& image, const Settings& settings) {
  Pixels pixels{image.width, image.height, settings.channels, {}};
  pixels.bytes.resize(std::size_t{image.width} * image.height * settings.channels);
  std::uint8_t* out = pixels.bytes.data();
  for (const std::uint8_t *at = image.pixels.data(), *end = at + image.pixels.size(); at < end; at += 3) {
    if (settings.channels == 1) *out++ = images::luma(at);
    else if (settings.reversed) out = std::reverse_copy(at, at + 3, out);
    else out = std::copy_n(at, 3, out);
  }
  return pixels;
}

// A result of this size with the image at an offset, cut where it does not fit.
Pixels placed(const Pixels& image, Size size, std::int64_t left, std::int64_t top, std::uint8_t fill) {
  Pixels result{size.width, size.height, image.channels, {}};
  result.bytes.assign(std::size_t{size.width} * size.height * image.channels, fill);
  std::int64_t from_x = std::max<std::int64_t>(left, 0), to_x = std::min<std::int64_t>(left + image.width, size.width);
  std::int64_t from_y = std::max<std::int64_t>(top, 0), to_y = std::min<std::int64_t>(top + image.height, size.height);
  for (std::int64_t y = from_y; y < to_y && from_x < to_x; ++y) {
    std::size_t bytes = static_cast<std::size_t>(to_x - from_x) * image.channels;
    std::copy_n(image.bytes.data() + static_cast<std::size_t>((y - top) * image.width + from_x - left) * image.channels,
                bytes, result.bytes.data() + static_cast<std::size_t>(y * size.width + from_x) * image.channels);
  }
  return result;
}

// Python's round(): halves to the even number.
std::int64_t round_even(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

// torchvision's Resize(n): the other side is rounded down.
Size shorter_side(const Pixels& image, std::uint32_t side) {
  std::uint64_t width = image.width, height = image.height;
  auto other = [&](std::uint64_t longer, std::uint64_t shorter) {
    return static_cast<std::uint32_t>(static_cast<double>(side * longer) / static_cast<double>(shorter));
  };
  return width <= height ? Size{side, other(height, width)} : Size{other(width, height), side};
}

// The size is at most `size` in both directions, and the ratio of the sides stays (Ultralytics' LetterBox).
Size inside(const Pixels& image, Size size) {
  double scale =
      std::min(static_cast<double>(size.width) / image.width, static_cast<double>(size.height) / image.height);
  auto side = [&](std::uint32_t from) {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(round_even(from * scale), 1));
  };
  return {side(image.width), side(image.height)};
}

Result<Pixels> fitted(Pixels image, const Settings& settings, Placement& place) {
  Size from{image.width, image.height}, to = from;
  place.width = from.width;
  place.height = from.height;
  if (settings.fit == Fit::shorter) to = shorter_side(image, settings.size.width);
  if (settings.fit == Fit::stretch) to = settings.size;
  if (settings.fit == Fit::letterbox) to = inside(image, settings.size);
  if (std::max(to.width, to.height) > longest_side && settings.fit == Fit::shorter) {
    return refuse(fmt::format("an image of {}x{} pixels would become one of {}x{}", from.width, from.height, to.width,
                              to.height));
  }
  if (to != from) image = images::resized(image, to.width, to.height, settings.filter);
  place.scale_x = static_cast<double>(to.width) / from.width;
  place.scale_y = static_cast<double>(to.height) / from.height;
  auto place_at = [&](Size size, std::int64_t left, std::int64_t top, std::uint8_t fill) {
    place.left += static_cast<double>(left);
    place.top += static_cast<double>(top);
    image = placed(image, size, left, top, fill);
  };
  if (settings.fit == Fit::letterbox) {
    // The halves of an odd border: the smaller one is at the top and on the left.
    place_at(settings.size, (settings.size.width - image.width) / 2, (settings.size.height - image.height) / 2,
             settings.fill);
  }
  if (Size crop = settings.crop; crop != Size{}) {
    // torchvision's CenterCrop: an image that is too small is first centered on black, with the smaller half of an odd
    // border on the left; what is too large is cut at a rounded offset.
    auto offset = [](std::uint32_t size, std::uint32_t of) {
      return size < of ? (of - size) / 2 : -round_even((size - of) / 2.0);
    };
    place_at(crop, offset(image.width, crop.width), offset(image.height, crop.height), 0);
  }
  return image;
}

Result<Pixels> decoded(const std::string& file, const Settings& settings, Placement& place) {
  ByteSpan bytes = as_bytes(file);
  images::Image image = TRY(images::decode(bytes, settings.most_pixels));
  if (settings.turns) image = images::upright(std::move(image), images::orientation(bytes));
  Pixels pixels = in_color(image, settings);
  image = {};
  return fitted(std::move(pixels), settings, place);
}

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 1, 1));
  auto settings = settings_of(call.attributes());
  if (!settings) return call.bad(settings.error().what);
  const Shape* files = call.shape(0);
  Expr count = files == nullptr ? call.fresh_symbol() : (*files)[0];
  Size size = result_size(*settings);
  auto side = [&](std::uint32_t known) { return known == 0 ? call.fresh_symbol() : Expr(known); };
  call.set_output(0, DType::u8, Shape{count, side(size.height), side(size.width), Expr(settings->channels)});
  if (call.node().output(1) != nullptr) call.set_output(1, DType::f32, Shape{count, Expr(6)});
  return {};
}

// "image 2 of 5: " if there are several.
std::string which(std::size_t index, std::size_t count) {
  return count == 1 ? "" : fmt::format("image {} of {}: ", index + 1, count);
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& files = call.input(0);
  if (files.type != DType::string || files.rank() != 1) return refuse("the input must be strings of rank 1");
  Settings settings = TRY(settings_of(call.attributes));
  auto names = files.as<std::string>();
  Size size = result_size(settings);
  std::uint8_t* out = nullptr;
  float* places = nullptr;
  if (call.outputs > 1 && outputs.wanted(1))
    places = TRY(outputs.allocate(1, DType::f32, Dims{files.dim(0), 6})).as<float>().data();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (call.interrupted()) break;
    Placement place;
    auto image = decoded(names[i], settings, place);
    if (!image) {
      Error error = std::move(image).error();
      error.what = which(i, names.size()) + error.what;
      return error;
    }
    if (size == Size{}) size = {image->width, image->height};
    if (image->width != size.width || image->height != size.height) {
      return Error(Kind::bad_input, "wrong-image-size",
                   fmt::format("{}cannot take an image of {}x{} pixels: the model takes {}x{}", which(i, names.size()),
                               image->width, image->height, size.width, size.height))
          .help("resize it; or say in modelctl.yaml how ('resize'), and build the model again");
    }
    if (out == nullptr) {
      out = TRY(outputs.allocate(0, DType::u8, Dims{files.dim(0), size.height, size.width, settings.channels}))
                .as<std::uint8_t>()
                .data();
    }
    out = std::copy(image->bytes.begin(), image->bytes.end(), out);
    if (places == nullptr) continue;
    for (double value : {place.scale_x, place.scale_y, place.left, place.top, place.width, place.height})
      *places++ = static_cast<float>(value);
  }
  if (out == nullptr) TRY(outputs.allocate(0, DType::u8, Dims{0, size.height, size.width, settings.channels}));
  return {};
}

constexpr AttributeDef attributes[] = {
    text_choice("pixel_format", formats, "the channels, in their order"),
    {"orient", AttributeType::integer, "1, the default: turned upright by the orientation in the file; 0: as stored"},
    text_choice(
        "fit", fits,
        "shorter: the shorter side becomes `size`; stretch: to `size`; letterbox: inside `size`, with a border"),
    {"size", AttributeType::integers, "height and width of the fit"},
    text_choice("filter", filters, "how it is resized, as in Pillow"),
    {"fill", AttributeType::integer, "value of the border of a letterbox; 0 if absent"},
    {"crop", AttributeType::integers, "height and width of the part in the middle that is taken; absent: all"},
    {"wanted", AttributeType::integers, "height and width that every result must have; absent: any"},
    {"most_pixels", AttributeType::integer, "the largest image that is decoded", true}};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "DecodeImages",
        .since = 1,
        .summary = "The pixels of image files, upright, resized and cropped as Pillow and torchvision do it.",
        .inputs = "files",
        .outputs = "pixels placement?",
        .types = "string",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor two = strings({1}, {"P3 2 1 255  255 0 0  1 2 3 "}), gray = strings({1}, {"P2 4 2 255 0 100 200 0 "
                                                                                               "0 100 200 0 "});
              std::int64_t most = 100;
              return Examples{
                  {"a portable pixmap, and where it is in the result",
                   {two},
                   {{"most_pixels", most}},
                   {u8({1, 1, 2, 3}, {255, 0, 0, 1, 2, 3}), f32({1, 6}, {1, 1, 0, 0, 2, 1})},
                   0},
                  {"the middle of a gray image",
                   {gray},
                   {{"most_pixels", most}, {"pixel_format", std::string("Grayscale")}, {"crop", Ints{1, 2}}},
                   {u8({1, 1, 2, 1}, {100, 200}), f32({1, 6}, {1, 1, -1, 0, 4, 2})},
                   0},
                  {"half the size: each pixel is a weighted mean of those around it",
                   {gray},
                   {{"most_pixels", most},
                    {"pixel_format", std::string("Grayscale")},
                    {"fit", std::string("shorter")},
                    {"size", Ints{1, 1}}},
                   {u8({1, 1, 2, 1}, {71, 100}), f32({1, 6}, {0.5f, 0.5f, 0, 0, 4, 2})},
                   0},
                  {"inside a square, with a border",
                   {two},
                   {{"most_pixels", most},
                    {"pixel_format", std::string("BGR")},
                    {"fit", std::string("letterbox")},
                    {"filter", std::string("nearest")},
                    {"size", Ints{2, 2}},
                    {"fill", std::int64_t{114}}},
                   {u8({1, 2, 2, 3}, {0, 0, 255, 3, 2, 1, 114, 114, 114, 114, 114, 114}),
                    f32({1, 6}, {1, 1, 0, 0, 2, 1})},
                   0}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "DecodeImages", evaluate}};

}  // namespace

std::span<const OpDef> decode_images_ops() { return defs; }
std::span<const OpRun> decode_images_runs() { return runs; }

}  // namespace modelctl::ops
