#include "kernels/resize.hpp"

#include "kernels/interpolation.hpp"
#include "kernels/operands.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t elements = 1 << 14;  // of a tile
constexpr std::size_t most_taps = 16;       // of an output element: four along each axis

// The taps of all indices of an output axis: those of index i stand in [begins[i], begins[i + 1]).
struct Taps {
  std::vector<std::int32_t> begins{0};
  std::vector<std::int64_t> at;
  std::vector<float> weights;
  bool single = true;  // one tap each: the nearest

  Taps(const Interpolation& rules, const ResizedAxis& axis) {
    for (std::int64_t i = 0; i < axis.out; ++i) {
      for (const InterpolationTap& tap : taps_of(rules, axis, i)) {
        if (tap.weight == 0) continue;
        at.push_back(tap.index);
        weights.push_back(static_cast<float>(tap.weight));
      }
      single = single && at.size() == static_cast<std::size_t>(begins.back()) + 1;
      begins.push_back(static_cast<std::int32_t>(at.size()));
    }
  }
  std::int64_t size() const { return static_cast<std::int64_t>(begins.size()) - 1; }
};

// X as [outer, rows, columns, inner].
class Resize final : public Bound {
 public:
  Resize(const Simd& simd, std::int64_t outer, std::int64_t rows_in, std::int64_t columns_in, std::int64_t inner,
         Taps rows, Taps columns)
      : simd_(simd),
        outer_(outer),
        rows_in_(rows_in),
        columns_in_(columns_in),
        inner_(inner),
        rows_(std::move(rows)),
        columns_(std::move(columns)) {}

  void run(const RunCall& call) const override {
    const std::int64_t width = columns_.size() * inner_, count = outer_ * rows_.size();
    const std::int64_t each = std::max<std::int64_t>(elements / std::max<std::int64_t>(width, 1), 1);
    call.workers.for_each_tile(ceil_div(count, each), [&](std::int64_t tile) {
      for (std::int64_t row = tile * each; row < std::min((tile + 1) * each, count); ++row) {
        const float* image =
            static_cast<const float*>(call.inputs[0]) + row / rows_.size() * rows_in_ * columns_in_ * inner_;
        run_row(image, row % rows_.size(), static_cast<float*>(call.outputs[0]) + row * width);
      }
    });
  }

 private:
  void run_row(const float* image, std::int64_t row, float* out) const {
    const float* rows[most_taps];
    float weights[most_taps];
    const auto first = static_cast<std::size_t>(rows_.begins[static_cast<std::size_t>(row)]);
    const auto last = static_cast<std::size_t>(rows_.begins[static_cast<std::size_t>(row) + 1]);
    for (std::int64_t column = 0; column < columns_.size(); ++column, out += inner_) {
      const auto begin = static_cast<std::size_t>(columns_.begins[static_cast<std::size_t>(column)]);
      const auto end = static_cast<std::size_t>(columns_.begins[static_cast<std::size_t>(column) + 1]);
      if (rows_.single && columns_.single) {
        const float* from = image + (rows_.at[first] * columns_in_ + columns_.at[begin]) * inner_;
        if (inner_ == 1) *out = *from;
        else std::memcpy(out, from, static_cast<std::size_t>(inner_) * sizeof(float));
        continue;
      }
      if (inner_ == 1) {
        float sum = 0;
        for (std::size_t i = first; i < last; ++i) {
          const float* from = image + rows_.at[i] * columns_in_;
          float part = 0;
          for (std::size_t j = begin; j < end; ++j) part += from[columns_.at[j]] * columns_.weights[j];
          sum += part * rows_.weights[i];
        }
        *out = sum;
        continue;
      }
      std::int64_t count = 0;
      for (std::size_t i = first; i < last; ++i) {
        for (std::size_t j = begin; j < end; ++j, ++count) {
          rows[count] = image + (rows_.at[i] * columns_in_ + columns_.at[j]) * inner_;
          weights[count] = rows_.weights[i] * columns_.weights[j];
        }
      }
      simd_.blend(rows, weights, count, out, inner_);
    }
  }

  const Simd& simd_;
  std::int64_t outer_, rows_in_, columns_in_, inner_;
  Taps rows_, columns_;
};

class Nothing final : public Bound {
 public:
  void run(const RunCall&) const override {}
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("resize_f32", call);
  TRY(operands.floats(1, 1));
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  if (x.rank() != y.rank()) return operands.refuse("X and Y differ in rank");
  const auto& scales = call.attributes.numbers("scales");
  if (!scales.empty() && scales.size() != x.rank()) return operands.refuse("there is not one scale for each axis");
  std::vector<ResizedAxis> axes;
  std::size_t first = x.rank(), last = 0;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    ResizedAxis axis{x.dim(i), y.dim(i)};
    if (!scales.empty()) axis.scale = double{scales[i]};
    else if (axis.in > 0) axis.scale = static_cast<double>(axis.out) / static_cast<double>(axis.in);
    // A plan's sizes follow from its scales: a scale that is none would ask for any number of taps.
    if (!scales.empty() && std::floor(static_cast<double>(axis.in) * axis.scale) != static_cast<double>(axis.out)) {
      return operands.refuse("a scale does not give the size of Y");
    }
    if (axis.in != axis.out || axis.scale != 1) first = std::min(first, i), last = i;
    axes.push_back(axis);
  }
  if (y.elements() == 0) return std::make_unique<Nothing>();
  if (x.elements() == 0) return operands.refuse("there is nothing to interpolate");
  if (first < last && last - first > 1) return operands.refuse("the resized axes are no neighbours");
  const std::string mode = TRY(operands.text("mode", "nearest"));
  const std::string nearest = TRY(operands.text("nearest_mode", "round_prefer_floor"));
  const std::string coordinates = TRY(operands.text("coordinate_transformation_mode", "half_pixel"));
  if (coordinates == "tf_crop_and_resize") return operands.refuse("it does not crop");
  const Interpolation rules{mode,
                            nearest,
                            coordinates,
                            double{TRY(operands.number("cubic_coeff_a", -0.75f))},
                            call.attributes.integer("exclude_outside") != 0,
                            false};
  // An axis that stays as it is stands in for one that is missing.
  const ResizedAxis none{1, 1};
  const std::size_t end = first < x.rank() ? last + 1 : x.rank();
  const ResizedAxis columns = first < x.rank() ? axes[last] : none, rows = first < last ? axes[first] : none;
  const auto outer = element_count(x.dims.first(std::min(first, x.rank())));
  const auto inner = element_count(x.dims.subspan(end));
  if (!outer || !inner) return operands.refuse("X is too large");
  const Interpolation whole{"nearest", "floor", "asymmetric", 0, false, false};
  Taps of_rows(first < last ? rules : whole, rows), of_columns(first < x.rank() ? rules : whole, columns);
  return std::make_unique<Resize>(simd(call.cpu.isa), *outer, rows.in, columns.in, *inner, std::move(of_rows),
                                  std::move(of_columns));
}

constexpr KernelDef table[] = {{"resize_f32", bind}};

}  // namespace

std::span<const KernelDef> resize_kernels() { return table; }

}  // namespace modelctl::kernels
