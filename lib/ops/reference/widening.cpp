// Widening to f64 is exact for floats; narrowing rounds once, and saturates for integers.
#include "ops/reference/widening.hpp"

namespace modelctl::ops {

std::vector<double> widened(const TensorView& view) {
  std::vector<double> values(static_cast<std::size_t>(view.elements()));
  (void)with_wide<NumbersAndBool>(view.type, [&]<class W>() {
    auto load = load_of<W>(view.type);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<double>(load(view.data, static_cast<std::int64_t>(i)));
    }
  });
  return values;
}

void narrow(std::span<const double> values, const MutableTensorView& to) {
  (void)with_wide<NumbersAndBool>(to.type, [&]<class W>() {
    auto store = store_of<W>(to.type);
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto at = static_cast<std::int64_t>(i);
      if constexpr (std::is_floating_point_v<W>) store(to.data, at, values[i]);
      else store(to.data, at, saturated<W>(values[i]));
    }
  });
}

}  // namespace modelctl::ops
