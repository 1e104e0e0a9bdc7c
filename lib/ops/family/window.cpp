// The sizes of convolutions for inference. Numbers take the checked path of ops/reference/window.cpp, so that both
// halves refuse the same windows; only symbolic sizes are computed here.
#include "ops/family/window.hpp"

namespace modelctl::ops {

using graph::Expr;
using graph::Shape;

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

// A kernel whose sizes are symbolic is looked up in attribute kernel_shape; without it the spatial sizes are new
// symbols.
Result<std::optional<Shape>> convolution_shape(Inference& call, std::size_t x_at, std::size_t w_at, std::size_t b_at) {
  const Shape *x = call.shape(x_at), *w = call.shape(w_at), *b = call.shape(b_at);
  TRY(need_rank(call, x_at, 3));
  TRY(need_rank(call, w_at, 3));
  if (b != nullptr) TRY(need_rank(call, b_at, 1, 1));
  if (b != nullptr && w != nullptr) TRY(same_size(call, (*b)[0], (*w)[0]));
  if (x == nullptr || w == nullptr) {
    const Shape* known = x == nullptr ? w : x;
    return known == nullptr ? std::nullopt : std::optional(unknown_shape(call, known->size()));
  }
  if (x->size() != w->size()) return call.bad("X and W must have the same rank");
  std::int64_t group = call.attributes().integer("group", 1);
  if (group < 1 || group >= std::int64_t{1} << 31) return call.bad("group cannot be " + std::to_string(group));
  TRY(same_size(call, (*x)[1], (*w)[1] * Expr(group)));
  if (auto m = (*w)[0].constant(); m && *m % group != 0) return call.bad("group does not divide W's first size");
  Shape shape{(*x)[0], (*w)[0]};
  Dims kernel;
  for (std::size_t axis = 2; axis < w->size(); ++axis) kernel.push_back((*w)[axis].constant().value_or(-1));
  bool known = std::find(kernel.begin(), kernel.end(), -1) == kernel.end();
  if (!known && !call.attributes().has("kernel_shape")) {
    for (std::size_t axis = 2; axis < x->size(); ++axis) shape.push_back(call.fresh_symbol());
    return std::optional(std::move(shape));
  }
  auto windows = read_windows(call.attributes(), kernel, x->size() - 2);
  if (!windows) return call.bad(windows.error().what);
  for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
    TRY(same_size(call, (*w)[axis + 2], Expr(windows->axes[axis].kernel)));
    shape.push_back(TRY(window_count(call, *windows, axis, (*x)[axis + 2])));
  }
  return std::optional(std::move(shape));
}

}  // namespace modelctl::ops
