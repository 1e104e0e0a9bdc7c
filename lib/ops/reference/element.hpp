// Elements of any number type, read and written in the type in which arithmetic on them happens: f64 for floats, i64
// and u64 for integers and booleans. So an operator's loop is compiled three times, not once for each element type.
// Nothing is lost by that: sums, differences, products, quotients and roots of f32 that are rounded from f64 are the
// ones that f32 gives, and integers drop the upper bits when they are written, so they wrap. Types that are storage
// only (f8, f4, integers below a byte) are read and written in the same way; packed ones must be written in order.
#pragma once

#include "tensor/dispatch.hpp"

#include <type_traits>

namespace modelctl::ops {

template <class T>
using wide_t = std::conditional_t<std::is_floating_point_v<compute_t<T>>, double,
                                  std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

template <class W>
using Load = W (*)(const void* data, std::int64_t at);
template <class W>
using Store = void (*)(void* data, std::int64_t at, W value);

// Bool and the unsigned integers.
bool is_unsigned(DType type);

// For an element type whose wide_t is W.
template <class W>
Load<W> load_of(DType type);
template <class W>
Store<W> store_of(DType type);

// Calls body<W>() for the element type's wide_t and returns true; false if the list does not hold the type.
template <class List, class F>
bool with_wide(DType type, F&& body) {
  return with_type<List>(type, [&]<class T>() { body.template operator()<wide_t<T>>(); });
}

// The same for any type of numbers, storage types and bool included.
template <class F>
bool with_any_wide(DType type, F&& body) {
  if (is_float(type)) return body.template operator()<double>(), true;
  if (is_unsigned(type)) return body.template operator()<std::uint64_t>(), true;
  if (is_integer(type)) return body.template operator()<std::int64_t>(), true;
  return false;
}

template <class List>
bool holds(DType type) {
  return with_type<List>(type, []<class T>() {});
}

}  // namespace modelctl::ops
