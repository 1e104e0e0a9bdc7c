// Both halves of QuantizeLinear and DequantizeLinear. Rounding follows the specification step by step: the scale and
// the quotient are rounded to `precision` before the quotient is rounded to a whole number.
#include "ops/family/quantize.hpp"

namespace modelctl::ops {
namespace {

// The number of an element type in an attribute; undefined if it is absent or 0.
Result<DType> type_of(const Attributes& attributes, std::string_view attribute) {
  std::int64_t number = attributes.integer(attribute);
  if (number < 0 || number > 26) return refuse(std::string(attribute) + " cannot be " + std::to_string(number));
  return static_cast<DType>(number);
}

Result<DType> quantized_type(const Attributes& attributes, DType zero) {
  DType type = TRY(type_of(attributes, "output_dtype"));
  if (type == DType::undefined) return zero == DType::undefined ? DType::u8 : zero;
  if (zero != DType::undefined && zero != type) {
    return refuse("output_dtype says " + std::string(name(type)) + ", the zero point is " + std::string(name(zero)));
  }
  return type;
}

std::optional<graph::Shape> shape_of(const Inference& call) {
  const graph::Shape* shape = call.shape(0);
  return shape == nullptr ? std::nullopt : std::optional(*shape);
}

// The zero points, one for each element of the scale.
Result<std::vector<double>> zero_points(const TensorView& zero, const TensorView& scale) {
  if (!zero.present()) return std::vector<double>(static_cast<std::size_t>(scale.elements()), 0.0);
  if (zero.elements() != scale.elements()) return refuse("scale and zero point must have the same shape");
  return numbers(zero);
}

}  // namespace

Result<void> infer_quantize(Inference& call) {
  auto type = quantized_type(call.attributes(), call.element(2));
  if (!type) return call.bad(type.error().what);
  bool unknown = call.present(2) && call.element(2) == DType::undefined;
  call.set_output(0, unknown ? DType::undefined : *type, shape_of(call));
  return {};
}

Result<void> infer_dequantize(Inference& call) {
  auto type = type_of(call.attributes(), "output_dtype");
  if (!type) return call.bad(type.error().what);
  call.set_output(0, *type != DType::undefined ? *type : call.element(1), shape_of(call));
  return {};
}

Result<void> quantize(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &scale = call.input(1), &zero = call.input(2);
  if (!holds<TypeList<float, Half, BFloat16, std::int32_t>>(x.type)) return refuse_type(x.type);
  if (!is_float(scale.type) && scale.type != DType::i32) return refuse_type(scale.type);
  DType type = TRY(quantized_type(call.attributes, zero.type));
  if (!is_quantized(type)) return refuse_type(type);
  DType precision = TRY(type_of(call.attributes, "precision"));
  if (precision == DType::undefined) precision = scale.type == DType::f8e8m0 ? DType::f32 : scale.type;
  QuantizationGranularity granularity = TRY(QuantizationGranularity::of(
      x.dims, scale, call.attributes.integer("axis", 1), call.attributes.integer("block_size")));
  std::vector<double> scales = TRY(numbers(scale)), zeros = TRY(zero_points(zero, scale));
  for (double& each : scales) each = rounded(precision, each);
  const Quantizer quantizer(type, call.attributes.integer("saturate", 1) != 0);
  MutableTensorView y = TRY(outputs.allocate(0, type, x.dims));
  (void)with_any_wide(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    granularity.for_each([&](std::int64_t i, std::int64_t group) {
      auto at = static_cast<std::size_t>(group);
      double value = rounded(precision, static_cast<double>(load(x.data, i)));
      quantizer.put(y.data, i, rounded(precision, value / scales[at]), zeros[at]);
    });
  });
  return {};
}

Result<void> dequantize(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &scale = call.input(1), &zero = call.input(2);
  if (!is_quantized(x.type) && x.type != DType::i32) return refuse_type(x.type);
  if (!is_float(scale.type)) return refuse_type(scale.type);
  if (zero.present()) TRY(same_type(x, zero));
  DType type = TRY(type_of(call.attributes, "output_dtype"));
  if (type == DType::undefined) type = scale.type;
  if (!holds<Floats>(type)) return refuse_type(type);
  QuantizationGranularity granularity = TRY(QuantizationGranularity::of(
      x.dims, scale, call.attributes.integer("axis", 1), call.attributes.integer("block_size")));
  std::vector<double> scales = TRY(numbers(scale)), zeros = TRY(zero_points(zero, scale));
  MutableTensorView y = TRY(outputs.allocate(0, type, x.dims));
  auto store = store_of<double>(type);
  (void)with_any_wide(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    granularity.for_each([&](std::int64_t i, std::int64_t group) {
      auto at = static_cast<std::size_t>(group);
      auto steps = static_cast<float>(static_cast<double>(load(x.data, i)) - zeros[at]);
      store(y.data, i, double{steps} * scales[at]);
    });
  });
  return {};
}

}  // namespace modelctl::ops
