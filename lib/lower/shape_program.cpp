// Expressions become instructions by structural hashing: an instruction is keyed by its operation and operands, so
// equal subexpressions share one register, also across values. The order of the instructions is the order of
// evaluation, because operands are lowered before the operation that uses them.
#include "lower/shape_program.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <tuple>

namespace modelctl::lower {

using artifact::ShapeOp;
using graph::Expr;

void ShapeProgram::define_by_input(const std::string& symbol, std::int64_t input, std::int64_t axis) {
  symbols_.try_emplace(symbol, artifact::ShapeInstruction{ShapeOp::input_dim, input, axis});
}

void ShapeProgram::define_by_data_dependent_value(const std::string& symbol, std::int64_t value, std::int64_t axis) {
  symbols_.try_emplace(symbol, artifact::ShapeInstruction{ShapeOp::data_dependent_dim, value, axis});
}

bool ShapeProgram::knows(const graph::Shape& shape) const {
  return std::all_of(shape.begin(), shape.end(), [this](const Expr& size) { return knows(size); });
}

bool ShapeProgram::knows(const Expr& size) const {
  Expr::View view = size.view();
  if (view.kind == Expr::Kind::symbol) return symbols_.contains(view.symbol);
  return std::all_of(view.operands.begin(), view.operands.end(), [this](const Expr& part) { return knows(part); });
}

std::vector<std::uint32_t> ShapeProgram::registers(const graph::Shape& shape) {
  std::vector<std::uint32_t> result;
  result.reserve(shape.size());
  for (const Expr& size : shape) result.push_back(lower(size));
  return result;
}

std::vector<std::uint32_t> ShapeProgram::input_registers(const graph::Shape& shape, std::int64_t input) {
  std::vector<std::uint32_t> result;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    bool known = knows(shape[axis]);
    result.push_back(known ? lower(shape[axis]) : add(ShapeOp::input_dim, input, static_cast<std::int64_t>(axis)));
  }
  return result;
}

std::vector<std::uint32_t> ShapeProgram::data_dependent_registers(std::int64_t value, std::size_t rank) {
  std::vector<std::uint32_t> result;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    result.push_back(add(ShapeOp::data_dependent_dim, value, static_cast<std::int64_t>(axis)));
  }
  return result;
}

std::uint32_t ShapeProgram::add(ShapeOp op, std::int64_t a, std::int64_t b) {
  auto [at, fresh] = numbered_.try_emplace({op, a, b}, static_cast<std::uint32_t>(instructions_.size()));
  if (fresh) instructions_.push_back({op, a, b});
  return at->second;
}

std::uint32_t ShapeProgram::lower(const Expr& size) {
  Expr::View view = size.view();
  switch (view.kind) {
    case Expr::Kind::constant: return add(ShapeOp::constant, view.constant, 0);
    case Expr::Kind::symbol: {
      auto definition = symbols_.find(view.symbol);
      MODELCTL_CHECK(definition != symbols_.end(), "a size is lowered only if its symbols are defined");
      return add(definition->second.op, definition->second.a, definition->second.b);
    }
    default: break;
  }
  static constexpr auto op_of = [](Expr::Kind kind) {
    switch (kind) {
      case Expr::Kind::add: return ShapeOp::add;
      case Expr::Kind::mul: return ShapeOp::mul;
      case Expr::Kind::floor_div: return ShapeOp::floor_div;
      case Expr::Kind::ceil_div: return ShapeOp::ceil_div;
      case Expr::Kind::mod: return ShapeOp::mod;
      case Expr::Kind::min: return ShapeOp::min;
      case Expr::Kind::max: return ShapeOp::max;
      default: return ShapeOp::broadcast;
    }
  };
  std::uint32_t result = lower(view.operands[0]);
  for (std::size_t i = 1; i < view.operands.size(); ++i)
    result = add(op_of(view.kind), result, lower(view.operands[i]));
  return result;
}

}  // namespace modelctl::lower
