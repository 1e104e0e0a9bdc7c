// Run halves of operators that go element by element. A function object says what happens to one element; it is made
// from the node's attributes where it has a constructor for them. Arithmetic on f16 and bf16 happens in f32.
#pragma once

#include "ops/broadcast.hpp"

#include <cmath>
#include <type_traits>

namespace modelctl::ops {

template <class F>
F functor(const Attributes& attributes) {
  if constexpr (std::is_constructible_v<F, const Attributes&>) return F(attributes);
  else return F{};
}

// y = f(x), of the same type.
template <class Types, class F>
Result<void> unary(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  return for_type<Types>(x.type, [&]<class T>() -> Result<void> {
    F f = functor<F>(call.attributes);
    MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
    auto in = x.as<T>();
    auto out = y.as<T>();
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = static_cast<T>(f(static_cast<compute_t<T>>(in[i])));
    return {};
  });
}

// y = f(x), a truth value.
template <class Types, class F>
Result<void> unary_test(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  return for_type<Types>(x.type, [&]<class T>() -> Result<void> {
    F f = functor<F>(call.attributes);
    MutableTensorView y = TRY(outputs.allocate(0, DType::boolean, x.dims));
    auto in = x.as<T>();
    auto out = y.as<bool>();
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = f(static_cast<compute_t<T>>(in[i]));
    return {};
  });
}

// Calls body(i, a, b) with the linear indices of an output element and of the elements that meet in it.
template <class Body>
void for_each_pair(const TensorView& a, const TensorView& b, DimsView dims, Body&& body) {
  walk<2>(dims, {broadcast_strides(a.dims, dims), broadcast_strides(b.dims, dims)},
          [&](std::int64_t i, const std::array<std::int64_t, 2>& at) { body(i, at[0], at[1]); });
}

// y = f(a, b) with broadcasting, of the inputs' type or (Out) another.
template <class Types, class F, class Out = void>
Result<void> binary(const Call& call, Outputs& outputs) {
  const TensorView& a = call.input(0);
  const TensorView& b = call.input(1);
  TRY(same_type(a, b));
  Dims dims = TRY(broadcast_dims(a.dims, b.dims));
  return for_type<Types>(a.type, [&]<class T>() -> Result<void> {
    using Y = std::conditional_t<std::is_void_v<Out>, T, Out>;
    F f = functor<F>(call.attributes);
    MutableTensorView y = TRY(outputs.allocate(0, dtype_of<Y>, dims));
    const T* left = a.as<T>().data();
    const T* right = b.as<T>().data();
    Y* out = y.as<Y>().data();
    for_each_pair(a, b, dims, [&](std::int64_t i, std::int64_t at, std::int64_t bt) {
      if constexpr (std::is_same_v<T, std::string>) out[i] = f(left[at], right[bt]);
      else out[i] = static_cast<Y>(f(static_cast<compute_t<T>>(left[at]), static_cast<compute_t<T>>(right[bt])));
    });
    return {};
  });
}

// y = f(f(x0, x1), x2) …: any number of inputs, one at least.
template <class Types, class F>
Result<void> variadic(const Call& call, Outputs& outputs) {
  const TensorView& first = call.input(0);
  for (const TensorView& input : call.inputs) TRY(same_type(first, input));
  Dims dims = TRY(broadcast_dims(call.inputs));
  return for_type<Types>(first.type, [&]<class T>() -> Result<void> {
    F f = functor<F>(call.attributes);
    MutableTensorView y = TRY(outputs.allocate(0, first.type, dims));
    std::vector<compute_t<T>> sums(y.as<T>().size());
    for (std::size_t n = 0; n < call.inputs.size(); ++n) {
      const T* in = call.inputs[n].as<T>().data();
      walk<1>(dims, {broadcast_strides(call.inputs[n].dims, dims)},
              [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
                auto x = static_cast<compute_t<T>>(in[at[0]]);
                auto& sum = sums[static_cast<std::size_t>(i)];
                sum = n == 0 ? x : static_cast<compute_t<T>>(f(sum, x));
              });
    }
    T* out = y.as<T>().data();
    for (std::size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<T>(f.finish(sums[i], call.inputs.size()));
    return {};
  });
}

}  // namespace modelctl::ops
