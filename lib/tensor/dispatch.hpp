// From an element type at run time to a C++ type: with_type<Floats>(view.type, [&]<class T>() { … }) instantiates the
// body once per type of the list. Each instantiation costs code in every runner, so use the shortest list that is
// right.
#pragma once

#include "tensor/dtype.hpp"
#include "tensor/half.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace modelctl {

template <class... T>
struct TypeList {};

// What is not in these lists (complex numbers, the floats of 8 and 4 bits, packed integers) is handled by the few
// operators that take it.
using Floats = TypeList<float, double, Half, BFloat16>;
using Integers = TypeList<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                          std::uint32_t, std::uint64_t>;
using Numbers = TypeList<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                         std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
using NumbersAndBool = TypeList<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                                std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, bool>;
using NumbersBoolAndString =
    TypeList<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
             std::uint16_t, std::uint32_t, std::uint64_t, bool, std::string>;

template <class T>
inline constexpr DType dtype_of = DType::undefined;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<Half> = DType::f16;
template <>
inline constexpr DType dtype_of<BFloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<std::int8_t> = DType::i8;
template <>
inline constexpr DType dtype_of<std::int16_t> = DType::i16;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<std::uint16_t> = DType::u16;
template <>
inline constexpr DType dtype_of<std::uint32_t> = DType::u32;
template <>
inline constexpr DType dtype_of<std::uint64_t> = DType::u64;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;
template <>
inline constexpr DType dtype_of<std::string> = DType::string;

// The type in which arithmetic on T is done: f32 for f16 and bf16, so that intermediate results are not rounded to 16
// bits; T itself for the others.
template <class T>
struct ComputeType {
  using type = T;
};
template <>
struct ComputeType<Half> {
  using type = float;
};
template <>
struct ComputeType<BFloat16> {
  using type = float;
};
template <class T>
using compute_t = typename ComputeType<T>::type;

namespace dispatch_detail {
template <class F, class... T>
bool with_type(DType type, F& body, TypeList<T...>) {
  return ((type == dtype_of<T> ? (body.template operator()<T>(), true) : false) || ...);
}
}  // namespace dispatch_detail

// Calls body.operator()<T>() for the C++ type of `type` and returns true; returns false if the list does not contain
// it.
template <class List, class F>
[[nodiscard]] bool with_type(DType type, F&& body) {
  return dispatch_detail::with_type(type, body, List{});
}

}  // namespace modelctl
