// ImageDecoder: an encoded image file (a vector of bytes) becomes a tensor of pixels, [height, width, channels]. The
// formats are libraries' (lib/images).
//
// Smallest runner: full, since the libraries of its formats take 3 MB, and Debian's archives of them are not position
// independent.
#include "images/images.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

enum class Pixels { rgb, bgr, grayscale };
constexpr std::string_view formats = "RGB BGR Grayscale";

// Only the number of channels is known before the file is read; height and width are symbols.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 1, 1));
  auto pixels = choice_of<Pixels>(call.attributes(), "pixel_format", formats);
  call.set_output(0, DType::u8,
                  Shape{call.fresh_symbol(), call.fresh_symbol(), Expr(pixels == Pixels::grayscale ? 1 : 3)});
  return {};
}

// lib/images bounds the size that a file may claim. A file that cannot be decoded gives an empty image, as the
// specification demands; grayscale is the luma of the color.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& file = call.input(0);
  if (file.type != DType::u8 || file.rank() != 1) return refuse("the input must be u8 of rank 1");
  auto pixels = choice_of<Pixels>(call.attributes, "pixel_format", formats);
  auto decoded = images::decode(std::as_bytes(file.as<std::uint8_t>()));
  // The specification demands an empty image for a file that cannot be decoded.
  if (!decoded && decoded.error().kind != Kind::bad_input) return std::move(decoded).error();
  images::Image image = decoded ? std::move(*decoded) : images::Image{};
  MutableTensorView y =
      TRY(outputs.allocate(0, DType::u8, Dims{image.height, image.width, pixels == Pixels::grayscale ? 1 : 3}));
  std::uint8_t* out = y.as<std::uint8_t>().data();
  // Decoded pixels are RGB, three bytes each, for every format; an empty image has none.
  for (const std::uint8_t *at = image.pixels.data(), *end = at + image.pixels.size(); at < end; at += 3) {
    if (pixels == Pixels::grayscale) *out++ = images::luma(at);
    else if (pixels == Pixels::rgb) out = std::copy_n(at, 3, out);
    else out = std::reverse_copy(at, at + 3, out);
  }
  return {};
}

constexpr AttributeDef attributes[] = {text_choice("pixel_format", formats, "the channels, in their order")};

Tensor file_of(std::string_view text) {
  Tensor file(DType::u8, {static_cast<std::int64_t>(text.size())});
  std::copy(text.begin(), text.end(), file.mutable_view().as<std::uint8_t>().begin());
  return file;
}

constexpr OpDef defs[] = {
    {
        .name = "ImageDecoder",
        .since = 20,
        .summary = "The pixels of a JPEG, JPEG 2000, PNG, TIFF, WebP, BMP, PBM, PGM or PPM file.",
        .inputs = "encoded_stream",
        .outputs = "image",
        .types = "u8",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor two = file_of("P3 2 1 255  255 0 0  1 2 3 ");
              return Examples{
                  {"a portable pixmap", {two}, {}, {u8({1, 2, 3}, {255, 0, 0, 1, 2, 3})}, 0},
                  {"blue comes first",
                   {two},
                   {{"pixel_format", std::string("BGR")}},
                   {u8({1, 2, 3}, {0, 0, 255, 3, 2, 1})},
                   0},
                  {"brightness alone",
                   {two},
                   {{"pixel_format", std::string("Grayscale")}},
                   {u8({1, 2, 1}, {76, 2})},
                   0},
                  {"a file that is not an image gives an empty one", {file_of("hello")}, {}, {u8({0, 0, 3}, {})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "ImageDecoder", evaluate}};

}  // namespace

std::span<const OpDef> image_decoder_ops() { return defs; }
std::span<const OpRun> image_decoder_runs() { return runs; }

}  // namespace modelctl::ops
