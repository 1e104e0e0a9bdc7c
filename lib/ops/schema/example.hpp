// Short names for the tensors of examples.
#pragma once

#include "ops/schema/operator.hpp"

#include <cmath>

namespace modelctl::ops {

inline Tensor f32(Dims dims, std::initializer_list<float> values) {
  return Tensor::of(DType::f32, std::move(dims), values);
}
inline Tensor f64(Dims dims, std::initializer_list<double> values) {
  return Tensor::of(DType::f64, std::move(dims), values);
}
inline Tensor i64(Dims dims, std::initializer_list<std::int64_t> values) {
  return Tensor::of(DType::i64, std::move(dims), values);
}
inline Tensor i32(Dims dims, std::initializer_list<std::int32_t> values) {
  return Tensor::of(DType::i32, std::move(dims), values);
}
inline Tensor u8(Dims dims, std::initializer_list<std::uint8_t> values) {
  return Tensor::of(DType::u8, std::move(dims), values);
}
inline Tensor i8(Dims dims, std::initializer_list<std::int8_t> values) {
  return Tensor::of(DType::i8, std::move(dims), values);
}
inline Tensor boolean(Dims dims, std::initializer_list<bool> values) {
  return Tensor::of(DType::boolean, std::move(dims), values);
}
// The bytes of a tensor of a type of 8 bits or less; those below share a byte, low bits first.
inline Tensor small(DType type, Dims dims, std::initializer_list<std::uint8_t> bytes) {
  return Tensor::of(type, std::move(dims), bytes);
}
inline Tensor strings(Dims dims, std::vector<std::string> values) {
  return Tensor::of_strings(std::move(dims), std::move(values));
}

using Examples = std::vector<Example>;
using Ints = std::vector<std::int64_t>;

}  // namespace modelctl::ops
