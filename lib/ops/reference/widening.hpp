// Arithmetic on whole tensors of floats, compiled for f32 and f64 alone: a tensor of another number type is widened to
// f64 before the loop, and what the loop wrote is narrowed after it. For operators that read each element many times.
#pragma once

#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"

#include <array>

namespace modelctl::ops {

// All elements in f64.
std::vector<double> widened(const TensorView& view);
void narrow(std::span<const double> values, const MutableTensorView& to);

// Calls body(in, out), where in[i] points at the elements of inputs[i] (null if it is absent) and out at those of
// the output, all of them float or all of them double. The inputs present and the output are of one number type.
template <std::size_t N, class Body>
void with_widened(const std::array<TensorView, N>& inputs, const MutableTensorView& output, Body&& body) {
  auto plain = [&]<class R>() {
    std::array<const R*, N> in{};
    for (std::size_t i = 0; i < N; ++i) in[i] = static_cast<const R*>(inputs[i].data);
    body(in, static_cast<R*>(output.data));
  };
  if (output.type == DType::f32) return plain.template operator()<float>();
  if (output.type == DType::f64) return plain.template operator()<double>();
  std::array<std::vector<double>, N> copies;
  std::array<const double*, N> in{};
  for (std::size_t i = 0; i < N; ++i) {
    if (!inputs[i].present()) continue;
    copies[i] = widened(inputs[i]);
    in[i] = copies[i].data();
  }
  std::vector<double> out(static_cast<std::size_t>(output.elements()));
  body(in, out.data());
  narrow(out, output);
}

}  // namespace modelctl::ops
