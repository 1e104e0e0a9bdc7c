// HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix: window functions and filter banks for spectra of
// sound.
//
// Smallest runner: regular, since they come with the Fourier transform.
#include "ops/reference/generated.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <array>
#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

constexpr double circle = 6.283185307179586;

// A size that is an input: a number, symbolic, or data-dependent.
Expr size_of(Inference& call, std::size_t index) {
  auto contents = call.contents(index);
  return contents && contents->size() == 1 ? (*contents)[0] : call.fresh_symbol();
}

Result<void> infer_window(Inference& call) {
  auto type = numbered_type(call.attributes(), "output_datatype", DType::f32);
  if (!type) return call.bad(type.error().what);
  Expr size = size_of(call, 0);
  if (size.constant() && *size.constant() < 0) return call.bad("a size of " + size.text());
  call.set_output(0, *type, Shape{size});
  return {};
}

// A window as a sum of cosines: a - b cos x + c cos 2x, where x covers one period. Hamming's 25/46 is the exact form of
// the 0.54 that textbooks round to: it cancels the first side lobe (Harris, 1978).
struct Cosines {
  double a, b, c;
};
constexpr Cosines hann{0.5, 0.5, 0}, hamming{25.0 / 46, 21.0 / 46, 0}, blackman{0.42, 0.5, 0.08};

// Sums of cosines of 2 pi i / n: periodic windows divide by the size, symmetric ones by the size less one. A symmetric
// window of one element divides 0 by 0 and is NaN, since the specification's function does so too.
template <const Cosines& window>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  std::int64_t size = TRY(one_integer(call.input(0), "size"));
  if (size < 0) return refuse("a size of " + std::to_string(size));
  DType type = TRY(numbered_type(call.attributes, "output_datatype", DType::f32));
  // A symmetric window ends with the value that it begins with.
  double period = static_cast<double>(call.attributes.integer("periodic", 1) != 0 ? size : size - 1);
  return generate(outputs, type, Dims{size}, [&](std::int64_t i) {
    double x = circle * static_cast<double>(i) / period;
    return window.a - window.b * std::cos(x) + window.c * std::cos(2 * x);
  });
}

// [dft_length / 2 + 1, num_mel_bins]; the sizes are inputs, so they are known only if those are constants.
Result<void> infer_mel(Inference& call) {
  auto type = numbered_type(call.attributes(), "output_datatype", DType::f32);
  if (!type) return call.bad(type.error().what);
  call.set_output(0, *type, Shape{floor_div(size_of(call, 1), 2) + 1, size_of(call, 0)});
  return {};
}

// One triangle over the spectrum's bins for each band; the bands' edges are equally far apart in mel:
//
//   mel = 2595 log10(1 + hertz / 700),  bin = floor((dft_length + 1) * hertz / sample_rate)
//
// Band i rises from edge i to edge i + 1 and falls to edge i + 2. ONNX's reference implementation divides the range by
// bands + 2 and not, as usual, by bands + 1, so that the last band ends one step below the upper edge. Edges are
// rounded to bins before the slopes are computed, so that a narrow band may have only its center, with weight 1, or no
// slope at all.
Result<void> mel(const Call& call, Outputs& outputs) {
  std::int64_t bands = TRY(one_integer(call.input(0), "num_mel_bins"));
  std::int64_t length = TRY(one_integer(call.input(1), "dft_length"));
  std::int64_t rate = TRY(one_integer(call.input(2), "sample_rate"));
  double lower = TRY(one_number(call.input(3), "lower_edge_hertz"));
  double upper = TRY(one_number(call.input(4), "upper_edge_hertz"));
  DType type = TRY(numbered_type(call.attributes, "output_datatype", DType::f32));
  // The sizes are data: they are bounded before bands are made or a sum of them is computed.
  constexpr std::int64_t most = 1 << 24;
  if (bands < 0 || bands > most || length < 0 || length > most)
    return refuse("num_mel_bins or dft_length is out of range");
  if (rate < 1 || !(lower >= 0) || !(upper >= lower) || !std::isfinite(upper))
    return refuse("the edges or the sample rate are not valid frequencies");
  std::int64_t bins = length / 2 + 1;
  auto mel_of = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  double first = mel_of(lower), step = (mel_of(upper) - first) / static_cast<double>(bands + 2);
  auto edge = [&](std::int64_t i) {
    double hertz = 700 * (std::pow(10, (first + static_cast<double>(i) * step) / 2595) - 1);
    double bin = std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    return static_cast<std::int64_t>(std::min(bin, static_cast<double>(bins + 1)));  // the last one is refused below
  };
  std::vector<std::array<std::int64_t, 3>> edges;
  for (std::int64_t band = 0; band < bands; ++band) {
    edges.push_back({edge(band), edge(band + 1), edge(band + 2)});
    if (edges.back()[2] > bins) return refuse("a band ends beyond the spectrum");
  }
  return generate(outputs, type, Dims{bins, bands}, [&](std::int64_t i) {
    auto [left, center, right] = edges[static_cast<std::size_t>(i % bands)];
    std::int64_t bin = i / bands;
    auto part = [](std::int64_t a, std::int64_t b) { return static_cast<double>(a) / static_cast<double>(b); };
    if (bin >= center && bin < right) return part(right - bin, right - center);
    if (bin == center) return 1.0;
    return bin >= left && bin < center ? part(bin - left, center - left) : 0.0;
  });
}

constexpr AttributeDef datatype = {"output_datatype", AttributeType::integer,
                                   "the element type, as ONNX numbers them; f32 if absent"};
constexpr AttributeDef of_window[] = {datatype,
                                      {"periodic", AttributeType::integer, "1 if absent; 0: symmetric, for filters"}};
constexpr AttributeDef of_mel[] = {datatype};
Attributes symmetric() { return {{"periodic", std::int64_t{0}}}; }

constexpr OpDef defs[] = {
    {
        .name = "HannWindow",
        .since = 17,
        .summary = "The Hann window: a raised cosine.",
        .inputs = "size",
        .outputs = "output",
        .types = "i32 i64",
        .attributes = of_window,
        .infer = infer_window,
        .examples =
            [] {
              return Examples{{"periodic", {i64({}, {4})}, {}, {f32({4}, {0, 0.5f, 1, 0.5f})}},
                              {"symmetric", {i32({}, {3})}, symmetric(), {f32({3}, {0, 1, 0})}}};
            },
    },
    {
        .name = "HammingWindow",
        .since = 17,
        .summary = "The Hamming window: a cosine raised further.",
        .inputs = "size",
        .outputs = "output",
        .types = "i32 i64",
        .attributes = of_window,
        .infer = infer_window,
        .examples =
            [] {
              return Examples{{"symmetric", {i64({}, {3})}, symmetric(), {f32({3}, {0.08695652f, 1, 0.08695652f})}}};
            },
    },
    {
        .name = "BlackmanWindow",
        .since = 17,
        .summary = "The Blackman window: two cosines.",
        .inputs = "size",
        .outputs = "output",
        .types = "i32 i64",
        .attributes = of_window,
        .infer = infer_window,
        .examples =
            [] {
              return Examples{
                  {"of f64", {i64({}, {4})}, {{"output_datatype", std::int64_t{11}}}, {f64({4}, {0, 0.34, 1, 0.34})}}};
            },
    },
    {
        .name = "MelWeightMatrix",
        .since = 17,
        .summary = "Weights that sum a spectrum's bins into bands of equal width in mel.",
        .inputs = "num_mel_bins dft_length:num_mel_bins sample_rate:num_mel_bins lower_edge_hertz:floats "
                  "upper_edge_hertz:lower_edge_hertz",
        .outputs = "output",
        .types = "i32 i64",
        .attributes = of_mel,
        .infer = infer_mel,
        .examples =
            [] {
              return Examples{{"two bands of nine bins",
                               {i64({}, {2}), i64({}, {16}), i64({}, {8000}), f32({}, {100}), f32({}, {4000})},
                               {},
                               {f32({9, 2}, {0, 0, 1, 0, 0, 1, 0, 0.5f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "HannWindow", evaluate<hann>},
                          {"", "HammingWindow", evaluate<hamming>},
                          {"", "BlackmanWindow", evaluate<blackman>},
                          {"", "MelWeightMatrix", mel}};

}  // namespace

std::span<const OpDef> windows_ops() { return defs; }
std::span<const OpRun> windows_runs() { return runs; }

}  // namespace modelctl::ops
