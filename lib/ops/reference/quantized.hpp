// What quantized operators share: which scale and zero point belong to which element, and rounding to a quantized type.
// All of it is exact in f64 up to the one rounding that the specification names, to even; nothing saturates on the way.
#pragma once

#include "ops/reference/broadcast.hpp"
#include "ops/reference/element.hpp"
#include "tensor/small.hpp"

#include <cmath>

namespace modelctl::ops {

inline bool is_quantized(DType type) {
  return (is_integer(type) && bits(type) <= 16) || (is_float(type) && bits(type) <= 8 && type != DType::f8e8m0);
}

// All elements as f64; the zero point, whose dimensions `zero_dims` broadcast to x's, is subtracted if it is
// present.
Result<std::vector<double>> centered(const TensorView& x, const TensorView& zero, Dims zero_dims);
Result<std::vector<double>> centered(const TensorView& x, const TensorView& zero);  // by its own dimensions
// The elements of a tensor of numbers of any width, all as f64.
Result<std::vector<double>> numbers(const TensorView& view);

// Rounds to even, adds the zero point and keeps within the type.
class Quantizer {
 public:
  explicit Quantizer(DType type, bool saturate = true);
  // `value` is in steps of the scale. NaN becomes the zero point.
  void put(void* data, std::int64_t at, double value, double zero) const;

 private:
  DType type_;
  Narrowing how_;
  double low_ = 0, high_ = 0;
};

// The value rounded to this float type; unchanged for other types.
double rounded(DType type, double value);

// Which element of a scale belongs to each element of x: one to all, one to each index of an axis, or one to each block
// along it.
class QuantizationGranularity {
 public:
  static Result<QuantizationGranularity> of(DimsView x, const TensorView& scale, std::int64_t axis, std::int64_t block);

  // Calls body(i, group) for each element of x in order.
  template <class Body>
  void for_each(Body&& body) const {
    std::int64_t i = 0;
    for (std::int64_t o = 0; o < outer_; ++o) {
      for (std::int64_t a = 0; a < size_; ++a) {
        for (std::int64_t n = 0; n < inner_; ++n)
          body(i++, o * outer_step_ + a / block_ * axis_step_ + n * inner_step_);
      }
    }
  }

 private:
  std::int64_t outer_ = 1, size_ = 1, inner_ = 1;
  std::int64_t outer_step_ = 0, axis_step_ = 0, inner_step_ = 0, block_ = 1;
};

// The scale and zero point of operators that quantize a whole tensor by one pair.
struct Affine {
  double scale = 1, zero = 0;
  double value(double element) const { return (element - zero) * scale; }
};
// Fails unless both have one element; an absent zero point is 0 and else of the type `of`.
Result<Affine> affine(const TensorView& scale, const TensorView& zero, DType of);

}  // namespace modelctl::ops
