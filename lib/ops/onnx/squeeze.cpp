// Squeeze and Unsqueeze: axes of size 1 are removed and inserted. The elements stay where they are.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

bool holds(const std::vector<std::size_t>& axes, std::size_t axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// Without axes every axis of size 1 is removed, which is not known for symbolic sizes: the rank is then open. If only
// the axes' number is known, so is the rank; a named axis of symbolic size is removed and checked when the model runs.
Result<void> infer_squeeze(Inference& call) {
  const Shape* in = call.shape(0);
  auto axes = known_integers(call, 1);
  bool all_ones = !call.present(1);
  if (in == nullptr || (!axes && !all_ones)) {
    auto count = known_length(call, 1);
    bool usable = in != nullptr && count && *count >= 0 && *count <= static_cast<std::int64_t>(in->size());
    call.set_output(
        0, call.element(0),
        usable ? std::optional(unknown_shape(call, in->size() - static_cast<std::size_t>(*count))) : std::nullopt);
    return {};
  }
  std::vector<std::size_t> gone;
  if (axes) gone = TRY(normal_axes(call, *axes, in->size()));
  Shape shape;
  for (std::size_t axis = 0; axis < in->size(); ++axis) {
    auto size = (*in)[axis].constant();
    if (all_ones && !size) {  // removed only if it is 1 in the run: not even the rank is known
      call.set_output(0, call.element(0), std::nullopt);
      return {};
    }
    if (all_ones ? *size == 1 : holds(gone, axis)) {
      if (size && *size != 1) return call.bad("axis " + std::to_string(axis) + " has size " + std::to_string(*size));
      continue;
    }
    shape.push_back((*in)[axis]);
  }
  call.set_output(0, call.element(0), shape);
  pass_contents(call, shape);
  return {};
}

// An empty list of axes is not an absent one: it removes nothing.
Result<void> squeeze(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  std::vector<std::size_t> gone;
  if (call.input(1).present()) gone = TRY(axis_indices(TRY(integers(call.input(1), "axes")), x.rank()));
  Dims dims;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    bool goes = call.input(1).present() ? holds(gone, axis) : x.dim(axis) == 1;
    if (goes && x.dim(axis) != 1) {
      return refuse("axis " + std::to_string(axis) + " has size " + std::to_string(x.dim(axis)) + ", not 1");
    }
    if (!goes) dims.push_back(x.dim(axis));
  }
  return output_copy(call, outputs, dims);
}

// The output's rank is the input's plus the number of axes; each remaining output axis takes the next input axis.
Result<void> infer_unsqueeze(Inference& call) {
  const Shape* in = call.shape(0);
  auto axes = known_integers(call, 1);
  if (in == nullptr || !axes) {
    auto added = known_length(call, 1);
    auto shape = in != nullptr && added && *added >= 0 && *added <= static_cast<std::int64_t>(max_rank)
                     ? std::optional(unknown_shape(call, in->size() + static_cast<std::size_t>(*added)))
                     : std::nullopt;
    call.set_output(0, call.element(0), std::move(shape));
    return {};
  }
  std::size_t rank = in->size() + axes->size();
  std::vector<std::size_t> added = TRY(normal_axes(call, *axes, rank));
  Shape shape;
  for (std::size_t axis = 0, from = 0; axis < rank; ++axis) {
    shape.push_back(holds(added, axis) ? Expr(1) : (*in)[from++]);
  }
  call.set_output(0, call.element(0), shape);
  // Exporters unsqueeze sizes to vectors and concatenate them to a shape: the contents must come through.
  pass_contents(call, shape);
  return {};
}

// Axes are those of the output, so negative ones count from the end of the output's rank.
Result<void> unsqueeze(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims axes = TRY(integers(call.input(1), "axes"));
  std::size_t rank = x.rank() + axes.size();
  if (rank > max_rank) return refuse("a tensor of rank " + std::to_string(rank) + " has too many axes");
  std::vector<std::size_t> added = TRY(axis_indices(axes, rank));
  Dims dims;
  for (std::size_t axis = 0, from = 0; axis < rank; ++axis) { dims.push_back(holds(added, axis) ? 1 : x.dim(from++)); }
  return output_copy(call, outputs, dims);
}

// Until opset 12 the axes were an attribute; negative ones (opset 11) mean the same in both forms.
Result<void> upgrade(const Upgrade& upgrade) {
  upgrade.attribute_to_input("axes", 1);
  return {};
}

constexpr OpDef defs[] = {
    {
        .name = "Squeeze",
        .since = 25,
        .summary = "Removes axes of size 1: those named, or all.",
        .inputs = "data axes?:i64",
        .outputs = "squeezed",
        .types = "any",
        .traits = {.data_movement = DataMovement::reshape, .identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_squeeze,
        .short_floats = ShortFloats::follow,
        .upgrade = upgrade,
        .examples =
            [] {
              return Examples{{"one axis", {f32({1, 2, 1}, {1, 2}), i64({1}, {0})}, {}, {f32({2, 1}, {1, 2})}, 0},
                              {"all of them", {f32({1, 2, 1}, {1, 2})}, {}, {f32({2}, {1, 2})}, 0}};
            },
    },
    {
        .name = "Unsqueeze",
        .since = 25,
        .summary = "Adds axes of size 1, at these places of the output.",
        .inputs = "data axes:i64",
        .outputs = "expanded",
        .types = "any",
        .traits = {.data_movement = DataMovement::reshape, .identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_unsqueeze,
        .short_floats = ShortFloats::follow,
        .upgrade = upgrade,
        .examples =
            [] {
              return Examples{
                  {"before and after", {f32({2}, {1, 2}), i64({2}, {0, -1})}, {}, {f32({1, 2, 1}, {1, 2})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Squeeze", squeeze}, {"", "Unsqueeze", unsqueeze}};

}  // namespace

std::span<const OpDef> squeeze_ops() { return defs; }
std::span<const OpRun> squeeze_runs() { return runs; }

}  // namespace modelctl::ops
