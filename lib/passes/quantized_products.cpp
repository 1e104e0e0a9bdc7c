// QuantizeLinear(Conv(DequantizeLinear(x), DequantizeLinear(w), DequantizeLinear(b)))  ->  QLinearConv(x, w, b)
// QuantizeLinear(MatMul(DequantizeLinear(a), DequantizeLinear(b)))                     ->  QLinearMatMul(a, b)
// QuantizeLinear(Gemm(DequantizeLinear(a), DequantizeLinear(b), DequantizeLinear(c)))  ->  QGemm(a, b, c)
//
// QGemm is com.microsoft's. The sums become exact, while floats round: the result differs by one step at most, and only
// if the float sum is close to the boundary between two steps. Weights stay bytes. Not for depthwise convolutions,
// which are faster in floats, nor for a product whose float result has other uses.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <cmath>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

bool is_byte(DType type) { return type == DType::i8 || type == DType::u8; }

// Steps of constant scales from constant zero points.
struct Quantized {
  Value *steps = nullptr, *scale = nullptr, *zero = nullptr;
  const Tensor& scales() const { return scale->constant; }
};

// The QuantizeLinear or DequantizeLinear with one scale, or `channels` of them along `axis`; nullopt
// otherwise.
std::optional<Quantized> quantized(const Node& node, Value* steps, std::int64_t channels, std::int64_t axis) {
  Quantized found{steps, node.input(1), node.input(2)};
  const Tensor* scale = constant(found.scale);
  if (scale == nullptr || node.attributes.integer("block_size") != 0) return std::nullopt;
  if (node.attributes.has("precision") || node.attributes.has("output_dtype")) return std::nullopt;
  bool one = scale->elements() == 1;
  if (!one && (scale->elements() != channels || node.attributes.integer("axis", 1) != axis)) return std::nullopt;
  if (found.zero == nullptr) return found;
  if (!found.zero->is_constant() || found.zero->constant.elements() != scale->elements()) return std::nullopt;
  return found;
}

std::optional<Quantized> dequantized(const Value* value, std::int64_t channels, std::int64_t axis) {
  const Node* node = value == nullptr ? nullptr : value->producer();
  if (node == nullptr || !node->is("DequantizeLinear")) return std::nullopt;
  return quantized(*node, node->input(0), channels, axis);
}

// The zero point, which the integer form requires.
Value* zero_of(Graph& graph, const Quantized& from) {
  if (from.zero != nullptr) return from.zero;
  return graph.add_constant("zero_point", Tensor(from.steps->type.element, from.scales().dims()));
}

// The bias in steps of the products' own scale, as the integer form adds it; false if it is not
// in those steps.
// The float bias is s_b * c and the product s_x * s_w * sum: c can be added to the sum only if s_b = s_x * s_w for each
// channel, as the quantization tools write it. 1e-5 is what rounding that product to f32 may differ by, with room.
bool integer_bias(const Value* value, const Quantized& x, const Quantized& w, std::int64_t channels, Value*& bias) {
  if (value == nullptr) return true;
  auto found = dequantized(value, channels, 0);
  if (!found || !found->steps->is_constant() || found->steps->type.element != DType::i32) return false;
  if (found->zero != nullptr) {
    for (std::byte byte : found->zero->constant.bytes()) {
      if (byte != std::byte{0}) return false;
    }
  }
  auto at = [](const Tensor& scales, std::int64_t i) {
    return double{scales.as<float>()[static_cast<std::size_t>(scales.elements() == 1 ? 0 : i)]};
  };
  for (std::int64_t i = 0; i < channels; ++i) {
    double product = at(x.scales(), 0) * at(w.scales(), i), own = at(found->scales(), i);
    if (std::fabs(own - product) > 1e-5 * std::fabs(product)) return false;
  }
  bias = found->steps;
  return found->steps->constant.elements() == channels;
}

// The forms that the integer kernels take; others would be slower than floats.
// A product of two centered bytes is within 255², so that 32 bits hold a sum of 33,025 of them.
constexpr std::int64_t longest_sum = 16384;
bool plain_conv(const Node& conv, const Dims& weights) {
  if (weights.size() < 3 || weights.size() > 4 || conv.attributes.text("auto_pad", "NOTSET") != "NOTSET") return false;
  std::int64_t sum = 1;
  for (std::size_t axis = 1; axis < weights.size(); ++axis) {
    if (weights[axis] > longest_sum) return false;
    sum *= weights[axis];
  }
  bool depthwise = weights[1] == 1 && conv.attributes.integer("group", 1) > 1;
  return !depthwise && sum <= longest_sum;
}

// Y = A x B + C and no more; B may be transposed.
bool plain_gemm(const Node& gemm) {
  return gemm.attributes.integer("transA") == 0 && gemm.attributes.number("alpha", 1) == 1 &&
         gemm.attributes.number("beta", 1) == 1;
}

Value* transposed(Value* matrix) {
  const Dims& dims = matrix->constant.dims();
  Tensor turned(matrix->type.element, {dims[1], dims[0]});
  const auto* from = static_cast<const std::uint8_t*>(matrix->constant.view().data);
  auto* to = static_cast<std::uint8_t*>(turned.mutable_view().data);
  for (std::int64_t i = 0; i < dims[0]; ++i) {
    for (std::int64_t j = 0; j < dims[1]; ++j) to[j * dims[0] + i] = from[i * dims[1] + j];
  }
  return matrix->graph().add_constant(matrix->name + ".transposed", std::move(turned));
}

// From the QuantizeLinear backwards: its input must be a product without other uses, of dequantized operands whose
// weights are constant bytes. Any other type of scale or zero point keeps the float form, which is always right.
bool visit(Node& node) {
  Value* sums = node.input(0);
  if (!node.is("QuantizeLinear") || sums == nullptr || sums->producer() == nullptr || !used_once(*sums)) {
    return false;
  }
  const Node& product = *sums->producer();
  const bool conv = product.is("Conv"), gemm = product.is("Gemm") && plain_gemm(product);
  if (!conv && !gemm && !product.is("MatMul")) return false;
  auto x = dequantized(product.input(0), 1, 0);
  if (!x || !is_byte(x->steps->type.element) || !x->steps->type.shape) return false;
  const Value* weights = product.input(1);
  const Node* source = weights == nullptr ? nullptr : weights->producer();
  const Value* bytes = source == nullptr ? nullptr : source->input(0);
  if (bytes == nullptr || !bytes->is_constant() || !is_byte(bytes->type.element)) return false;
  const Dims& dims = bytes->constant.dims();
  const std::size_t columns = conv || (gemm && product.attributes.integer("transB") != 0) ? 0 : 1;
  if (conv ? !plain_conv(product, dims) : dims.size() != 2 || dims[1 - columns] > longest_sum) return false;
  const std::int64_t channels = dims[columns];
  auto w = dequantized(weights, channels, static_cast<std::int64_t>(columns));
  auto y = quantized(node, node.output(0), 1, 0);
  Value* bias = nullptr;
  if (!w || !y || y->scales().elements() != 1 || !is_byte(node.output(0)->type.element)) return false;
  if (!integer_bias(product.input(2), *x, *w, channels, bias)) return false;

  Graph& graph = node.graph();
  Value *a_zero = zero_of(graph, *x), *b_zero = zero_of(graph, *w), *y_zero = zero_of(graph, *y);
  // QLinearMatMul and QGemm as made here take B as [K, N]; transB is resolved in the constant.
  Value* b = gemm && columns == 0 ? transposed(w->steps) : w->steps;
  std::vector<Value*> inputs{x->steps, x->scale, a_zero, b, w->scale, b_zero};
  std::string_view op = conv ? "QLinearConv" : "QLinearMatMul", domain;
  if (gemm && bias != nullptr) {
    op = "QGemm";
    domain = "com.microsoft";
    inputs.insert(inputs.end(), {bias, y->scale, y_zero});
  } else {
    inputs.insert(inputs.end(), {y->scale, y_zero});
    if (bias != nullptr) inputs.push_back(bias);
  }
  replace_by_node(node, domain, op, std::move(inputs), conv ? product.attributes : Attributes())->name = product.name;
  return true;
}

constexpr PassDef defs[] = {{
    .name = "quantized-products",
    .summary = "Turns products of dequantized numbers that are quantized into products of integers.",
    .phase = Phase::quantize,
    .order = 20,
    .infer_after = true,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> quantized_products_pass() { return defs; }

}  // namespace modelctl::passes
