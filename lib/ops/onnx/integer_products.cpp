// MatMulInteger, ConvInteger, QLinearMatMul and QLinearConv: products of quantized tensors, exact: every sum is that of
// integers, and only the step to the output's scale rounds.
//
// A quantized element q stands for (q - zero) scale, so a product of two tensors is
//
//   sum of (a - a_zero) (b - b_zero), times a_scale b_scale
//
// MatMulInteger and ConvInteger return the sum as i32. The QLinear forms return it quantized again: round(sum * factor)
// + y_zero within the type, with factor = a_scale b_scale / y_scale. Factors are computed in f32, in this order, by the
// reference and by the lowering, so that both round the same numbers.
//
// The reference subtracts the zero points first and sums in f64: a term is at most 255 * 255, so 2^37 of them are
// exact. The kernels multiply the stored bytes and correct the sum, sum a b - b_zero sum (a - a_zero) - a_zero sum b;
// the sums of b's columns are computed when b is packed. For some instruction sets they subtract a's zero point first
// as well.
#include "kernels/integer_conv.hpp"
#include "kernels/integer_gemm.hpp"
#include "ops/family/cost.hpp"
#include "ops/family/window.hpp"
#include "ops/reference/convolve.hpp"
#include "ops/reference/multiply.hpp"
#include "ops/reference/quantized.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

// Sums may exceed 32 bits; they wrap around. So do those of the kernels, whose accumulators have 32 bits.
std::int32_t wrapped(double sum) { return static_cast<std::int32_t>(static_cast<std::int64_t>(sum)); }

bool is_byte(DType type) { return type == DType::i8 || type == DType::u8; }

// i8 and u8 in any combination: the operands' types are independent.
Result<void> need_bytes(const TensorView& a, const TensorView& b) {
  for (const TensorView* view : {&a, &b}) {
    if (!is_byte(view->type)) return refuse_type(view->type);
  }
  return {};
}

// A vector with one element for each row of a matrix, as a column. ONNX means a list of A's zero points or scales so,
// while broadcasting would align it with the columns. Other ranks are left as they are.
Dims by_row(const TensorView& view) {
  Dims dims(view.dims.begin(), view.dims.end());
  if (dims.size() == 1) dims.push_back(1);
  return dims;
}

// A vector with one element for each output channel of a convolution, shaped to broadcast against W.
Dims by_map(const TensorView& view, std::size_t rank) {
  Dims dims(view.dims.begin(), view.dims.end());
  if (dims.size() == 1) dims.resize(rank, 1);
  return dims;
}

// The product of two matrices minus their zero points, as f64. A batch of them, with numpy's broadcasting of the
// batches.
struct Product {
  MatMulSizes sizes;
  std::vector<double> sums;
};
Result<Product> product_of(const Call& call, const TensorView& a, const TensorView& a_zero, const TensorView& b,
                           const TensorView& b_zero) {
  Product result{TRY(matmul_sizes(a.dims, b.dims)), {}};
  const auto& [m, k, n, a_batch, b_batch, batch, dims] = result.sizes;
  std::vector<double> left = TRY(a.rank() > 1 ? centered(a, a_zero, by_row(a_zero)) : centered(a, a_zero));
  std::vector<double> right = TRY(centered(b, b_zero));
  result.sums.resize(static_cast<std::size_t>(product(dims)));
  if (result.sums.empty()) return result;
  const MatMulSizes& sizes = result.sizes;
  for_each_index<2>(
      batch, {broadcast_strides(a_batch, batch), broadcast_strides(b_batch, batch)},
      [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
        Matrix<double> x{left.data() + at[0] * sizes.m * sizes.k, sizes.k, 1};
        Matrix<double> y{right.data() + at[1] * sizes.k * sizes.n, sizes.n, 1};
        double* out = result.sums.data() + i * sizes.m * sizes.n;
        multiply(call, x, y, sizes.m, sizes.k, sizes.n,
                 [&](std::int64_t row, std::int64_t column, double sum) { out[row * sizes.n + column] = sum; });
      });
  return result;
}

Result<void> infer_matmul_integer(Inference& call) {
  call.set_output(0, DType::i32, TRY(matmul_shape(call, 0, 1)));
  return {};
}

Result<void> matmul_integer(const Call& call, Outputs& outputs) {
  TRY(need_bytes(call.input(0), call.input(1)));
  Product product = TRY(product_of(call, call.input(0), call.input(2), call.input(1), call.input(3)));
  MutableTensorView y = TRY(outputs.allocate(0, DType::i32, product.sizes.dims));
  std::transform(product.sums.begin(), product.sums.end(), y.as<std::int32_t>().begin(), wrapped);
  return {};
}

// The element type is that of y_zero_point, input 7.
Result<void> infer_qlinear_matmul(Inference& call) {
  call.set_output(0, call.element(7), TRY(matmul_shape(call, 0, 3)));
  return {};
}

// Opset 21 added 8-bit floats, which f64 holds exactly as well. Scales and zero points broadcast to the product, a list
// of A's by row, so that one walk with four offsets finds those of each element. The sum is an f32 when it meets the
// factor, as in the kernel: above 2^24 it is rounded once before the product.
Result<void> qlinear_matmul(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &a_scale = call.input(1), &b = call.input(3), &b_scale = call.input(4);
  const TensorView &y_scale = call.input(6), &y_zero = call.input(7);
  for (const TensorView* view : {&a, &b, &y_zero}) {
    if (!is_quantized(view->type) || bits(view->type) != 8) return refuse_type(view->type);
  }
  Product product = TRY(product_of(call, a, call.input(2), b, call.input(5)));
  const Dims& dims = product.sizes.dims;
  Dims a_dims = a.rank() > 1 ? by_row(a_scale) : Dims(a_scale.dims.begin(), a_scale.dims.end());
  for (DimsView each : {DimsView(a_dims), b_scale.dims, y_scale.dims, y_zero.dims}) {
    if (TRY(broadcast_dims(each, dims)) != dims) return refuse("a scale or zero point does not fit the product");
  }
  std::vector<double> as = TRY(numbers(a_scale)), bs = TRY(numbers(b_scale)), ys = TRY(numbers(y_scale)),
                      zeros = TRY(numbers(y_zero));
  const Quantizer quantizer(y_zero.type);
  MutableTensorView y = TRY(outputs.allocate(0, y_zero.type, dims));
  for_each_index<4>(dims,
                    {broadcast_strides(a_dims, dims), broadcast_strides(b_scale.dims, dims),
                     broadcast_strides(y_scale.dims, dims), broadcast_strides(y_zero.dims, dims)},
                    [&](std::int64_t i, const std::array<std::int64_t, 4>& at) {
                      auto of = [](const std::vector<double>& list, std::int64_t index) {
                        return static_cast<float>(list[static_cast<std::size_t>(index)]);
                      };
                      float factor = of(as, at[0]) * of(bs, at[1]) / of(ys, at[2]);
                      quantizer.put(y.data, i, of(product.sums, i) * factor, of(zeros, at[3]));
                    });
  return {};
}

Result<void> infer_conv_integer(Inference& call) {
  // convolution_shape wants the index of a bias; this one lies beyond the inputs, and is absent.
  constexpr std::size_t none = 99;
  call.set_output(0, DType::i32, TRY(convolution_shape(call, 0, 1, none)));
  return {};
}

// x_zero_point is one for the tensor: padding stands for it, so that a place in the padding adds nothing to the
// centered sum. w_zero_point may differ from output channel to output channel.
Result<void> conv_integer(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &x_zero = call.input(2), &w_zero = call.input(3);
  TRY(need_bytes(x, w));
  Convolution conv = TRY(convolution_of(call.attributes, x.dims, w.dims));
  if (x_zero.present() && x_zero.elements() != 1) return refuse("x_zero_point must have one element");
  std::vector<double> image = TRY(centered(x, x_zero)), kernel = TRY(centered(w, w_zero, by_map(w_zero, w.rank())));
  MutableTensorView y = TRY(outputs.allocate(0, DType::i32, conv.dims));
  convolve(call, conv, image.data(), kernel.data(),
           [&](std::int64_t i, std::int64_t, double sum) { static_cast<std::int32_t*>(y.data)[i] = wrapped(sum); });
  return {};
}

Result<void> infer_qlinear_conv(Inference& call) {
  call.set_output(0, call.element(7), TRY(convolution_shape(call, 0, 3, 8)));
  return {};
}

// The bias is quantized with scale x_scale w_scale and zero point 0, so that it is added to the sum of integers as it
// is, before anything is scaled. Sum and bias wrap at 32 bits together, as in the kernel.
Result<void> qlinear_conv(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(3), &w_scale = call.input(4), &w_zero = call.input(5);
  const TensorView &y_zero = call.input(7), &b = call.input(8);
  TRY(need_bytes(x, w));
  if (!is_byte(y_zero.type)) return refuse_type(y_zero.type);
  Convolution conv = TRY(convolution_of(call.attributes, x.dims, w.dims));
  Affine in = TRY(affine(call.input(1), call.input(2), x.type)), out = TRY(affine(call.input(6), y_zero, y_zero.type));
  if (b.present() && (b.type != DType::i32 || b.rank() != 1 || b.dim(0) != conv.maps)) {
    return refuse("B must be i32, one element for each of W's outputs");
  }
  if (w_scale.elements() != 1 && w_scale.elements() != conv.maps) {
    return refuse("w_scale must have one element, or one for each of W's outputs");
  }
  std::vector<double> image = TRY(centered(x, call.input(2))), scales = TRY(numbers(w_scale));
  std::vector<double> kernel = TRY(centered(w, w_zero, by_map(w_zero, w.rank())));
  std::vector<float> factors;
  for (double scale : scales) {
    factors.push_back(static_cast<float>(in.scale) * static_cast<float>(scale) / static_cast<float>(out.scale));
  }
  const Quantizer quantizer(y_zero.type);
  MutableTensorView y = TRY(outputs.allocate(0, y_zero.type, conv.dims));
  convolve(call, conv, image.data(), kernel.data(), [&](std::int64_t i, std::int64_t map, double sum) {
    auto at = static_cast<std::size_t>(map);
    if (b.present()) sum += b.as<std::int32_t>()[at];
    float factor = factors[factors.size() == 1 ? 0 : at];
    quantizer.put(y.data, i, static_cast<float>(wrapped(sum)) * factor, out.zero);
  });
  return {};
}

// ---- Lowering to integer kernels, for weights that are constants

using kernels::PackedBytes;

// The constant zero points of `columns` columns; nullopt if the kernel does not support them.
//
// The kernel has the zero points as a constant row beside the packed weights. An absent one is an empty view: zero.
std::optional<TensorView> known_zeros(const Lowering& call, std::size_t index, std::int64_t columns) {
  if (call.node().input(index) == nullptr) return TensorView{};
  const Tensor* zeros = call.constant(index);
  if (zeros == nullptr || (zeros->elements() != 1 && zeros->elements() != columns)) return std::nullopt;
  return zeros->view();
}

// The constant i8 or u8 weights that are input `index`, of this rank. Weights without elements have nothing to pack,
// and stay with evaluate.
const Tensor* known_weights(const Lowering& call, std::size_t index, std::size_t least, std::size_t most) {
  const Tensor* w = call.constant(index);
  bool fits = w != nullptr && is_byte(w->type()) && w->dims().size() >= least && w->dims().size() <= most;
  return fits && w->elements() > 0 ? w : nullptr;
}

// The factor of each column's sum; an empty tensor unless all scales are known and the factors finite. A y_scale of 0
// makes them infinite or NaN: what comes of that is left to the reference.
Tensor known_factors(const Lowering& call, std::size_t a_scale, std::size_t b_scale, std::size_t y_scale,
                     std::int64_t columns) {
  const Tensor *a = call.constant(a_scale), *b = call.constant(b_scale), *y = call.constant(y_scale);
  for (const Tensor* scale : {a, b, y}) {
    if (scale == nullptr || scale->type() != DType::f32) return {};
  }
  if (a->elements() != 1 || y->elements() != 1 || (b->elements() != 1 && b->elements() != columns)) return {};
  Tensor factors(DType::f32, {columns});
  std::size_t at = 0;
  for (float& factor : factors.mutable_view().as<float>()) {
    factor = a->as<float>()[0] * b->as<float>()[b->elements() == 1 ? 0 : at] / y->as<float>()[0];
    if (!std::isfinite(factor)) return {};
    ++at;
  }
  return factors;
}

// The output's zero point, if it is a known byte. It becomes an attribute of the step, so the plan must have it.
std::optional<std::int64_t> known_zero(const Lowering& call, std::size_t index) {
  const Tensor* zero = call.constant(index);
  if (zero == nullptr || !is_byte(zero->type()) || zero->elements() != 1) return std::nullopt;
  auto byte = zero->as<std::uint8_t>()[0];
  return zero->type() == DType::i8 ? static_cast<std::int8_t>(byte) : std::int64_t{byte};
}

// A constant matrix, packed, with one zero point for each column. A batch of matrices stays with evaluate, and so does
// a K that is longer than the kernel's row buffer.
std::optional<PackedBytes> pack_matrix(const Lowering& call, std::size_t b_at, std::size_t zeros_at) {
  const Tensor* b = known_weights(call, b_at, 2, 2);
  if (b == nullptr || b->dims()[0] > kernels::longest_byte_sum) return std::nullopt;
  auto zeros = known_zeros(call, zeros_at, b->dims()[1]);
  if (!zeros) return std::nullopt;
  return kernels::pack_bytes(b->view(), b->dims()[0], b->dims()[1], b->dims()[1], 1, *zeros, {});
}

// A may have any batch: the kernel sees its rows one after another, since B is a single matrix.
bool rows_of_bytes(const Lowering& call) {
  return is_byte(call.element(0)) && call.shape(0) != nullptr && !call.shape(0)->empty();
}

// A's zero point may be computed (DynamicQuantizeLinear gives it), if it has one element: it is an operand of the step.
// Weights, their zero points and, below, all scales must be constants: the plan contains them, packed or multiplied.
Result<bool> lower_matmul_integer(Lowering& call) {
  if (!rows_of_bytes(call) || !call.one_or_absent(2)) return false;
  auto packed = pack_matrix(call, 1, 3);
  if (!packed) return false;
  const graph::Node& node = call.node();
  call.emit("integer_gemm", {node.input(0), packed->panels, packed->columns, node.input(2)}, {});
  return true;
}

Result<bool> lower_qlinear_matmul(Lowering& call) {
  if (!rows_of_bytes(call) || !call.one_or_absent(2)) return false;
  auto zero = known_zero(call, 7);
  auto packed = pack_matrix(call, 3, 5);
  if (!packed || !zero) return false;
  Tensor factors = known_factors(call, 1, 4, 6, packed->columns.dims()[1]);
  if (!factors.present()) return false;
  const graph::Node& node = call.node();
  call.emit("integer_gemm", {node.input(0), packed->panels, packed->columns, node.input(2), factors},
            {{"zero", *zero}});
  return true;
}

// The attributes of the convolution kernel, with explicit padding for auto_pad; nullopt if the kernel does not support
// them.
std::optional<Attributes> window_attributes(const Lowering& call, const Tensor& w) {
  Dims kernel(w.dims().begin() + 2, w.dims().end());
  auto windows = read_windows(call.attributes(), kernel, kernel.size());
  if (!windows || call.shape(0) == nullptr) return std::nullopt;
  std::vector<std::int64_t> strides, dilations, pads(2 * kernel.size());
  std::int64_t sum = w.dims()[1];
  for (std::size_t axis = 0; axis < kernel.size(); ++axis) {
    auto size = (*call.shape(0))[axis + 2].constant();
    // SAME padding depends on the input's size, so a symbolic one cannot be written as attributes.
    bool same = windows->auto_pad == AutoPad::same_upper || windows->auto_pad == AutoPad::same_lower;
    if (same && !size) return std::nullopt;
    Window window = with_padding(*windows, axis, size.value_or(0));
    strides.push_back(window.stride);
    dilations.push_back(window.dilation);
    pads[axis] = window.begin;
    pads[axis + kernel.size()] = window.end;
    // Checked at each step: the product of three sizes that are only checked at the end could overflow.
    if (kernel[axis] > kernels::longest_byte_sum) return std::nullopt;
    sum *= kernel[axis];
    if (sum > kernels::longest_byte_sum) return std::nullopt;
  }
  Attributes attributes{{"kernel_shape", std::move(kernel)}, {"strides", std::move(strides)}};
  attributes.set("dilations", std::move(dilations));
  attributes.set("pads", std::move(pads));
  attributes.set("group", call.attributes().integer("group", 1));
  return attributes;
}

// A depthwise convolution is not a matrix product. Each group has one output channel and one input channel: panels of
// 16 columns would hold one.
bool is_depthwise(const Lowering& call, const Tensor& w) {
  return w.dims()[1] == 1 && w.dims()[0] == call.attributes().integer("group", 1);
}

// Ranks 3 and 4 are one and two spatial axes; the kernel has no third one.
Result<bool> lower_conv_integer(Lowering& call) {
  const Tensor* w = known_weights(call, 1, 3, 4);
  if (w == nullptr || !is_byte(call.element(0)) || !call.one_or_absent(2) || is_depthwise(call, *w)) return false;
  auto zeros = known_zeros(call, 3, w->dims()[0]);
  auto attributes = window_attributes(call, *w);
  if (!zeros || !attributes) return false;
  PackedBytes packed = kernels::pack_conv_bytes(w->view(), attributes->integer("group"), *zeros, {});
  call.emit("integer_conv", {call.node().input(0), packed.panels, packed.columns, call.node().input(2)},
            std::move(*attributes));
  return true;
}

// All of the step to the output is constant: factors, the output's zero point, and the bias, which is packed.
Result<bool> lower_qlinear_conv(Lowering& call) {
  const Tensor *w = known_weights(call, 3, 3, 4), *bias = call.constant(8);
  if (w == nullptr || !is_byte(call.element(0)) || !call.one_or_absent(2) || is_depthwise(call, *w)) return false;
  if (call.node().input(8) != nullptr && (bias == nullptr || bias->type() != DType::i32)) return false;
  auto zeros = known_zeros(call, 5, w->dims()[0]);
  auto attributes = window_attributes(call, *w);
  auto zero = known_zero(call, 7);
  Tensor factors = known_factors(call, 1, 4, 6, w->dims()[0]);
  if (!zeros || !attributes || !zero || !factors.present()) return false;
  if (bias != nullptr && bias->elements() != w->dims()[0]) return false;
  PackedBytes packed = kernels::pack_conv_bytes(w->view(), attributes->integer("group"), *zeros,
                                                bias == nullptr ? TensorView{} : bias->view());
  attributes->set("zero", *zero);
  call.emit("integer_conv", {call.node().input(0), packed.panels, packed.columns, call.node().input(2), factors},
            std::move(*attributes));
  return true;
}

constexpr AttributeDef of_conv[] = {
    auto_pad_attribute, dilations_attribute,
    group_attribute,    {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's if absent"},
    pads_attribute,     strides_attribute};

constexpr OpDef defs[] = {
    {
        .name = "MatMulInteger",
        .since = 10,
        .summary = "The product of two matrices of 8-bit integers minus their zero points, in 32 bits.",
        .inputs = "A B:i8,u8 a_zero_point?:A b_zero_point?:B",
        .outputs = "Y",
        .types = "i8 u8",
        .traits = {.multiplications = matrix_products},
        .infer = infer_matmul_integer,
        .lower = lower_matmul_integer,
        .examples =
            [] {
              return Examples{{"the largest numbers saturate nowhere",
                               {u8({1, 3}, {255, 255, 255}), i8({3, 2}, {127, -128, 127, -128, 127, -128})},
                               {},
                               {i32({1, 2}, {97155, -97920})},
                               0},
                              {"a zero point for each row, and for each column",
                               {u8({2, 2}, {1, 2, 3, 4}), u8({2, 2}, {1, 2, 3, 4}), u8({2}, {1, 2}), u8({2}, {0, 3})},
                               {},
                               {i32({2, 2}, {3, 1, 7, 1})},
                               0},
                              {"no columns", {u8({1, 2}, {1, 2}), i8({2, 0}, {})}, {}, {i32({1, 0}, {})}, 0}};
            },
    },
    {
        .name = "ConvInteger",
        .since = 10,
        .summary = "The convolution of 8-bit integers minus their zero points, in 32 bits.",
        .inputs = "x w:i8,u8 x_zero_point?:x w_zero_point?:w",
        .outputs = "y",
        .types = "i8 u8",
        .attributes = of_conv,
        .traits = {.multiplications = product_of_operands},
        .infer = infer_conv_integer,
        .lower = lower_conv_integer,
        .examples =
            [] {
              return Examples{{"padding is zero after the zero point",
                               {u8({1, 1, 3}, {2, 3, 4}), i8({1, 1, 2}, {1, -1}), u8({}, {1})},
                               {{"pads", Ints{1, 1}}},
                               {i32({1, 1, 4}, {-1, -1, -1, 3})},
                               0},
                              {"a zero point for each output",
                               {u8({1, 1, 1}, {10}), u8({2, 1, 1}, {5, 6}), Tensor(), u8({2}, {4, 8})},
                               {},
                               {i32({1, 2, 1}, {10, -20})},
                               0}};
            },
    },
    {
        .name = "QLinearMatMul",
        .since = 21,
        .summary = "The product of two quantized matrices, quantized.",
        .inputs = "a a_scale:f32,f16,bf16 a_zero_point:a b:i8,u8,f8e4m3fn,f8e4m3fnuz,f8e5m2,f8e5m2fnuz "
                  "b_scale:a_scale b_zero_point:b y_scale:a_scale "
                  "y_zero_point:i8,u8,f8e4m3fn,f8e4m3fnuz,f8e5m2,f8e5m2fnuz",
        .outputs = "y",
        .types = "i8 u8 f8e4m3fn f8e4m3fnuz f8e5m2 f8e5m2fnuz",
        .traits = {.multiplications = matrix_products},
        .infer = infer_qlinear_matmul,
        .lower = lower_qlinear_matmul,
        .examples =
            [] {
              return Examples{{"one scale each",
                               {u8({1, 2}, {130, 126}), f32({}, {0.5f}), u8({}, {128}), i8({2, 1}, {3, -4}),
                                f32({}, {2}), i8({}, {0}), f32({}, {4}), u8({}, {10})},
                               {},
                               {u8({1, 1}, {14})},
                               0},
                              {"a scale for each column",
                               {u8({1, 1}, {10}), f32({}, {1}), u8({}, {0}), i8({1, 2}, {3, 3}), f32({2}, {1, 0.5f}),
                                i8({2}, {0, 1}), f32({}, {1}), i8({}, {0})},
                               {},
                               {i8({1, 2}, {30, 10})},
                               0}};
            },
    },
    {
        .name = "QLinearConv",
        .since = 10,
        .summary = "The convolution of quantized tensors, quantized.",
        .inputs = "x x_scale:f32 x_zero_point:x w:i8,u8 w_scale:f32 w_zero_point:w y_scale:f32 "
                  "y_zero_point:i8,u8 B?:i32",
        .outputs = "y",
        .types = "i8 u8",
        .attributes = of_conv,
        .traits = {.multiplications = product_of_operands},
        .infer = infer_qlinear_conv,
        .lower = lower_qlinear_conv,
        .examples =
            [] {
              return Examples{{"a scale for each output, and a bias",
                               {u8({1, 1, 2}, {130, 126}), f32({}, {0.5f}), u8({}, {128}), i8({2, 1, 1}, {4, -4}),
                                f32({2}, {1, 2}), i8({2}, {0, 0}), f32({}, {2}), u8({}, {10}), i32({2}, {4, 0})},
                               {},
                               {u8({1, 2, 2}, {13, 9, 6, 14})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "MatMulInteger", matmul_integer},
                          {"", "ConvInteger", conv_integer},
                          {"", "QLinearMatMul", qlinear_matmul},
                          {"", "QLinearConv", qlinear_conv}};

}  // namespace

std::span<const OpDef> integer_products_ops() { return defs; }
std::span<const OpRun> integer_products_runs() { return runs; }

}  // namespace modelctl::ops
