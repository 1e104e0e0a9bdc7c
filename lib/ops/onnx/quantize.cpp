// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear: q = saturate(round(x / scale) + zero point) and back.
// Halves round to even. Scales are one number, one for each index of an axis, or one for each block along it
// (reference/quantized.hpp).
//
// Blocks and the 4-bit and 16-bit types are of opset 21. Before opset 13 a tensor had one scale, which needs no
// upgrade, since a scalar scale ignores `axis`.
#include "ops/family/quantize.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

// y is u8; scale and zero point are scalars that depend on the data.
Result<void> infer_dynamic(Inference& call) {
  const graph::Shape* shape = call.shape(0);
  call.set_output(0, DType::u8, shape == nullptr ? std::nullopt : std::optional(*shape));
  call.set_output(1, DType::f32, graph::Shape{});
  call.set_output(2, DType::u8, graph::Shape{});
  return {};
}

// In f32, as the specification's function body computes. A tensor of only zeros, whose scale would be 0, gets scale 1.
//
//   low = min(0, all x), high = max(0, all x), scale = (high - low) / 255, zero = saturate(round(-low / scale))
//
// The range always includes 0, so that zeros, of which padding and ReLU make many, are represented exactly. NaN does
// not take part in the range, since comparisons with it are false, and becomes the zero point.
Result<void> dynamic_quantize(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type != DType::f32) return refuse_type(x.type);
  float low = 0, high = 0;
  for (float value : x.as<float>()) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const float range = high - low, scale = range == 0 ? 1.0f : range / 255.0f;
  const Quantizer quantizer(DType::u8);
  MutableTensorView y = TRY(outputs.allocate(0, DType::u8, x.dims));
  std::uint8_t zero = 0;
  quantizer.put(&zero, 0, -low / scale, 0);
  std::int64_t i = 0;
  for (float value : x.as<float>()) quantizer.put(y.data, i++, value / scale, zero);
  if (outputs.wanted(1)) TRY(outputs.allocate(1, DType::f32, {})).as<float>()[0] = scale;
  if (outputs.wanted(2)) TRY(outputs.allocate(2, DType::u8, {})).as<std::uint8_t>()[0] = zero;
  return {};
}

bool is_byte(DType type) { return type == DType::u8 || type == DType::i8; }

// Per-tensor quantization only, as activations have. The kernel divides in f32: another `precision` would round
// differently.
Result<bool> lower_quantize(Lowering& call) {
  const graph::Node& node = call.node();
  bool plain = call.plain_f32(0) && call.plain_f32(1) && call.one_or_absent(1) && call.one_or_absent(2);
  if (!plain || !is_byte(node.output(0)->type.element)) return false;
  std::int64_t precision = node.attributes.integer("precision");
  if (precision != 0 && precision != static_cast<std::int64_t>(DType::f32)) return false;
  call.emit("quantize_f32", {node.input(0), node.input(1), node.input(2)}, {});
  return true;
}

// (x - zero point) * scale, by one scale and to f32 alone. The difference of two bytes is exact in f32, so that the
// kernel and the reference round once, at the product.
Result<bool> lower_dequantize(Lowering& call) {
  const graph::Node& node = call.node();
  bool plain = is_byte(call.element(0)) && call.shape(0) != nullptr && call.plain_f32(1) && call.one_or_absent(1) &&
               call.one_or_absent(2);
  if (!plain || node.output(0)->type.element != DType::f32) return false;
  call.emit("dequantize_f32", {node.input(0), node.input(1), node.input(2)}, {});
  return true;
}

Result<bool> lower_dynamic(Lowering& call) {
  if (!call.plain_f32(0) || !call.read(0)) return false;  // a node whose first output is unused has no kernel
  call.emit("dynamic_quantize_f32", {call.node().input(0)}, {});
  return true;
}

constexpr AttributeDef axis{"axis", AttributeType::integer, "the axis that scales differ along; 1 if absent"};
constexpr AttributeDef block{"block_size", AttributeType::integer,
                             "along the axis, how many elements share a scale; 0 if absent: one each, or all"};
constexpr AttributeDef of_quantize[] = {
    axis,
    block,
    {"output_dtype", AttributeType::integer, "the quantized type; the zero point's if absent, or u8"},
    {"precision", AttributeType::integer, "the type to divide in; the scale's if absent"},
    {"saturate", AttributeType::integer, "for the 8-bit float types alone; 1 if absent"}};
constexpr AttributeDef of_dequantize[] = {
    axis, block, {"output_dtype", AttributeType::integer, "the type of the output; the scale's if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "QuantizeLinear",
        .since = 25,
        .summary = "Numbers as multiples of a scale from a zero point, rounded half to even.",
        .inputs = "x y_scale:f32,f16,bf16,i32,f8e8m0 "
                  "y_zero_point?:small,i8,i16,u8,u16,f8e4m3fn,f8e4m3fnuz,f8e5m2,f8e5m2fnuz",
        .outputs = "y",
        .types = "f32 f16 bf16 i32",
        .attributes = of_quantize,
        .infer = infer_quantize,
        .lower = lower_quantize,
        .examples =
            [] {
              return Examples{{"ties go to the even step, and what is beyond the type to its bounds",
                               {f32({6}, {1, 3, 5, -1000, 1000, NAN}), f32({}, {2}), u8({}, {128})},
                               {},
                               {u8({6}, {128, 130, 130, 0, 255, 128})},
                               0},
                              {"a scale for each row, in 4 bits",
                               {f32({2, 2}, {1, 2, 30, -90}), f32({2}, {1, 10}), small(DType::i4, {2}, {0x10})},
                               {{"axis", std::int64_t{0}}},
                               {small(DType::i4, {2, 2}, {0x21, 0x84})},
                               0},
                              {"a scale for each block of two",
                               {f32({1, 3}, {1, 2, 30}), f32({1, 2}, {1, 10})},
                               {{"block_size", std::int64_t{2}}, {"output_dtype", std::int64_t{3}}},
                               {i8({1, 3}, {1, 2, 3})},
                               0},
                              {"to eight-bit floats",
                               {f32({2}, {1, 2000}), f32({}, {2}), small(DType::f8e4m3fn, {}, {0})},
                               {},
                               {small(DType::f8e4m3fn, {2}, {0x30, 0x7e})},
                               0}};
            },
    },
    {
        .name = "DequantizeLinear",
        .since = 25,
        .summary = "Multiples of a scale from a zero point as numbers.",
        .inputs = "x x_scale:f32,f16,bf16,f8e8m0 x_zero_point?:x",
        .outputs = "y",
        .types = "i8 u8 i16 u16 i32 f8e4m3fn f8e4m3fnuz f8e5m2 f8e5m2fnuz u4 i4 f4e2m1 u2 i2",
        .attributes = of_dequantize,
        .infer = infer_dequantize,
        .lower = lower_dequantize,
        .examples =
            [] {
              return Examples{{"one scale",
                               {u8({3}, {0, 128, 255}), f32({}, {2}), u8({}, {128})},
                               {},
                               {f32({3}, {-256, 0, 254})},
                               0},
                              {"a scale for each column",
                               {i8({2, 2}, {1, 2, 3, 4}), f32({2}, {1, 10}), i8({2}, {0, 1})},
                               {},
                               {f32({2, 2}, {1, 10, 3, 30})},
                               0},
                              {"a scale for each block of two rows, in 4 bits",
                               {small(DType::u4, {3, 1}, {0x21, 0x0f}), f32({2, 1}, {1, 10})},
                               {{"axis", std::int64_t{0}}, {"block_size", std::int64_t{2}}},
                               {f32({3, 1}, {1, 2, 150})},
                               0},
                              {"a bias", {i32({1}, {-3}), f32({}, {0.5f})}, {}, {f32({1}, {-1.5f})}, 0}};
            },
    },
    {
        .name = "DynamicQuantizeLinear",
        .since = 11,
        .summary = "Numbers as multiples of the scale that spans their range, which is an output.",
        .inputs = "x",
        .outputs = "y y_scale y_zero_point",
        .types = "f32",
        .infer = infer_dynamic,
        .lower = lower_dynamic,
        .examples =
            [] {
              return Examples{{"zero is a step",
                               {f32({3}, {-51, 0, 204})},
                               {},
                               {u8({3}, {0, 51, 255}), f32({}, {1}), u8({}, {51})},
                               0},
                              {"zeros alone", {f32({2}, {0, 0})}, {}, {u8({2}, {0, 0}), f32({}, {1}), u8({}, {0})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "QuantizeLinear", quantize},
                          {"", "DequantizeLinear", dequantize},
                          {"", "DynamicQuantizeLinear", dynamic_quantize}};

}  // namespace

std::span<const OpDef> quantize_ops() { return defs; }
std::span<const OpRun> quantize_runs() { return runs; }

}  // namespace modelctl::ops
