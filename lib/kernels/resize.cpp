// Resizing one or two axes. The taps of each output index are computed when the kernel is bound; a run only blends rows
// with their weights.
#include "kernels/resize.hpp"

#include "kernels/bind/interpolation.hpp"
#include "kernels/bind/operands.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t elements = 1 << 14;  // of a tile
constexpr std::int64_t line_limit = 4096;   // of a row that is blended on the stack
constexpr std::size_t most_taps = 16;       // of an output element: four along each axis

// The taps of all indices of an output axis: tap j of index i stands at j * size + i. An index of fewer taps than
// others has some of weight 0.
struct Taps {
  std::int64_t size, count = 1;
  std::vector<std::int32_t> at;
  std::vector<float> weights;
  bool plain = true;  // one tap of weight 1 each: the nearest

  Taps(const Interpolation& rules, const ResizedAxis& axis) : size(axis.out) {
    std::vector<std::vector<InterpolationTap>> all;
    for (std::int64_t i = 0; i < size; ++i) {
      all.push_back(taps_of(rules, axis, i));
      auto& taps = all.back();
      taps.erase(std::remove_if(taps.begin(), taps.end(), [](const auto& tap) { return tap.weight == 0; }), taps.end());
      count = std::max(count, static_cast<std::int64_t>(taps.size()));
      plain = plain && taps.size() == 1 && taps[0].weight == 1;
    }
    at.assign(static_cast<std::size_t>(size * count), 0);
    weights.assign(at.size(), 0.0f);
    for (std::int64_t i = 0; i < size; ++i) {
      const auto& taps = all[static_cast<std::size_t>(i)];
      for (std::size_t j = 0; j < taps.size(); ++j) {
        const std::size_t to = j * static_cast<std::size_t>(size) + static_cast<std::size_t>(i);
        at[to] = static_cast<std::int32_t>(taps[j].index);
        weights[to] = static_cast<float>(taps[j].weight);
      }
      // What fills up looks where the first tap does: never outside, and no further element counts.
      for (std::size_t j = taps.size(); j < static_cast<std::size_t>(count) && !taps.empty(); ++j) {
        at[j * static_cast<std::size_t>(size) + static_cast<std::size_t>(i)] = static_cast<std::int32_t>(taps[0].index);
      }
    }
  }
  std::size_t place(std::int64_t tap, std::int64_t i) const { return static_cast<std::size_t>(tap * size + i); }
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
    const std::int64_t width = columns_.size * inner_, count = outer_ * rows_.size;
    const std::int64_t each = std::max<std::int64_t>(elements / std::max<std::int64_t>(width, 1), 1);
    call.workers.for_each_tile(ceil_div(count, each), [&](std::int64_t tile) {
      for (std::int64_t at = tile * each; at < std::min((tile + 1) * each, count); ++at) {
        const std::int64_t row = at % rows_.size;
        float* out = static_cast<float*>(call.outputs[0]) + at * width;
        const bool again = rows_.plain && row > 0 && at > tile * each &&
                           rows_.at[static_cast<std::size_t>(row)] == rows_.at[static_cast<std::size_t>(row - 1)];
        if (again) {
          std::memcpy(out, out - width, static_cast<std::size_t>(width) * sizeof(float));
        } else {
          run_row(static_cast<const float*>(call.inputs[0]) + at / rows_.size * rows_in_ * columns_in_ * inner_, row,
                  out);
        }
      }
    });
  }

 private:
  // Of one output row: the rows of the image that make it, and their weights.
  void run_row(const float* image, std::int64_t row, float* out) const {
    const float* rows[most_taps];
    float weights[most_taps];
    for (std::int64_t i = 0; i < rows_.count; ++i) {
      rows[i] = image + rows_.at[rows_.place(i, row)] * columns_in_ * inner_;
      weights[i] = rows_.weights[rows_.place(i, row)];
    }
    if (inner_ == 1) return run_line(rows, weights, out);
    const float* pixels[most_taps];
    float factors[most_taps];
    for (std::int64_t column = 0; column < columns_.size; ++column, out += inner_) {
      std::int64_t count = 0;
      for (std::int64_t i = 0; i < rows_.count; ++i) {
        for (std::int64_t j = 0; j < columns_.count; ++j, ++count) {
          pixels[count] = rows[i] + columns_.at[columns_.place(j, column)] * inner_;
          factors[count] = weights[i] * columns_.weights[columns_.place(j, column)];
        }
      }
      if (rows_.plain && columns_.plain) {
        std::memcpy(out, pixels[0], static_cast<std::size_t>(inner_) * sizeof(float));
      } else {
        simd_.blend(pixels, factors, count, out, inner_);
      }
    }
  }

  // Single elements: the rows become one, stretch by stretch, and that is sampled.
  void run_line(const float* const* rows, const float* weights, float* out) const {
    float line[line_limit];
    const float* from = rows[0];
    if (!rows_.plain && columns_in_ <= line_limit) {
      simd_.blend(rows, weights, rows_.count, line, columns_in_);
      from = line;
    }
    if (rows_.plain || columns_in_ <= line_limit) {
      return simd_.sample(from, columns_.at.data(), columns_.weights.data(), columns_.count, out, columns_.size);
    }
    for (std::int64_t column = 0; column < columns_.size; ++column) {
      float sum = 0;
      for (std::int64_t i = 0; i < rows_.count; ++i) {
        for (std::int64_t j = 0; j < columns_.count; ++j) {
          const std::size_t tap = columns_.place(j, column);
          sum += rows[i][columns_.at[tap]] * columns_.weights[tap] * weights[i];
        }
      }
      out[column] = sum;
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
    if (!scales.empty() && std::floor(scaled_size(axis.in, axis.scale)) != static_cast<double>(axis.out)) {
      return operands.refuse("a scale does not give the size of Y");
    }
    if (axis.in != axis.out || axis.scale != 1) first = std::min(first, i), last = i;
    axes.push_back(axis);
  }
  if (y.elements() == 0) return std::make_unique<Nothing>();
  if (x.elements() == 0) return operands.refuse("there is nothing to interpolate");
  if (x.elements() > std::numeric_limits<std::int32_t>::max()) return operands.refuse("X is too large");
  if (first < last && last - first > 1) return operands.refuse("the resized axes are not neighbors");
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
