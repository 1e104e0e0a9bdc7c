// The quantized operators of com.microsoft, as ONNX Runtime's quantization tools write them. All are decomposed:
// QuantizeLinear and DequantizeLinear into ONNX's; QLinear* into dequantize, the float operator, quantize; the products
// into integer products times their scales. The pass quantized-products then finds kernels for the patterns.
//
// A quantized value takes three inputs in a row: the integers, the scale and the zero point, which may be absent.
#include "ops/family/quantize.hpp"
#include "ops/family/window.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Node;
using graph::Shape;
using graph::Value;

// With a scale s and a zero point z,
//   real = (q - z) * s   and back   q = clamp(round(real / s) + z), rounding half to even and clamping to the type.
// What is between the two is f32 and not rounded to steps: an operator rounds to steps once, at its end.

// The real numbers of the quantized value that begins at input `first`.
Result<Value*> dequantized(Rewrite& to, const Node& node, std::size_t first) {
  return to.add("DequantizeLinear", {node.input(first), node.input(first + 1), node.input(first + 2)});
}

// Ends the rewrite: quantizes `value` with the scale and zero point that are inputs `first` and `first` + 1. Without a
// zero point the output has the type of input 0, while ONNX's QuantizeLinear would give u8.
Result<void> finish_quantized(Rewrite& to, const Node& node, Value* value, std::size_t first) {
  Attributes attributes;
  Value* zero = node.input(first + 1);
  if (zero == nullptr) attributes.set("output_dtype", static_cast<std::int64_t>(node.input(0)->type.element));
  to.finish({TRY(to.add("QuantizeLinear", {value, node.input(first), zero}, std::move(attributes)))});
  return {};
}

// --- element by element ---

// QLinearAdd, QLinearMul: two quantized operands, at inputs 0 and 3, that broadcast.
Result<void> infer_pair(Inference& call) {
  DType element = TRY(common_element(call, {0, 3}));
  const Shape *a = call.shape(0), *b = call.shape(3);
  call.set_output(0, element, a && b ? std::optional(TRY(broadcast(call, *a, *b))) : std::nullopt);
  return {};
}

// The inputs are A, its scale and zero point, B, its scale and zero point, and those of C at 6 and 7.
Result<void> decompose_pair(Node& node, std::string_view op) {
  Rewrite to(node);
  return finish_quantized(to, node, TRY(to.add(op, {TRY(dequantized(to, node, 0)), TRY(dequantized(to, node, 3))})), 6);
}

// QLinearSigmoid, QLinearLeakyRelu: one operand, and the output's scale at input 3.
Result<void> decompose_unary(Node& node, std::string_view op, Attributes attributes) {
  Rewrite to(node);
  return finish_quantized(to, node, TRY(to.add(op, {TRY(dequantized(to, node, 0))}, std::move(attributes))), 3);
}

// The condition is not quantized; the operands are at inputs 1 and 4.
Result<void> infer_where(Inference& call) {
  DType element = TRY(common_element(call, {1, 4}));
  const Shape *c = call.shape(0), *x = call.shape(1), *y = call.shape(4);
  std::optional<Shape> shape;
  if (c && x && y) shape = TRY(broadcast(call, TRY(broadcast(call, *x, *y)), *c));
  call.set_output(0, element, std::move(shape));
  return {};
}

Result<void> decompose_where(Node& node) {
  Rewrite to(node);
  return finish_quantized(
      to, node, TRY(to.add("Where", {node.input(0), TRY(dequantized(to, node, 1)), TRY(dequantized(to, node, 4))})), 7);
}

// --- along axes ---

// The output's scale and zero point come first, then three inputs for each part.
Result<void> infer_concat(Inference& call) {
  call.set_output(0, call.element(1), std::nullopt);
  const Shape* first = call.shape(2);
  if (first == nullptr) return {};
  // An unknown part leaves the whole shape unknown. That the other axes agree is checked by Concat's own inference.
  std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis"), first->size()));
  Shape shape = *first;
  for (std::size_t i = 5; i < call.inputs(); i += 3) {
    const Shape* next = call.shape(i);
    if (next == nullptr || next->size() != shape.size()) return {};
    shape[axis] = shape[axis] + (*next)[axis];
  }
  call.set_output(0, call.element(1), std::move(shape));
  return {};
}

Result<void> decompose_concat(Node& node) {
  Rewrite to(node);
  if (node.inputs().size() % 3 != 2) return refuse("each input must have a scale and a zero point");
  std::vector<Value*> parts;
  for (std::size_t i = 2; i < node.inputs().size(); i += 3) {
    // A part of f32 comes with a scale and a zero point too, which then mean nothing.
    parts.push_back(node.input(i)->type.element == DType::f32 ? node.input(i) : TRY(dequantized(to, node, i)));
  }
  Value* all = TRY(to.add("Concat", std::move(parts), {{"axis", node.attributes.integer("axis")}}));
  to.finish({TRY(to.add("QuantizeLinear", {all, node.input(0), node.input(1)}))});
  return {};
}

// Until opset 12 Softmax took all axes from `axis` on as one.
// The old form is a softmax over rows of the matrix [product of the axes before, product of the others]. The Reshape
// back takes sizes from Shape, where 0 is an empty axis and not "copy": hence allowzero.
Result<void> decompose_softmax(Node& node) {
  Rewrite to(node);
  bool old = node.attributes.integer("opset") < 13;
  std::int64_t axis = node.attributes.integer("axis", old ? 1 : -1);
  Value* x = TRY(dequantized(to, node, 0));
  if (!old) { return finish_quantized(to, node, TRY(to.add("Softmax", {x}, {{"axis", axis}})), 3); }
  Value* rows = TRY(to.add("Softmax", {TRY(to.add("Flatten", {x}, {{"axis", axis}}))}, {{"axis", std::int64_t{1}}}));
  return finish_quantized(
      to, node, TRY(to.add("Reshape", {rows, TRY(to.add("Shape", {x}))}, {{"allowzero", std::int64_t{1}}})), 3);
}

// Of QLinearReduceMean and the pools only the rank is inferred here; the decomposition's operators infer the sizes.
Result<void> infer_reduced(Inference& call) {
  const Shape* x = call.shape(0);
  bool same_rank = call.node().op != "QLinearReduceMean" || call.attributes().integer("keepdims", 1) != 0;
  call.set_output(0, call.element(0),
                  x != nullptr && same_rank ? std::optional(unknown_shape(call, x->size())) : std::nullopt);
  return {};
}

Result<void> decompose_reduce_mean(Node& node) {
  Rewrite to(node);
  Value* axes = to.constant(Tensor::of_ints(node.attributes.integers("axes")));
  Value* mean = TRY(to.add("ReduceMean", {TRY(dequantized(to, node, 0)), axes},
                           {{"keepdims", node.attributes.integer("keepdims", 1)}}));
  return finish_quantized(to, node, mean, 3);
}

// ONNX's pools have the channels first: with channels_last the input is transposed before and the output after it.
Result<void> decompose_pool(Node& node, std::string_view op) {
  Rewrite to(node);
  Attributes attributes = node.attributes;
  attributes.erase("channels_last");
  Value* x = TRY(dequantized(to, node, 0));
  if (node.attributes.integer("channels_last") == 0) {
    return finish_quantized(to, node, TRY(to.add(op, {x}, std::move(attributes))), 3);
  }
  if (!x->type.shape) return refuse("channels_last needs a known rank");
  // 0, rank - 1, 1, …, rank - 2 brings the channels to the front; `last` is its inverse.
  auto rank = static_cast<std::int64_t>(x->type.shape->size());
  Ints first{0, rank - 1}, last{0};
  for (std::int64_t axis = 1; axis + 1 < rank; ++axis) {
    first.push_back(axis);
    last.push_back(axis + 1);
  }
  last.push_back(1);
  Value* pooled = TRY(to.add(op, {TRY(to.add("Transpose", {x}, {{"perm", first}}))}, std::move(attributes)));
  return finish_quantized(to, node, TRY(to.add("Transpose", {pooled}, {{"perm", last}})), 3);
}

// --- products ---

// sums * (a_scale * b_scale) + bias, in the scales' float type. The scales are multiplied first: one rounding less for
// each element, and a constant if both are.
Result<Value*> scaled(Rewrite& to, Value* sums, Value* a_scale, Value* b_scale, Value* bias) {
  Value* scale = TRY(to.add("Mul", {a_scale, b_scale}));
  Value* y = TRY(to.add("Mul", {TRY(to.add("CastLike", {sums, a_scale})), scale}));
  if (bias != nullptr) y = TRY(to.add("Add", {y, bias}));
  return y;
}

Result<void> infer_matmul(Inference& call) {
  bool dynamic = call.node().op == "DynamicQuantizeMatMul";
  call.set_output(0, dynamic ? DType::f32 : call.element(2), TRY(matmul_shape(call, 0, 1)));
  return {};
}

// Inputs: A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias.
//   Y = (sum over k of (a - a_zero)(b - b_zero)) * a_scale * b_scale + bias
// The sums are i32, as in MatMulInteger: exact for all bytes up to K = 33,025 (2^31 / 255²); beyond that, the greatest
// may wrap.
Result<void> decompose_matmul_integer_to_float(Node& node) {
  Rewrite to(node);
  Value* sums = TRY(to.add("MatMulInteger", {node.input(0), node.input(1), node.input(4), node.input(5)}));
  to.finish({TRY(scaled(to, sums, node.input(2), node.input(3), node.input(6)))});
  return {};
}

// A is quantized when the model runs, to u8 over its own range; B's scale may differ by column.
// Its range is that of the whole matrix, widened to include 0, so that 0 (padding, a ReLU) has an exact step.
Result<void> decompose_dynamic_matmul(Node& node) {
  Rewrite to(node);
  Node* quantizer =
      TRY(to.add_node("", "DynamicQuantizeLinear", {node.input(0)}, {}, {"quantized", "scale", "zero_point"}));
  Value *a = quantizer->output(0), *scale = quantizer->output(1), *zero = quantizer->output(2);
  Value* sums = TRY(to.add("MatMulInteger", {a, node.input(1), zero, node.input(3)}));
  to.finish({TRY(scaled(to, sums, scale, node.input(2), node.input(4)))});
  return {};
}

// Without a scale for the output (input 7) the output is f32.
Result<void> infer_gemm(Inference& call) {
  // The zero point decides the type; a scale without one means A's type.
  DType element = call.present(8) ? call.element(8) : call.present(7) ? call.element(0) : DType::f32;
  const Shape *a = call.shape(0), *b = call.shape(3);
  std::optional<Shape> shape;
  if (a != nullptr && b != nullptr) {
    TRY(need_rank(call, 0, 2, 2));
    TRY(need_rank(call, 3, 2, 2));
    bool flip_a = call.attributes().integer("transA") != 0, flip_b = call.attributes().integer("transB") != 0;
    TRY(same_size(call, (*a)[flip_a ? 0 : 1], (*b)[flip_b ? 1 : 0]));
    shape = Shape{(*a)[flip_a ? 1 : 0], (*b)[flip_b ? 0 : 1]};
  }
  call.set_output(0, element, std::move(shape));
  return {};
}

// C is i32 with the product's scale and the zero point 0, so that it is added before scaling. alpha multiplies A's
// scale.
//   Y = alpha * (A' B' + C) * a_scale * b_scale, where A' and B' are centered at their zero points
// Float Gemm would add C after alpha; here C is in steps of the product, which alpha scales as well.
Result<void> decompose_gemm(Node& node) {
  Rewrite to(node);
  Value *a = node.input(0), *b = node.input(3);
  if (node.attributes.integer("transA") != 0) a = TRY(to.add("Transpose", {a}));
  if (node.attributes.integer("transB") != 0) b = TRY(to.add("Transpose", {b}));
  Value* sums = TRY(to.add("MatMulInteger", {a, b, node.input(2), node.input(5)}));
  if (node.input(6) != nullptr) sums = TRY(to.add("Add", {sums, node.input(6)}));
  Value* a_scale = node.input(1);
  if (float alpha = node.attributes.number("alpha", 1); alpha != 1) {
    a_scale = TRY(to.add("Mul", {a_scale, to.constant(Tensor::scalar(DType::f32, alpha))}));
  }
  Value* y = TRY(scaled(to, sums, a_scale, node.input(4), nullptr));
  if (node.input(7) != nullptr) return finish_quantized(to, node, y, 7);
  to.finish({y});
  return {};
}

constexpr std::string_view bytes = "i8 u8";
constexpr AttributeDef axis_attribute{"axis", AttributeType::integer, "the axis that scales differ along"};
constexpr AttributeDef of_quantize[] = {axis_attribute};
constexpr AttributeDef of_leaky_relu[] = {{"alpha", AttributeType::number, "the slope below 0; 0.01 if absent"}};
constexpr AttributeDef of_concat[] = {{"axis", AttributeType::integer, "the axis to put them along", true}};
constexpr AttributeDef of_softmax[] = {
    {"axis", AttributeType::integer, "the axis of the sums; -1 if absent, or 1 until opset 12"},
    {"opset", AttributeType::integer, "whose Softmax it is: until 12, all axes from `axis` on are one", true}};
constexpr AttributeDef of_reduce[] = {{"axes", AttributeType::integers, "the axes to take the mean along", true},
                                      {"keepdims", AttributeType::integer, "1: the axes stay with size 1", true}};
constexpr AttributeDef channels_last{"channels_last", AttributeType::integer, "1: channels come last; 0 if absent"};
constexpr AttributeDef of_global_pool[] = {channels_last};
constexpr AttributeDef of_average_pool[] = {
    auto_pad_attribute,
    ceil_attribute,
    channels_last,
    {"count_include_pad", AttributeType::integer, "0 if absent; 1: padding counts as zeros"},
    {"kernel_shape", AttributeType::integers, "the window's sizes", true},
    pads_attribute,
    strides_attribute};
constexpr AttributeDef of_gemm[] = {{"alpha", AttributeType::number, "multiplies the product; 1 if absent"},
                                    {"transA", AttributeType::integer, "1: A is transposed; 0 if absent"},
                                    {"transB", AttributeType::integer, "1: B is transposed; 0 if absent"}};

constexpr std::string_view domain = "com.microsoft";

constexpr OpDef defs[] = {
    {
        .domain = domain,
        .name = "QuantizeLinear",
        .since = 1,
        .summary = "Numbers as multiples of a scale from a zero point, rounded half to even.",
        .inputs = "x y_scale:x y_zero_point?:i8,i16,u8,u16,i4,u4",
        .outputs = "y",
        .types = "f32 f16",
        .attributes = of_quantize,
        .infer = infer_quantize,
        .examples =
            [] {
              return Examples{{"in 16 bits",
                               {f32({2}, {1.5f, -3}), f32({}, {0.5f}), Tensor::of<std::int16_t>(DType::i16, {}, {100})},
                               {},
                               {Tensor::of<std::int16_t>(DType::i16, {2}, {103, 94})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "DequantizeLinear",
        .since = 1,
        .summary = "Multiples of a scale from a zero point as numbers.",
        .inputs = "x x_scale:f32,f16 x_zero_point?:x",
        .outputs = "y",
        .types = "i8 u8 i16 u16 i32 i4 u4",
        .attributes = of_quantize,
        .infer = infer_dequantize,
        .examples =
            [] {
              return Examples{{"in 4 bits",
                               {small(DType::i4, {3}, {0x8f, 0x07}), f32({}, {0.5f})},
                               {},
                               {f32({3}, {-0.5f, -4, 3.5f})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearAdd",
        .since = 1,
        .summary = "Adds two quantized tensors.",
        .inputs = "A A_scale:f32 A_zero_point?:A B:A B_scale:f32 B_zero_point?:A C_scale:f32 "
                  "C_zero_point?:A",
        .outputs = "C",
        .types = bytes,
        .infer = infer_pair,
        .decompose = [](Node& node) { return decompose_pair(node, "Add"); },
        .examples =
            [] {
              return Examples{{"each in its own scale",
                               {u8({2}, {10, 20}), f32({}, {0.5f}), u8({}, {10}), u8({1}, {3}), f32({}, {2}),
                                u8({}, {0}), f32({}, {1}), u8({}, {100})},
                               {},
                               {u8({2}, {106, 111})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearMul",
        .since = 1,
        .summary = "Multiplies two quantized tensors.",
        .inputs = "A A_scale:f32 A_zero_point?:A B:A B_scale:f32 B_zero_point?:A C_scale:f32 "
                  "C_zero_point?:A",
        .outputs = "C",
        .types = bytes,
        .infer = infer_pair,
        .decompose = [](Node& node) { return decompose_pair(node, "Mul"); },
        .examples =
            [] {
              return Examples{
                  {"no zero points",
                   {i8({2}, {10, -20}), f32({}, {0.5f}), Tensor(), i8({1}, {3}), f32({}, {2}), Tensor(), f32({}, {1})},
                   {},
                   {i8({2}, {30, -60})},
                   0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearSigmoid",
        .since = 1,
        .summary = "1 / (1 + exp(-x)) of a quantized tensor.",
        .inputs = "X X_scale:f32 X_zero_point?:X Y_scale:f32 Y_zero_point?:X",
        .outputs = "Y",
        .types = bytes,
        .infer = infer_same,
        .decompose = [](Node& node) { return decompose_unary(node, "Sigmoid", {}); },
        .examples =
            [] {
              return Examples{
                  {"half a step above the middle",
                   {u8({2}, {128, 255}), f32({}, {0.1f}), u8({}, {128}), f32({}, {1 / 256.0f}), u8({}, {0})},
                   {},
                   {u8({2}, {128, 255})},
                   0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearLeakyRelu",
        .since = 1,
        .summary = "x, or alpha x below 0, of a quantized tensor.",
        .inputs = "X X_scale:f32 X_zero_point?:X Y_scale:f32 Y_zero_point?:X",
        .outputs = "Y",
        .types = bytes,
        .attributes = of_leaky_relu,
        .infer = infer_same,
        .decompose =
            [](Node& node) {
              return decompose_unary(node, "LeakyRelu", {{"alpha", node.attributes.number("alpha", 0.01f)}});
            },
        .examples =
            [] {
              return Examples{{"a tenth below zero",
                               {i8({2}, {-100, 100}), f32({}, {1}), i8({}, {0}), f32({}, {1}), i8({}, {1})},
                               {{"alpha", 0.1f}},
                               {i8({2}, {-9, 101})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearWhere",
        .since = 1,
        .summary = "One of two quantized elements, as a condition says.",
        .inputs = "condition X:i8,u8 x_scale:f32 x_zero_point:X Y:X y_scale:x_scale y_zero_point:X "
                  "z_scale:x_scale z_zero_point:X",
        .outputs = "Z",
        .types = "bool",
        .infer = infer_where,
        .decompose = decompose_where,
        .examples =
            [] {
              return Examples{{"each in its own scale",
                               {boolean({2}, {true, false}), u8({2}, {8, 8}), f32({}, {1}), u8({}, {0}),
                                u8({2}, {8, 8}), f32({}, {0.5f}), u8({}, {0}), f32({}, {2}), u8({}, {1})},
                               {},
                               {u8({2}, {5, 3})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearConcat",
        .since = 1,
        .summary = "Puts quantized tensors one after another, each with scale and zero point.",
        .inputs = "Y_scale Y_zero_point:i8,u8 inputs*",
        .outputs = "Y",
        .types = "f32",
        .attributes = of_concat,
        .infer = infer_concat,
        .decompose = decompose_concat,
        .examples =
            [] {
              return Examples{{"two scales become one",
                               {f32({}, {1}), u8({}, {0}), u8({1}, {4}), f32({}, {0.5f}), u8({}, {0}), u8({1}, {4}),
                                f32({}, {3}), u8({}, {1})},
                               {{"axis", std::int64_t{0}}},
                               {u8({2}, {2, 9})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearSoftmax",
        .since = 1,
        .summary = "Exponentials that sum to 1 along an axis, of a quantized tensor.",
        .inputs = "X X_scale:f32 x_zero_point?:X y_scale:f32 y_zero_point:X",
        .outputs = "Y",
        .types = bytes,
        .attributes = of_softmax,
        .infer = infer_same,
        .decompose = decompose_softmax,
        .examples =
            [] {
              return Examples{
                  {"two axes as one",
                   {u8({1, 2, 2}, {5, 5, 5, 5}), f32({}, {1}), u8({}, {0}), f32({}, {1 / 256.0f}), u8({}, {0})},
                   {{"opset", std::int64_t{11}}, {"axis", std::int64_t{1}}},
                   {u8({1, 2, 2}, {64, 64, 64, 64})},
                   0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearReduceMean",
        .since = 1,
        .summary = "The mean of a quantized tensor along axes.",
        .inputs = "data data_scale:f32 data_zero_point?:data reduced_scale:f32 reduced_zero_point?:data",
        .outputs = "reduced",
        .types = bytes,
        .attributes = of_reduce,
        .infer = infer_reduced,
        .decompose = decompose_reduce_mean,
        .examples =
            [] {
              return Examples{{"a row",
                               {u8({1, 2}, {10, 20}), f32({}, {2}), u8({}, {0}), f32({}, {1}), u8({}, {5})},
                               {{"axes", Ints{1}}, {"keepdims", std::int64_t{0}}},
                               {u8({1}, {35})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearGlobalAveragePool",
        .since = 1,
        .summary = "The mean of each channel of a quantized image.",
        .inputs = "X x_scale:f32 x_zero_point:X y_scale:f32 y_zero_point:X",
        .outputs = "Y",
        .types = bytes,
        .attributes = of_global_pool,
        .infer = infer_reduced,
        .decompose = [](Node& node) { return decompose_pool(node, "GlobalAveragePool"); },
        .examples =
            [] {
              return Examples{{"channels last",
                               {u8({1, 1, 2, 2}, {1, 10, 3, 30}), f32({}, {1}), u8({}, {0}), f32({}, {1}), u8({}, {0})},
                               {{"channels_last", std::int64_t{1}}},
                               {u8({1, 1, 1, 2}, {2, 20})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "QLinearAveragePool",
        .since = 1,
        .summary = "The mean of each window of a quantized image.",
        .inputs = "X x_scale:f32 x_zero_point?:X y_scale:f32 y_zero_point?:X",
        .outputs = "Y",
        .types = bytes,
        .attributes = of_average_pool,
        .infer = infer_reduced,
        .decompose = [](Node& node) { return decompose_pool(node, "AveragePool"); },
        .examples =
            [] {
              return Examples{{"windows of two",
                               {u8({1, 1, 4}, {2, 4, 6, 8}), f32({}, {1}), u8({}, {0}), f32({}, {0.5f}), u8({}, {0})},
                               {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}},
                               {u8({1, 1, 2}, {6, 14})},
                               0}};
            },
    },
    {
        .domain = domain,
        .name = "MatMulIntegerToFloat",
        .since = 1,
        .summary = "The product of two quantized matrices as floats, plus a bias.",
        .inputs = "A B:i8,u8 a_scale:f32,f16 b_scale:a_scale a_zero_point?:A b_zero_point?:B bias?:a_scale",
        .outputs = "Y",
        .types = bytes,
        .infer = infer_matmul,
        .decompose = decompose_matmul_integer_to_float,
        .examples =
            [] {
              return Examples{{"a scale for each column, and a bias",
                               {u8({1, 2}, {3, 4}), i8({2, 2}, {1, 2, 3, 4}), f32({}, {0.5f}), f32({2}, {1, 2}),
                                u8({}, {1}), Tensor(), f32({2}, {10, 20})},
                               {},
                               {f32({1, 2}, {15.5f, 36})}}};
            },
    },
    {
        .domain = domain,
        .name = "DynamicQuantizeMatMul",
        .since = 1,
        .summary = "The product of a matrix that is quantized first with a quantized one.",
        .inputs = "A B:i8,u8 b_scale:A b_zero_point?:B bias?:A",
        .outputs = "Y",
        .types = "f32",
        .infer = infer_matmul,
        .decompose = decompose_dynamic_matmul,
        .examples =
            [] {
              return Examples{{"a row that is exact in steps of its scale",
                               {f32({1, 2}, {0, 255}), i8({2, 1}, {5, 2}), f32({}, {0.5f})},
                               {},
                               {f32({1, 1}, {255})}}};
            },
    },
    {
        .domain = domain,
        .name = "QGemm",
        .since = 1,
        .summary = "The product of two quantized matrices plus C, as floats, or quantized if y_scale is given.",
        .inputs = "A a_scale:f32 a_zero_point:A B:i8,u8 b_scale:a_scale b_zero_point:B C?:i32 "
                  "y_scale?:a_scale y_zero_point?:i8,u8",
        .outputs = "Y",
        .types = bytes,
        .attributes = of_gemm,
        .infer = infer_gemm,
        .decompose = decompose_gemm,
        .examples =
            [] {
              return Examples{
                  {"B transposed, quantized",
                   {u8({1, 2}, {3, 4}), f32({}, {0.5f}), u8({}, {1}), i8({2, 2}, {1, 3, 2, 4}), f32({}, {2}),
                    i8({}, {0}), i32({2}, {1, -1}), f32({}, {1}), u8({}, {10})},
                   {{"transB", std::int64_t{1}}},
                   {u8({1, 2}, {22, 25})},
                   0},
                  {"as floats",
                   {u8({1, 1}, {3}), f32({}, {0.5f}), u8({}, {1}), i8({1, 1}, {4}), f32({}, {2}), i8({}, {0})},
                   {{"alpha", 2.0f}},
                   {f32({1, 1}, {16})}}};
            },
    },
};
constexpr OpRun runs[] = {{domain, "QuantizeLinear", quantize}, {domain, "DequantizeLinear", dequantize}};

}  // namespace

std::span<const OpDef> quantized_ops() { return defs; }
std::span<const OpRun> quantized_runs() { return runs; }

}  // namespace modelctl::ops
