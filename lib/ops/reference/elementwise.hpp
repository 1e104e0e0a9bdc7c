// Run halves of operators that go element by element. A function object computes one element; it is made
// from the node's attributes if it has a constructor for them. See element.hpp for the types that it is called with.
#pragma once

#include "ops/reference/broadcast.hpp"
#include "ops/reference/element.hpp"

#include <cmath>
#include <type_traits>

namespace modelctl::ops {

template <class F>
F functor(const Attributes& attributes) {
  if constexpr (std::is_constructible_v<F, const Attributes&>) return F(attributes);
  else return F{};
}

// Elements from one check for an interruption to the next.
inline constexpr std::int64_t interval = 1 << 16;

// y = f(x), of the same type.
template <class Types, class F>
Result<void> unary(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!holds<Types>(x.type)) return refuse_type(x.type);
  F f = functor<F>(call.attributes);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  with_wide<Types>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto store = store_of<W>(x.type);
    std::int64_t count = x.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      if (i % interval == 0 && call.interrupted()) return;
      store(y.data, i, static_cast<W>(f(load(x.data, i))));
    }
  });
  return {};
}

// Calls body(i, a, b) with the linear indices of an output element and of the elements that meet in it.
using PairBody = void (*)(void* context, std::int64_t i, std::int64_t a, std::int64_t b);
void for_each_pair(const TensorView& a, const TensorView& b, DimsView dims, PairBody body, void* context);
template <class Body>
void for_each_pair(const TensorView& a, const TensorView& b, DimsView dims, Body body) {
  PairBody call = [](void* context, std::int64_t i, std::int64_t at, std::int64_t bt) {
    (*static_cast<Body*>(context))(i, at, bt);
  };
  for_each_pair(a, b, dims, call, &body);
}

// y = f(a, b) with broadcasting, of the inputs' type or (Out) a truth value.
template <class Types, class F, class Out = void>
Result<void> binary(const Call& call, Outputs& outputs) {
  static_assert(std::is_void_v<Out> || std::is_same_v<Out, bool>);
  const TensorView& a = call.input(0);
  const TensorView& b = call.input(1);
  TRY(same_type(a, b));
  Dims dims = TRY(broadcast_dims(a.dims, b.dims));
  if (!holds<Types>(a.type)) return refuse_type(a.type);
  F f = functor<F>(call.attributes);
  MutableTensorView y = TRY(outputs.allocate(0, std::is_void_v<Out> ? a.type : DType::boolean, dims));
  with_wide<Types>(a.type, [&]<class W>() {
    auto load = load_of<W>(a.type);
    auto store = store_of<W>(a.type);
    for_each_pair(a, b, dims, [&](std::int64_t i, std::int64_t at, std::int64_t bt) {
      auto value = f(load(a.data, at), load(b.data, bt));
      if constexpr (std::is_void_v<Out>) store(y.data, i, static_cast<W>(value));
      else static_cast<bool*>(y.data)[i] = value;
    });
  });
  return {};
}

// y = f(f(x0, x1), x2) …: any number of inputs, one at least.
template <class Types, class F>
Result<void> variadic(const Call& call, Outputs& outputs) {
  const TensorView& first = call.input(0);
  for (const TensorView& input : call.inputs) TRY(same_type(first, input));
  Dims dims = TRY(broadcast_dims(call.inputs));
  if (!holds<Types>(first.type)) return refuse_type(first.type);
  F f = functor<F>(call.attributes);
  MutableTensorView y = TRY(outputs.allocate(0, first.type, dims));
  with_wide<Types>(first.type, [&]<class W>() {
    auto load = load_of<W>(first.type);
    auto store = store_of<W>(first.type);
    std::vector<W> sums(static_cast<std::size_t>(product(dims)));
    for (const TensorView& input : call.inputs) {
      for_each_index<1>(dims, {broadcast_strides(input.dims, dims)},
                        [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
                          W x = load(input.data, at[0]);
                          W& sum = sums[static_cast<std::size_t>(i)];
                          sum = &input == &first ? x : static_cast<W>(f(sum, x));
                        });
    }
    std::int64_t i = 0;
    for (W sum : sums) store(y.data, i++, static_cast<W>(f.finish(sum, call.inputs.size())));
  });
  return {};
}

}  // namespace modelctl::ops
