// AffineGrid: the sampling positions of a regular grid under an affine map, in the form that GridSample reads:
// positions in [-1, 1] along each axis, x before y before z.
//
// Smallest runner: regular, since comes with grid_sample.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// theta [N, 2, 3] gives grid [N, H, W, 2], theta [N, 3, 4] gives [N, D, H, W, 3]; the sizes are the second input.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, 3));
  TRY(need_rank(call, 1, 1, 1));
  const Shape* theta = call.shape(0);
  // The rank of the grid follows from the length of `size`, or, if that is unknown, from the rows of theta.
  auto sizes = call.contents(1);
  auto length = sizes ? std::optional(static_cast<std::int64_t>(sizes->size())) : known_length(call, 1);
  if (!length && theta != nullptr) {
    if (auto axes = (*theta)[1].constant()) length = *axes + 2;
  }
  if (!length) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  if (*length != 4 && *length != 5) return call.bad("size must have four or five elements");
  auto axes = static_cast<std::size_t>(*length) - 2;
  Shape shape = unknown_shape(call, axes + 1);
  if (theta != nullptr) {
    TRY(same_size(call, (*theta)[1], Expr(*length - 2)));
    TRY(same_size(call, (*theta)[2], Expr(*length - 1)));
    shape[0] = (*theta)[0];
  }
  // `size` is [N, C, spatial...]: the batch is theta's, and channels have no part in a grid.
  if (sizes) std::copy(sizes->begin() + 2, sizes->end(), shape.begin() + 1);
  shape.push_back(Expr(*length - 2));
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// With align_corners the outermost positions are the centers of the corner pixels; without, their outer edges, so that
// the first center lies half a pixel inside.
//
// grid[n, d, h, w] = theta[n] (x, y, z, 1)^T. The axes of the grid are depth, height and width, but the coordinates of
// a point are in the order x, y, z, from the innermost axis outwards. GridSample reads them in this order.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& theta = call.input(0);
  if (!holds<Floats>(theta.type)) return refuse_type(theta.type);
  Dims sizes = TRY(integers(call.input(1), "size"));
  if (sizes.size() != 4 && sizes.size() != 5) return refuse("size must have four or five elements");
  auto axes = static_cast<std::int64_t>(sizes.size()) - 2;
  if (theta.rank() != 3 || theta.dim(1) != axes || theta.dim(2) != axes + 1 || theta.dim(0) != sizes[0]) {
    return refuse("theta must have one matrix of " + std::to_string(axes) + " rows and " + std::to_string(axes + 1) +
                  " columns for each of the batch");
  }
  bool align = call.attributes.integer("align_corners") != 0;
  // Depth, height and width; a missing depth is of size 1 and of no consequence.
  Dims spatial(sizes.begin() + 2, sizes.end()), dims{sizes[0]};
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  dims.push_back(axes);
  MutableTensorView y = TRY(outputs.allocate(0, theta.type, dims));
  if (axes == 2) spatial.insert(spatial.begin(), 1);
  auto load = load_of<double>(theta.type);
  auto store = store_of<double>(theta.type);
  // Element i of n: 2 i / (n - 1) - 1, or (2 i + 1) / n - 1 without align_corners. The former is 0 / 0 for one element,
  // which is placed at -1, the first position of any other size.
  auto place = [&](std::int64_t index, std::int64_t size) {
    auto i = static_cast<double>(index), n = static_cast<double>(size);
    if (align) return size == 1 ? -1 : 2 * i / (n - 1) - 1;
    return (2 * i + 1) / n - 1;
  };
  std::int64_t at = 0;
  for (std::int64_t n = 0; n < sizes[0]; ++n) {
    for (std::int64_t d = 0; d < spatial[0]; ++d) {
      for (std::int64_t h = 0; h < spatial[1]; ++h) {
        for (std::int64_t w = 0; w < spatial[2]; ++w) {
          double point[] = {place(w, spatial[2]), place(h, spatial[1]), place(d, spatial[0])};
          for (std::int64_t row = 0; row < axes; ++row) {
            std::int64_t matrix = (n * axes + row) * (axes + 1);
            // The last column is the translation. Sums are in f64 and rounded once, when they are stored.
            double sum = load(theta.data, matrix + axes);
            for (std::int64_t i = 0; i < axes; ++i) sum += load(theta.data, matrix + i) * point[i];
            store(y.data, at++, sum);
          }
        }
      }
    }
  }
  return {};
}

constexpr AttributeDef attributes[] = {{"align_corners", AttributeType::integer,
                                        "1: -1 and 1 are the middles of the outermost elements; 0, if absent: "
                                        "their outer edges"}};

constexpr OpDef defs[] = {
    {
        .name = "AffineGrid",
        .since = 20,
        .summary = "A regular grid of points under affine maps.",
        .inputs = "theta size:i64",
        .outputs = "grid",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"shrunk and moved to the right",
                               {f32({1, 2, 3}, {0.5f, 0, 0.25f, 0, 0.5f, 0}), i64({4}, {1, 1, 1, 2})},
                               {},
                               {f32({1, 1, 2, 2}, {0, 0, 0.5f, 0})}},
                              {"corners are the outermost points",
                               {f32({1, 2, 3}, {1, 0, 0, 0, 1, 0}), i64({4}, {1, 1, 2, 2})},
                               {{"align_corners", std::int64_t{1}}},
                               {f32({1, 2, 2, 2}, {-1, -1, 1, -1, -1, 1, 1, 1})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "AffineGrid", evaluate}};

}  // namespace

std::span<const OpDef> affine_grid_ops() { return defs; }
std::span<const OpRun> affine_grid_runs() { return runs; }

}  // namespace modelctl::ops
