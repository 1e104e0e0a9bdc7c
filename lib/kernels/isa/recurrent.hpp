// What follows the products of a recurrent layer's step: activations of the gates and the new state, for one row.
//
// A step of a recurrent layer is limited by the product of the state; these loops read the gates' sums once, while they
// are in the first-level cache, and keep everything between the gates and the new state in registers.
#pragma once

#include "kernels/isa/math.hpp"

namespace modelctl::kernels {
namespace {

// The function is chosen for each vector: the choice is always the same, and costs nothing beside an exponential.
template <class T>
inline typename T::V activate(const GateActivation& s, typename T::V v) {
  using V = typename T::V;
  const V zero{};
  v = clamp<T>(v, splat<T>(-s.clip), splat<T>(s.clip));
  switch (s.function) {
    case Unary::sigmoid: return sigmoid_of<T>(v);
    case Unary::tanh: return tanh_of<T>(v);
    case Unary::relu: return T::maximum(zero, v);
    case Unary::leaky_relu: return v < 0.0f ? v * s.alpha : v;
    case Unary::hard_sigmoid: return clamp<T>(v * s.alpha + s.beta, zero, splat<T>(1.0f));
    default: return v;
  }
}

template <class T>
void lstm_cell(const LstmCell& cell) {
  using V = typename T::V;
  const std::int64_t n = cell.n;
  for_each_vector<T>(n, [&](std::int64_t at, int count) {
    const auto gate = [&](int index) { return load<T>(cell.gates + index * n + at, count); };
    const auto peephole = [&](int index, V c) {
      return cell.peepholes ? load<T>(cell.peepholes + index * n + at, count) * c : V{};
    };
    V c = load<T>(cell.c + at, count);
    const V input = activate<T>(cell.f, gate(0) + peephole(0, c));
    const V forget = cell.coupled ? 1.0f - input : activate<T>(cell.f, gate(2) + peephole(2, c));
    c = forget * c + input * activate<T>(cell.g, gate(3));
    const V h = activate<T>(cell.f, gate(1) + peephole(1, c)) * activate<T>(cell.h, c);
    store<T>(cell.c + at, c, count);
    store<T>(cell.state + at, h, count);
    if (cell.y) store<T>(cell.y + at, h, count);
  });
}

template <class T>
void gru_gates(const GruCell& cell) {
  const std::int64_t n = cell.n;
  for_each_vector<T>(n, [&](std::int64_t at, int count) {
    const auto reset = activate<T>(cell.f, load<T>(cell.gates + n + at, count));
    store<T>(cell.gates + at, activate<T>(cell.f, load<T>(cell.gates + at, count)), count);
    store<T>(cell.gates + n + at, reset, count);
    if (!cell.x) store<T>(cell.hidden + at, reset * load<T>(cell.state + at, count), count);
  });
}

template <class T>
void gru_cell(const GruCell& cell) {
  using V = typename T::V;
  const std::int64_t n = cell.n;
  for_each_vector<T>(n, [&](std::int64_t at, int count) {
    V hidden = load<T>(cell.candidate + at, count);
    if (cell.x) hidden = load<T>(cell.x + at, count) + load<T>(cell.gates + n + at, count) * hidden;
    hidden = activate<T>(cell.g, hidden);
    const V update = load<T>(cell.gates + at, count);
    const V h = (1.0f - update) * hidden + update * load<T>(cell.state + at, count);
    store<T>(cell.state + at, h, count);
    if (cell.y) store<T>(cell.y + at, h, count);
  });
}

}  // namespace
}  // namespace modelctl::kernels
