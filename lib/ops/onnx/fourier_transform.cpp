// DFT and STFT: spectra of signals. A complex number is a last axis of 2, a real one a last axis of 1. The transform
// itself is reference/fourier.hpp: O(n log n) for every length, in f64.
//
// Smallest runner: regular, since sound is turned into features before it reaches most models.
#include "kernels/stft.hpp"
#include "ops/reference/element.hpp"
#include "ops/reference/fourier.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

constexpr std::int64_t longest = std::int64_t{1} << 30;  // of a transform; its square does not overflow

// ---- DFT

// onesided keeps n / 2 + 1 bins of a real signal (the others are conjugates); with inverse, opset 20 reads them back.
//
//   X[k] = sum over j of x[j] exp(-2 pi i j k / n); inverse: x[j] = 1/n sum over k of X[k] exp(2 pi i j k / n)
//
// For real x, X[n - k] is the conjugate of X[k]. Since n / 2 + 1 bins come from an even n and from the odd n + 1, a
// onesided inverse without dft_length assumes the even one, 2 (bins - 1).
Result<void> infer_dft(Inference& call) {
  TRY(need_rank(call, 0, 2));
  bool inverse = call.attributes().integer("inverse") != 0, onesided = call.attributes().integer("onesided") != 0;
  const Shape* x = call.shape(0);
  auto axes = call.present(2) ? known_integers(call, 2) : Dims{-2};
  if (x == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  Shape shape = *x;
  Expr length = call.fresh_symbol();
  // Without the axis every size is open: any of them may be the one that changes. The rank stays.
  if (axes && axes->size() == 1) {
    std::size_t axis = TRY(normal_axis(call, (*axes)[0], x->size()));
    if (axis + 1 == x->size()) return call.bad("the last axis is that of real and imaginary parts");
    auto contents = call.contents(1);
    if (contents && contents->size() == 1) length = (*contents)[0];
    else if (!call.present(1)) length = inverse && onesided ? ((*x)[axis] - 1) * 2 : (*x)[axis];
    if (length.constant() && *length.constant() < 1) return call.bad("a transform of length " + length.text());
    shape[axis] = onesided && !inverse ? floor_div(length, 2) + 1 : length;
  } else {
    for (Expr& size : shape) size = call.fresh_symbol();
  }
  shape.back() = inverse && onesided ? 1 : 2;
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// dft_length cuts a longer signal and continues a shorter one with zeros. Lines along the axis are gathered into
// `data`, transformed in f64 and scattered; the factors and roots of `transform` are computed once for all lines.
Result<void> dft(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 2, "input"));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  const bool inverse = call.attributes.integer("inverse") != 0, onesided = call.attributes.integer("onesided") != 0;
  std::size_t axis = TRY(axis_index(call.input(2).present() ? TRY(one_integer(call.input(2), "axis")) : -2, x.rank()));
  const std::int64_t parts = x.dims.back(), size = x.dim(axis);
  if (axis + 1 == x.rank()) return refuse("the last axis is that of real and imaginary parts");
  if (parts != 1 && parts != 2) return refuse("the last axis must be of 1 or 2, real or complex");
  if (onesided && parts != (inverse ? 2 : 1)) {
    return refuse(inverse ? "a onesided spectrum must be complex" : "a onesided spectrum needs a real signal");
  }
  std::int64_t length = inverse && onesided ? 2 * (size - 1) : size;
  if (call.input(1).present()) length = TRY(one_integer(call.input(1), "dft_length"));
  if (length < 1 || length > longest) return refuse("a transform of length " + std::to_string(length));
  const std::int64_t bins = onesided ? length / 2 + 1 : length;
  const std::int64_t taken = std::min(size, onesided && inverse ? bins : length);
  Dims dims(x.dims.begin(), x.dims.end());
  dims[axis] = inverse ? length : bins;
  dims.back() = inverse && onesided ? 1 : 2;
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (y.elements() == 0) return {};

  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  Fourier transform(length, inverse);
  std::vector<Complex> data(static_cast<std::size_t>(length));
  // Counted in complex numbers: the last axis holds the parts of one.
  const std::int64_t inner = product(x.dims.subspan(axis + 1)) / parts;
  const double scale = inverse ? 1 / static_cast<double>(length) : 1;
  for (std::int64_t line = 0; line < product(x.dims.first(axis)) * inner; ++line) {
    if (call.interrupted()) return {};
    std::int64_t row = line / inner, column = line % inner;
    std::fill(data.begin(), data.end(), Complex{});
    for (std::int64_t i = 0; i < taken; ++i) {
      std::int64_t from = ((row * size + i) * inner + column) * parts;
      data[static_cast<std::size_t>(i)] = {load(x.data, from), parts == 2 ? load(x.data, from + 1) : 0};
    }
    // The second half of a real signal's spectrum is the conjugate of the first; bins that are their own conjugate are
    // real.
    for (std::int64_t i = 0; onesided && inverse && i < bins; ++i) {
      Complex& of = data[static_cast<std::size_t>(i)];
      if (i == 0 || 2 * i == length) of.im = 0;
      else data[static_cast<std::size_t>(length - i)] = {of.re, -of.im};
    }
    transform.run(data.data());
    for (std::int64_t i = 0; i < dims[axis]; ++i) {
      std::int64_t to = ((row * dims[axis] + i) * inner + column) * dims.back();
      store(y.data, to, data[static_cast<std::size_t>(i)].re * scale);
      if (dims.back() == 2) store(y.data, to + 1, data[static_cast<std::size_t>(i)].im * scale);
    }
  }
  return {};
}

// Until opset 19 the axis was an attribute. Its default was 1, the first axis after the batch; that of the input is -2,
// the last one of the signal. An absent dft_length stays absent, so that the axis is input 2.
Result<void> upgrade_dft(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  const std::int64_t axis = node.attributes.integer("axis", 1);
  if (node.inputs().size() < 2) node.resize_inputs(2);
  node.set_input(2, upgrade.constant(Tensor::scalar(DType::i64, axis)));
  node.attributes.erase("axis");
  return {};
}

// ---- STFT

// The signal is [B,L], [B,L,1] or, complex, [B,L,2].
//
// The length of a frame comes from frame_length, else the window, else the whole signal. floor_div counts frames that
// fit completely: 1 + (L - length) / step.
Result<void> infer_stft(Inference& call) {
  TRY(need_rank(call, 0, 2, 3));
  TRY(need_rank(call, 2, 1, 1));
  TRY(common_element(call, {0, 2}));
  const Shape* x = call.shape(0);
  auto steps = call.contents(1), lengths = call.contents(3);
  Expr length = call.fresh_symbol(), frames = call.fresh_symbol();
  bool known = true;
  if (lengths && lengths->size() == 1) length = (*lengths)[0];
  else if (!call.present(3) && call.shape(2) != nullptr) length = (*call.shape(2))[0];
  else if (!call.present(3) && !call.present(2) && x != nullptr) length = (*x)[1];
  else known = false;
  const Expr step = steps && steps->size() == 1 ? (*steps)[0] : call.fresh_symbol();
  if (step.constant() && *step.constant() < 1) return call.bad("a step of " + step.text());
  if (length.constant() && *length.constant() < 1) return call.bad("a frame of " + length.text());
  if (known && x != nullptr && step.constant()) frames = floor_div((*x)[1] - length, step) + 1;
  Expr bins = call.attributes().integer("onesided", 1) != 0 ? floor_div(length, 2) + 1 : length;
  call.set_output(0, call.element(0), Shape{x == nullptr ? call.fresh_symbol() : (*x)[0], frames, bins, 2});
  return {};
}

// Frame f covers the samples [f * step, f * step + length), multiplied by the window; there is no padding at the ends.
// A window shorter than the frame counts as zero beyond its end. onesided is the default here, unlike in DFT, and a
// complex signal has no half that would be enough.
Result<void> stft(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &window = call.input(2);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  if (x.rank() != 2 && x.rank() != 3) return refuse("the signal must be [batch, length, 1 or 2]");
  const std::int64_t parts = x.rank() == 3 ? x.dim(2) : 1, size = x.dim(1);
  if (parts != 1 && parts != 2) return refuse("the signal must be [batch, length, 1 or 2]");
  const bool onesided = call.attributes.integer("onesided", 1) != 0;
  if (onesided && parts == 2) return refuse("a onesided spectrum needs a real signal");
  if (window.present()) {
    TRY(same_type(x, window));
    if (window.rank() != 1) return refuse("the window must have rank 1");
  }
  const std::int64_t step = TRY(one_integer(call.input(1), "frame_step"));
  const std::int64_t length = call.input(3).present() ? TRY(one_integer(call.input(3), "frame_length"))
                              : window.present()      ? window.dim(0)
                                                      : size;
  if (step < 1) return refuse("a step of " + std::to_string(step));
  if (length < 1 || length > size) {
    return refuse("a frame of " + std::to_string(length) + " does not fit a signal of " + std::to_string(size));
  }
  const std::int64_t frames = 1 + (size - length) / step, bins = onesided ? length / 2 + 1 : length;
  MutableTensorView y = TRY(outputs.allocate(0, x.type, Dims{x.dim(0), frames, bins, 2}));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  Fourier transform(length, false);
  std::vector<Complex> data(static_cast<std::size_t>(length));
  // The window as factors for each sample of a frame: ones without a window.
  std::vector<double> factors(data.size(), window.present() ? 0 : 1);
  for (std::int64_t i = 0; window.present() && i < std::min(length, window.dim(0)); ++i) {
    factors[static_cast<std::size_t>(i)] = load(window.data, i);
  }
  for (std::int64_t frame = 0, to = 0; frame < x.dim(0) * frames; ++frame) {
    if (call.interrupted()) return {};
    std::int64_t from = (frame / frames * size + frame % frames * step) * parts;
    for (std::size_t i = 0; i < data.size(); ++i, from += parts) {
      data[i] = {load(x.data, from) * factors[i], parts == 2 ? load(x.data, from + 1) * factors[i] : 0};
    }
    transform.run(data.data());
    for (std::int64_t bin = 0; bin < bins; ++bin) {
      store(y.data, to++, data[static_cast<std::size_t>(bin)].re);
      store(y.data, to++, data[static_cast<std::size_t>(bin)].im);
    }
  }
  return {};
}

// Frames of constant length and step with a constant window, as speech models have them. A frame of a real signal takes
// 2 length bins multiplications in the product, and the matrix has as many floats: 4 MB for a onesided spectrum at the
// bound of 1024. The matrix of longer frames would take more memory than it saves time.
Result<bool> lower_stft(Lowering& call) {
  const graph::Node& node = call.node();
  const Tensor *step = call.constant(1), *window = call.constant(2), *length = call.constant(3);
  if (!call.plain_f32(0) || step == nullptr || (node.input(2) != nullptr && window == nullptr)) return false;
  if (length == nullptr && (node.input(3) != nullptr || window == nullptr)) return false;
  const std::int64_t size = length != nullptr ? TRY(one_integer(length->view(), "frame_length")) : window->elements();
  const Shape& x = *call.shape(0);
  auto parts = x.size() == 2 ? std::optional(std::int64_t{1}) : x.back().constant();
  const bool onesided = call.attributes().integer("onesided", 1) != 0;
  constexpr std::int64_t most = 1024;
  if (size < 1 || size > most || !parts || (*parts != 1 && (*parts != 2 || onesided))) return false;
  Tensor ones(DType::f32, {size});
  std::fill_n(ones.mutable_view().as<float>().data(), size, 1.0f);
  const std::int64_t bins = onesided ? size / 2 + 1 : size;
  const std::int64_t step_size = TRY(one_integer(step->view(), "frame_step"));
  call.emit(
      "stft_f32",
      {node.input(0), kernels::pack_stft_weights((window != nullptr ? *window : ones).view(), size, bins, *parts == 2)},
      {{"length", size}, {"step", step_size}, {"bins", bins}});
  return true;
}

constexpr AttributeDef of_dft[] = {
    {"inverse", AttributeType::integer, "1: from spectrum to signal, divided by the length; 0 if absent"},
    {"onesided", AttributeType::integer, "1: only the first half of a real signal's spectrum; 0 if absent"}};
constexpr AttributeDef of_stft[] = {
    {"onesided", AttributeType::integer, "only the first half of a real signal's spectrum; 1 if absent"}};

Attributes flag(const char* name, std::int64_t value = 1) { return {{name, value}}; }

constexpr OpDef defs[] = {
    {
        .name = "DFT",
        .since = 20,
        .summary = "The discrete Fourier transform along an axis, or its inverse.",
        .inputs = "input dft_length?:i32,i64 axis?:i64",
        .outputs = "output",
        .types = float_types,
        .attributes = of_dft,
        .infer = infer_dft,
        .upgrade = upgrade_dft,
        .examples =
            [] {
              Attributes back = flag("inverse");
              back.set("onesided", std::int64_t{1});
              return Examples{
                  {"a real signal of four",
                   {f32({4, 1}, {1, 2, 3, 4})},
                   {},
                   {f32({4, 2}, {10, 0, -2, 2, -2, 0, -2, -2})}},
                  {"its first half is enough",
                   {f32({4, 1}, {1, 2, 3, 4})},
                   flag("onesided"),
                   {f32({3, 2}, {10, 0, -2, 2, -2, 0})}},
                  {"and the way back", {f32({3, 2}, {10, 0, -2, 2, -2, 0})}, back, {f32({4, 1}, {1, 2, 3, 4})}},
                  {"along another axis, with a zero added",
                   {f32({2, 2, 1}, {1, 0, 1, 2}), i64({}, {3}), i64({}, {0})},
                   {},
                   {f32({3, 2, 2},
                        {2, 0, 2, 0, 0.5f, -0.8660254f, -1, -1.7320508f, 0.5f, 0.8660254f, -1, 1.7320508f})}},
                  {"the inverse of a complex spectrum",
                   {f32({1, 2, 2}, {2, 4, 0, 2})},
                   flag("inverse"),
                   {f32({1, 2, 2}, {1, 3, 1, 1})}}};
            },
    },
    {
        .name = "STFT",
        .since = 17,
        .summary = "The spectra of a signal's frames.",
        .inputs = "signal frame_step:i32,i64 window?:signal frame_length?:frame_step",
        .outputs = "output",
        .types = float_types,
        .attributes = of_stft,
        .infer = infer_stft,
        .lower = lower_stft,
        .examples =
            [] {
              return Examples{{"frames of two, one apart",
                               {f32({1, 3, 1}, {1, 2, 4}), i64({}, {1}), Tensor(), i64({}, {2})},
                               {},
                               {f32({1, 2, 2, 2}, {3, 0, -1, 0, 6, 0, -2, 0})}},
                              {"under a window, the whole spectrum",
                               {f32({1, 3}, {1, 2, 4}), i64({}, {1}), f32({2}, {1, 0.5f})},
                               flag("onesided", 0),
                               {f32({1, 2, 2, 2}, {2, 0, 0, 0, 4, 0, 0, 0})}},
                              {"a complex signal",
                               {f32({1, 4, 2}, {1, 1, 0, 2, 3, 0, 1, 1}), i64({}, {4}), f32({4}, {1, 1, 1, 1})},
                               flag("onesided", 0),
                               {f32({1, 1, 4, 2}, {5, 4, -1, 2, 3, -2, -3, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "DFT", dft}, {"", "STFT", stft}};

}  // namespace

std::span<const OpDef> fourier_transform_ops() { return defs; }
std::span<const OpRun> fourier_transform_runs() { return runs; }

}  // namespace modelctl::ops
