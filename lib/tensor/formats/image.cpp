// Images, as the bytes of their pixels, red, green and blue, or one gray value if the model has one channel. Nothing is
// scaled or resized: how that is done is a decision of whoever trained the model, and most models that take floats
// expect other values than 0 to 255. An input u8[n] gets the file as it is, which a model decodes itself
// (ImageDecoder).
//
// Smallest runner: full, since the decoders' libraries are only in that one.
#include "images/images.hpp"
#include "tensor/formats.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::formats {
namespace {

// Where the input has the channels, and how many.
struct Layout {
  bool channels_first = false;
  std::int64_t channels = 3;
  bool has_channels = true;  // false: [height, width]
};

// [batch, height, width, channels] or [batch, channels, height, width], with or without batch: the sizes 1 and 3 show
// which one it is. The last axis is looked at first.
Layout layout_of(const std::optional<Dims>& input) {
  if (!input) return {};
  if (input->size() == 2) return {false, 1, false};
  if (input->size() != 3 && input->size() != 4) return {};
  auto is_channels = [](std::int64_t size) { return size == 1 || size == 3; };
  std::int64_t last = input->back(), first = (*input)[input->size() - 3];
  if (!is_channels(last) && is_channels(first)) return {true, first};
  return {false, is_channels(last) ? last : 3};
}

Tensor decode(const images::Image& image, const Layout& layout, bool has_batch) {
  std::int64_t height = image.height, width = image.width;
  Dims dims = has_batch ? Dims{1} : Dims{};
  if (layout.channels_first) dims.push_back(layout.channels);
  dims.insert(dims.end(), {height, width});
  if (layout.has_channels && !layout.channels_first) dims.push_back(layout.channels);
  Tensor tensor(DType::u8, dims);
  auto values = tensor.mutable_view().as<std::uint8_t>();
  auto pixels = static_cast<std::size_t>(height * width), channels = static_cast<std::size_t>(layout.channels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* pixel = &image.pixels[3 * i];
    for (std::size_t c = 0; c < channels; ++c)
      values[layout.channels_first ? c * pixels + i : i * channels + c] =
          channels == 1 ? images::luma(pixel) : pixel[c];
  }
  return tensor;
}

Result<std::vector<NamedTensor>> read(const Source& source) {
  const Expected any, *input = source.find("");
  if (input == nullptr) input = &any;
  std::vector<NamedTensor> tensors;
  if (input->file) {
    tensors.push_back({"", Tensor::of_strings({1}, {std::string(as_text(source.bytes))})});
    return tensors;
  }
  if (input->type == DType::u8 && input->dims && input->dims->size() == 1) {
    Tensor file(DType::u8, {static_cast<std::int64_t>(source.bytes.size())});
    std::memcpy(file.mutable_view().data, source.bytes.data(), source.bytes.size());
    tensors.push_back({"", std::move(file)});
    return tensors;
  }
  auto image = images::decode(source.bytes, std::min(images::most_pixels, source.options.unpacked_bytes / 3));
  if (!image) {
    if (image.error().kind != Kind::bad_input) return std::move(image).error();
    return unreadable(source.where, std::move(image.error().what));
  }
  if (input->type != DType::undefined && input->type != DType::u8) {
    return Error(Kind::bad_input, "wrong-type",
                 fmt::format("cannot use the image '{}' as '{}': its pixels are bytes, but the model expects {}",
                             source.where, input->name, describe(*input)))
        .at(std::string(source.where))
        .because("the model was trained with values that were scaled, and the file does not show how")
        .help(
            "scale the pixels as in training and save them with numpy.save, or export the model with that step and "
            "an input of uint8");
  }
  tensors.push_back({"", decode(*image, layout_of(input->dims), input->dims && input->dims->size() == 4)});
  return tensors;
}

bool recognizes(std::string_view content) {
  for (const images::Format* format : images::formats()) {
    if (format->matches(as_bytes(content))) return true;
  }
  return false;
}

}  // namespace

std::span<const Format> image_format() {
  auto never = [](std::string_view) { return false; };
  static constexpr std::string_view summary = "an image";
  static const Format table[] = {
      {".png", summary, false, read, nullptr, recognizes, "image/png"},
      {".jpg", summary, false, read, nullptr, never, "image/jpeg"},
      {".jpeg", summary, false, read, nullptr, never, "image/jpeg"},
      {".webp", summary, false, read, nullptr, never, "image/webp"},
      {".bmp", summary, false, read, nullptr, never, "image/bmp"},
      {".tif", summary, false, read, nullptr, never, "image/tiff"},
      {".tiff", summary, false, read, nullptr, never, "image/tiff"},
      {".jp2", summary, false, read, nullptr, never, "image/jp2"},
      {".ppm", summary, false, read, nullptr, never, "image/x-portable-pixmap"},
      {".pgm", summary, false, read, nullptr, never, "image/x-portable-graymap"},
  };
  return table;
}

}  // namespace modelctl::formats
