// Exact in f64: integers of 16 bits and their differences have no rounding there.
#include "ops/reference/quantized.hpp"

#include <algorithm>

namespace modelctl::ops {

Result<std::vector<double>> numbers(const TensorView& view) {
  std::vector<double> all(static_cast<std::size_t>(view.elements()));
  bool known = with_any_wide(view.type, [&]<class W>() {
    auto load = load_of<W>(view.type);
    std::int64_t at = 0;
    for (double& number : all) number = static_cast<double>(load(view.data, at++));
  });
  if (!known) return refuse_type(view.type);
  return all;
}

Result<std::vector<double>> centered(const TensorView& x, const TensorView& zero, Dims zero_dims) {
  std::vector<double> all = TRY(numbers(x));
  if (!zero.present()) return all;
  TRY(same_type(x, zero));
  if (TRY(broadcast_dims(zero_dims, x.dims)) != Dims(x.dims.begin(), x.dims.end())) {
    return refuse("a zero point of " + describe(zero.type, zero.dims) + " does not fit " + describe(x.type, x.dims));
  }
  std::vector<double> zeros = TRY(numbers(zero));
  for_each_index<1>(x.dims, {broadcast_strides(zero_dims, x.dims)},
                    [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
                      all[static_cast<std::size_t>(i)] -= zeros[static_cast<std::size_t>(at[0])];
                    });
  return all;
}

Result<std::vector<double>> centered(const TensorView& x, const TensorView& zero) {
  return centered(x, zero, Dims(zero.dims.begin(), zero.dims.end()));
}

// The bounds of integers; floats saturate, or not, while they are narrowed.
Quantizer::Quantizer(DType type, bool saturate) : type_(type), how_{saturate} {
  if (is_float(type)) return;
  const int width = bits(type);
  low_ = is_unsigned(type) ? 0 : -std::ldexp(1.0, width - 1);
  high_ = std::ldexp(1.0, is_unsigned(type) ? width : width - 1) - 1;
}

void Quantizer::put(void* data, std::int64_t at, double value, double zero) const {
  unsigned code = 0;
  if (is_float(type_)) {
    code = narrow(type_, value + zero, how_);
  } else {
    double steps = std::isnan(value) ? 0 : std::nearbyint(value);
    code = static_cast<unsigned>(static_cast<int>(std::clamp(steps + zero, low_, high_)));
  }
  if (is_packed(type_)) set_packed(data, at, bits(type_), code);
  else if (bits(type_) == 8) static_cast<std::uint8_t*>(data)[at] = static_cast<std::uint8_t>(code);
  else static_cast<std::uint16_t*>(data)[at] = static_cast<std::uint16_t>(code);
}

double rounded(DType type, double value) {
  switch (type) {
    case DType::f32: return static_cast<float>(value);
    case DType::f16: return static_cast<float>(Half(static_cast<float>(value)));
    case DType::bf16: return static_cast<float>(BFloat16(static_cast<float>(value)));
    default: return value;
  }
}

// x is seen as [outer, size, inner] around the axis. Steps say how far the scale moves with each of the three: only
// with the axis for one scale per index, and with all three for blocks, where the scale has x's rank.
Result<QuantizationGranularity> QuantizationGranularity::of(DimsView x, const TensorView& scale, std::int64_t axis,
                                                            std::int64_t block) {
  QuantizationGranularity granularity;
  if (scale.elements() == 1 && scale.rank() <= 1) {
    granularity.inner_ = product(x);
    return granularity;
  }
  std::size_t at = TRY(axis_index(axis, x.size()));
  granularity.outer_ = product(x.first(at));
  granularity.size_ = x[at];
  granularity.inner_ = product(x.subspan(at + 1));
  granularity.axis_step_ = 1;
  std::string fault = "a scale of " + describe(scale.type, scale.dims) + " does not fit axis " + std::to_string(at) +
                      " of " + describe(DType::undefined, x).substr(name(DType::undefined).size());
  if (block == 0) {
    if (scale.rank() != 1 || scale.dim(0) != granularity.size_) return refuse(std::move(fault));
    return granularity;
  }
  if (block < 0) return refuse("block_size cannot be " + std::to_string(block));
  std::int64_t blocks = granularity.size_ / block + (granularity.size_ % block != 0);
  if (scale.rank() != x.size()) return refuse(std::move(fault));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (scale.dim(i) != (i == at ? blocks : x[i])) return refuse(std::move(fault));
  }
  granularity.block_ = block;
  granularity.inner_step_ = 1;
  granularity.axis_step_ = granularity.inner_;
  granularity.outer_step_ = blocks * granularity.inner_;
  return granularity;
}

Result<Affine> affine(const TensorView& scale, const TensorView& zero, DType of) {
  Affine result;
  if (!is_float(scale.type)) return refuse_type(scale.type);
  if (scale.elements() != 1) return refuse("the scale must have one element");
  result.scale = TRY(numbers(scale))[0];
  if (!zero.present()) return result;
  if (zero.type != of) {
    return refuse("the zero point must be " + std::string(name(of)) + ", not " + std::string(name(zero.type)));
  }
  if (zero.elements() != 1) return refuse("the zero point must have one element");
  result.zero = TRY(numbers(zero))[0];
  return result;
}

}  // namespace modelctl::ops
