// Images: the input becomes string[batch], each the bytes of a file. Strings and not u8[n], since files of different
// sizes make a batch then, and every protocol has a form for them (BYTES).
//
//   files -> modelctl::DecodeImages: decode, turn upright, color, resize, crop  -> u8[batch, height, width, channels]
//         -> Transpose (NCHW) -> Cast -> Mul or Div (scale) -> Sub (mean) -> Div (std) -> the model
//
// The arithmetic is torchvision's, in its order and in f32: ToTensor divides by 255, Normalize subtracts and divides.
#include "images/resample.hpp"
#include "processing/kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace modelctl::processing {
namespace {

using graph::Expr;
using graph::Shape;
using graph::Value;

constexpr std::string_view colors[] = {"RGB", "BGR", "gray"};
constexpr std::string_view orientations[] = {"exif", "stored"};
constexpr std::string_view fits[] = {"shorter", "stretch", "letterbox"};
constexpr std::string_view layouts[] = {"NCHW", "NHWC"};

constexpr Key keys[] = {
    {"color", KeyType::text, "",
     "Order of the colors, or one gray channel; by default gray if the model takes one channel, else RGB", colors},
    {"orientation", KeyType::text, "exif",
     "`exif`: turn the image upright, as its EXIF data say; `stored`: leave it as the file has it", orientations},
    {"resize", KeyType::sizes, "",
     "The shorter side in pixels, or `[height, width]`; without it, images must have the size that the model takes"},
    {"fit", KeyType::text, "",
     "`shorter`: the shorter side gets the size; `stretch`: both sides do, whatever the ratio; `letterbox`: the image "
     "fits inside, and a border fills the rest. By default `shorter` for one number, `stretch` for two",
     fits},
    {"filter", KeyType::text, "bilinear", "How to resize: Pillow's filters, which are antialiased",
     images::filter_names},
    {"fill", KeyType::count, "114", "Value of the border of a letterbox, before `scale`", {}, 0, 255},
    {"crop", KeyType::sizes, "", "Height and width of the middle that is kept, after `resize`; black beyond the image"},
    {"layout", KeyType::text, "", "Order of the model's axes; by default the one with 1 or 3 channels", layouts},
    {"scale", KeyType::ratio, "1", "Factor for the bytes, such as `1/255`"},
    {"mean", KeyType::numbers, "", "Subtracted after `scale`: a number, or one for each channel"},
    {"std", KeyType::numbers, "", "Divides after `mean`: a number, or one for each channel"},
    {"max_pixels",
     KeyType::count,
     "89478485",
     "The largest image that is decoded; 3 bytes of memory each",
     {},
     1,
     1 << 28}};

// Where the model has its axes. Images without a batch have none of N.
struct Layout {
  bool batch = true, channels_first = true, has_channels = true;
  std::optional<std::int64_t> channels, height, width;
  Expr count = Expr(1);
};

Result<Layout> layout_of(const InputCall& call) {
  const graph::Type& type = call.tensor.type;
  if (!type.shape || type.shape->size() < 2 || type.shape->size() > 4) {
    return call.bad(fmt::format("the model takes {}, and an image needs [batch,channels,height,width] or the like",
                                graph::describe(type)));
  }
  const Shape& shape = *type.shape;
  auto size = [&](std::size_t axis) { return shape[axis].constant(); };
  auto is_channels = [&](std::size_t axis) { return size(axis) == 1 || size(axis) == 3; };
  Layout layout;
  layout.batch = shape.size() == 4;
  layout.has_channels = shape.size() > 2;
  if (layout.batch) layout.count = shape[0];
  std::size_t first = layout.batch ? 1 : 0;
  if (!layout.has_channels) {
    layout.channels = 1;
    layout.height = size(0);
    layout.width = size(1);
    return layout;
  }
  std::string stated = call.settings.text("layout");
  if (stated.empty() && !is_channels(first) && !is_channels(first + 2)) {
    return call.bad(
        fmt::format("the model takes {}, and no axis of that shows where the channels are", graph::describe(type)), "",
        "add a line 'layout: NCHW' or 'layout: NHWC'");
  }
  // The last axis is looked at first, as for the pixels of an image (docs/reference/tensor-files.md).
  layout.channels_first = stated.empty() ? !is_channels(first + 2) : stated == "NCHW";
  layout.channels = size(layout.channels_first ? first : first + 2);
  layout.height = size(layout.channels_first ? first + 1 : first);
  layout.width = size(layout.channels_first ? first + 2 : first + 1);
  return layout;
}

using Sizes = std::vector<std::int64_t>;

// [height, width] of a key; one number is both. Empty if it is absent.
Sizes sizes_of(const Settings& settings, std::string_view key) {
  Sizes sizes;
  for (double number : settings.numbers(key)) sizes.push_back(static_cast<std::int64_t>(number));
  if (sizes.size() == 1) sizes.push_back(sizes[0]);
  return sizes;
}

std::string text_of(const Sizes& sizes) { return fmt::format("{}x{}", sizes[0], sizes[1]); }

struct Plan {
  Layout layout;
  std::int64_t channels = 3;
  std::string color, fit;
  Sizes resize, crop, wanted;
};

// What the model takes must be what the settings make: found here, and not with the first image.
Result<Plan> plan_of(const InputCall& call) {
  const Settings& settings = call.settings;
  Plan image{.layout = TRY(layout_of(call))};
  image.color = settings.text("color");
  if (image.color.empty()) image.color = image.layout.channels == 1 ? "gray" : "RGB";
  image.channels = image.color == "gray" ? 1 : 3;
  if (image.layout.channels.value_or(image.channels) != image.channels) {
    return call.bad(fmt::format("'{}' has {} channel{}, and the model takes {}", image.color, image.channels,
                                image.channels == 1 ? "" : "s", *image.layout.channels),
                    "color");
  }
  image.resize = sizes_of(settings, "resize");
  image.crop = sizes_of(settings, "crop");
  image.fit = settings.text("fit");
  if (image.resize.empty() && !image.fit.empty())
    return call.bad("'fit' needs a size", "fit", "add a line 'resize: [HEIGHT, WIDTH]'");
  bool one = settings.numbers("resize").size() == 1;
  if (image.resize.empty()) image.fit = "none";
  else if (image.fit.empty()) image.fit = one ? "shorter" : "stretch";
  if (image.fit == "shorter" && !one)
    return call.bad("'fit: shorter' takes one size, that of the shorter side", "resize");
  Sizes made = !image.crop.empty()                             ? image.crop
               : image.fit == "none" || image.fit == "shorter" ? Sizes()
                                                               : image.resize;
  const auto &height = image.layout.height, &width = image.layout.width;
  if (height && width) image.wanted = {*height, *width};
  if (made.empty()) {
    if (image.fit != "shorter" || image.wanted.empty()) return image;
    return call.bad(fmt::format("the longer side depends on the image, and the model takes {}", text_of(image.wanted)),
                    "resize", fmt::format("add a line 'crop: [{}, {}]', or give 'resize' two sizes", *height, *width));
  }
  if (height.value_or(made[0]) == made[0] && width.value_or(made[1]) == made[1]) return image;
  return call.bad(fmt::format("it makes images of {} (height x width), and the model takes {}", text_of(made),
                              graph::describe(call.tensor.type)),
                  image.crop.empty() ? "resize" : "crop");
}

// A number for each channel, as a constant that broadcasts over the pixels.
Result<Value*> per_channel(const InputCall& call, std::string_view key, const Plan& image) {
  const std::vector<double>& numbers = call.settings.numbers(key);
  if (numbers.size() == 1) return call.nodes.floats(numbers);
  auto count = static_cast<std::int64_t>(numbers.size());
  if (count != image.channels) {
    return call.bad(fmt::format("'{}' has {} numbers, and the image {} channel{}", key, count, image.channels,
                                image.channels == 1 ? "" : "s"),
                    key);
  }
  return call.nodes.floats(numbers, image.layout.channels_first ? Dims{count, 1, 1} : Dims{count});
}

Result<Value*> scaled(const InputCall& call, Value* value, const Plan& image) {
  const Settings& settings = call.settings;
  DType type = call.tensor.type.element;
  std::vector<double> ratio = settings.numbers("scale");
  bool computes = !ratio.empty() || settings.has("mean") || settings.has("std");
  if (is_integer(type) && computes)
    return call.bad(fmt::format("the model takes {}, which keep the bytes as they are", name(type)), "scale");
  if (!computes) return call.nodes.cast(value, type);
  value = TRY(call.nodes.cast(value, DType::f32));
  if (!ratio.empty() && ratio[0] != 1) value = TRY(call.nodes.add("Mul", {value, call.nodes.floats({ratio[0]})}));
  if (ratio.size() == 2) value = TRY(call.nodes.add("Div", {value, call.nodes.floats({ratio[1]})}));
  if (settings.has("mean")) value = TRY(call.nodes.add("Sub", {value, TRY(per_channel(call, "mean", image))}));
  if (settings.has("std")) value = TRY(call.nodes.add("Div", {value, TRY(per_channel(call, "std", image))}));
  return call.nodes.cast(value, type);
}

std::string description_of(const Plan& image, const Settings& settings) {
  std::string text = fmt::format("an image file, {}", image.color);
  if (image.fit == "shorter") text += fmt::format(", shorter side {}", image.resize[0]);
  if (image.fit == "stretch") text += fmt::format(", stretched to {}", text_of(image.resize));
  if (image.fit == "letterbox") text += fmt::format(", inside {}", text_of(image.resize));
  if (image.fit != "none") text += fmt::format(" ({})", settings.text("filter"));
  if (!image.crop.empty()) text += fmt::format(", middle {}", text_of(image.crop));
  if (image.fit == "none" && image.crop.empty() && !image.wanted.empty())
    text += fmt::format(", of {}", text_of(image.wanted));
  return text;
}

Result<Value*> build(InputCall& call) {
  Plan image = TRY(plan_of(call));
  DType type = call.tensor.type.element;
  if (type != DType::u8 && !is_float(type))
    return call.bad(fmt::format("the model takes {}, and pixels are numbers: floats, or u8", name(type)));
  const Settings& settings = call.settings;
  Value* files = call.add_input(call.name, {DType::string, Shape{image.layout.count}, {}},
                                {Content::image, description_of(image, settings)});
  Attributes attributes{{"pixel_format", image.color == "gray" ? "Grayscale" : image.color},
                        {"orient", std::int64_t{settings.text("orientation") == "exif"}},
                        {"fit", image.fit},
                        {"filter", settings.text("filter")},
                        {"fill", settings.count("fill")},
                        {"most_pixels", settings.count("max_pixels")}};
  if (!image.resize.empty()) attributes.set("size", image.resize);
  if (!image.crop.empty()) attributes.set("crop", image.crop);
  if (!image.wanted.empty()) attributes.set("wanted", image.wanted);
  graph::Node* decode = TRY(call.nodes.add_node("modelctl", "DecodeImages", {files}, std::move(attributes), 2));
  const Sizes& seen = !image.crop.empty()                                  ? image.crop
                      : image.fit == "stretch" || image.fit == "letterbox" ? image.resize
                                                                           : image.wanted;
  call.images[call.name] = {decode->output(1), seen.empty() ? 0 : seen[0], seen.empty() ? 0 : seen[1]};
  Value* value = decode->output(0);
  if (image.layout.has_channels && image.layout.channels_first)
    value = TRY(call.nodes.add("Transpose", {value}, {{"perm", Sizes{0, 3, 1, 2}}}));
  value = TRY(scaled(call, value, image));
  Sizes unwanted;
  if (!image.layout.batch) unwanted.push_back(0);
  if (!image.layout.has_channels) unwanted.push_back(3);
  return unwanted.empty() ? value : call.nodes.add("Squeeze", {value, call.nodes.ints(unwanted)});
}

constexpr InputKind kind[] = {{"image", "Image files: JPEG, PNG, WebP, BMP, TIFF, JPEG 2000 or PNM", keys, build}};

}  // namespace

std::span<const InputKind> image_input() { return kind; }

}  // namespace modelctl::processing
