#include "ops/window_infer.hpp"

namespace modelctl::ops {

using graph::Expr;

Result<Expr> window_count(const Inference& call, const Windows& windows, std::size_t axis, const Expr& size) {
  if (auto known = size.constant()) {
    auto count = window_count(windows, axis, *known);
    if (!count) return call.bad(count.error().what);
    return Expr(*count);
  }
  const Window& window = windows.axes[axis];
  if (windows.auto_pad == AutoPad::same_upper || windows.auto_pad == AutoPad::same_lower) {
    return ceil_div(size, Expr(window.stride));
  }
  Expr slack = size + Expr(window.begin + window.end - window.reach());
  if (!windows.ceil) return floor_div(slack, Expr(window.stride)) + Expr(1);
  return min(ceil_div(slack, Expr(window.stride)) + Expr(1), ceil_div(size + Expr(window.begin), Expr(window.stride)));
}

}  // namespace modelctl::ops
