// The interpreter of shape programs. Arithmetic is checked: sizes come from callers and from files.
#include "runtime/shapes.hpp"

#include <algorithm>

namespace modelctl::runtime {
namespace {

using artifact::ShapeOp;
using Register = std::optional<std::int64_t>;

Register floor_div(std::int64_t a, std::int64_t b) {
  if (b == 0 || (a == INT64_MIN && b == -1)) return std::nullopt;
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
Register ceil_div(std::int64_t a, std::int64_t b) {
  if (b == 0 || (a == INT64_MIN && b == -1)) return std::nullopt;
  return a / b + (a % b != 0 && (a < 0) == (b < 0) ? 1 : 0);
}

Register combine(ShapeOp op, std::int64_t a, std::int64_t b) {
  std::int64_t value = 0;
  bool overflow = true;
  switch (op) {
    case ShapeOp::add: overflow = __builtin_add_overflow(a, b, &value); break;
    case ShapeOp::sub: overflow = __builtin_sub_overflow(a, b, &value); break;
    case ShapeOp::mul: overflow = __builtin_mul_overflow(a, b, &value); break;
    case ShapeOp::floor_div: return floor_div(a, b);
    case ShapeOp::ceil_div: return ceil_div(a, b);
    case ShapeOp::mod: {
      Register quotient = floor_div(a, b);
      if (!quotient) return std::nullopt;
      return a - *quotient * b;
    }
    case ShapeOp::min: return std::min(a, b);
    case ShapeOp::max: return std::max(a, b);
    case ShapeOp::broadcast: return a == b || b == 1 ? Register(a) : a == 1 ? Register(b) : std::nullopt;
    case ShapeOp::constant:
    case ShapeOp::input_dim:
    case ShapeOp::data_dependent_dim: break;
  }
  return overflow ? Register() : Register(value);
}

}  // namespace

Registers evaluate_shapes(const artifact::Plan& plan, std::span<const DimsView> inputs,
                          std::span<const Dims> data_dependent) {
  Registers registers(plan.shapes.size());
  for (std::size_t i = 0; i < registers.size(); ++i) {
    const artifact::ShapeInstruction& at = plan.shapes[i];
    auto a = static_cast<std::size_t>(at.a);
    auto b = static_cast<std::size_t>(at.b);
    switch (at.op) {
      case ShapeOp::constant: registers[i] = at.a; break;
      case ShapeOp::input_dim: registers[i] = inputs[a][b]; break;
      case ShapeOp::data_dependent_dim:
        if (b < data_dependent[a].size()) registers[i] = data_dependent[a][b];
        break;
      default:
        if (registers[a] && registers[b]) registers[i] = combine(at.op, *registers[a], *registers[b]);
    }
  }
  return registers;
}

}  // namespace modelctl::runtime
