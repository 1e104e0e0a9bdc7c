// Reshape and Flatten: the same elements in the same order under other dimensions.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The size that -1 stands for: the input's elements over the other sizes. Equal sizes cancel first, so that a symbol on
// both sides cancels. That assumes that none of them is 0, for which -1 has no size; the run refuses it.
Expr rest(Shape in, Shape out) {
  for (auto at = out.begin(); at != out.end();) {
    auto same = std::find(in.begin(), in.end(), *at);
    if (same == in.end()) {
      ++at;
    } else {
      in.erase(same);
      at = out.erase(at);
    }
  }
  // A quotient of symbolic products may not simplify; the shape program then divides when the model runs.
  Expr divisor = product(out);
  return divisor.is(1) ? product(in) : floor_div(product(in), divisor);
}

// 0 copies the input's size at this place (unless allowzero, of opset 14), and one -1 takes what remains: the quotient
// of two products, which is an expression for symbolic sizes if they divide. A shape whose contents are unknown still
// has a rank if its length is known.
Result<void> infer_reshape(Inference& call) {
  const Shape* in = call.shape(0);
  auto wanted = call.contents(1);
  if (!wanted) {
    auto rank = known_length(call, 1);
    if (rank && (*rank < 0 || *rank > static_cast<std::int64_t>(max_rank)))
      return call.bad("the new rank is too large");
    auto shape = rank ? std::optional(unknown_shape(call, static_cast<std::size_t>(*rank))) : std::nullopt;
    call.set_output(0, call.element(0), std::move(shape));
    return {};
  }
  bool keep_zero = call.attributes().integer("allowzero") != 0;
  Shape shape, others;
  std::optional<std::size_t> open;
  bool known = in != nullptr;
  for (std::size_t axis = 0; axis < wanted->size(); ++axis) {
    Expr size = (*wanted)[axis];
    if (size.is(-1)) {
      if (open) return call.bad("its new shape has -1 twice");
      open = axis;
      shape.push_back(Expr(-1));
      continue;
    }
    if (size.is(0) && !keep_zero) {
      if (in != nullptr && axis >= in->size()) return call.bad("0 at axis " + std::to_string(axis) + " copies no size");
      // The copied size is unknown, so it cannot cancel: the remaining size stays open.
      if (in == nullptr) known = false;
      size = in == nullptr ? call.fresh_symbol() : (*in)[axis];
    }
    if (size.constant() && *size.constant() < 0) return call.bad("its new shape has a negative size");
    shape.push_back(size);
    others.push_back(size);
  }
  if (open) {
    shape[*open] = known ? rest(*in, others) : call.fresh_symbol();
  } else if (known) {
    auto before = product(*in).constant(), after = product(shape).constant();
    if (before && after && *before != *after) {
      return call.bad(std::to_string(*before) + " elements do not fit a shape of " + std::to_string(*after));
    }
  }
  call.set_output(0, call.element(0), shape);
  pass_contents(call, shape);
  return {};
}

// The sizes are data. A product that overflows is refused before the division, and so is -1 beside a size of 0, copied
// or (allowzero) demanded: of an empty input, every number would fit.
Result<void> reshape(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims dims = TRY(integers(call.input(1), "the new shape"));
  if (dims.size() > max_rank) return refuse("the new shape has too many axes");
  bool keep_zero = call.attributes.integer("allowzero") != 0;
  std::int64_t others = 1;
  std::optional<std::size_t> open;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == 0 && !keep_zero) {
      if (axis >= x.rank()) return refuse("0 at axis " + std::to_string(axis) + " copies no size");
      dims[axis] = x.dim(axis);
    }
    // A second -1 takes the other branch and is refused as negative.
    if (dims[axis] == -1 && !open) {
      open = axis;
    } else {
      if (dims[axis] < 0) return refuse("the new shape has a negative size");
      others = TRY(checked_multiply(others, dims[axis]));
    }
  }
  std::int64_t count = x.elements();
  if (open) {
    if (others == 0 || count % others != 0) return refuse("-1 in the new shape has no size that fits");
    dims[*open] = count / others;
  } else if (others != count) {
    return refuse(std::to_string(count) + " elements do not fit " + describe(x.type, dims));
  }
  return output_copy(call, outputs, dims);
}

// `axis` may be the rank, unlike other axes: it is a boundary between axes, of which there are rank + 1. The size on an
// empty side is 1, the empty product.
Result<void> infer_flatten(Inference& call) {
  const Shape* in = call.shape(0);
  if (in == nullptr) {
    call.set_output(0, call.element(0), unknown_shape(call, 2));
    return {};
  }
  std::int64_t axis = call.attributes().integer("axis", 1);
  auto rank = static_cast<std::int64_t>(in->size());
  if (axis < -rank || axis > rank) return call.bad("axis " + std::to_string(axis) + " is outside of its input");
  auto split = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  std::span<const Expr> all(*in);
  call.set_output(0, call.element(0), Shape{product(all.first(split)), product(all.subspan(split))});
  return {};
}

// Two dimensions: the product of the axes before `axis` and of those from it on.
Result<void> flatten(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  std::int64_t axis = call.attributes.integer("axis", 1);
  auto rank = static_cast<std::int64_t>(x.rank());
  if (axis < -rank || axis > rank) return refuse("axis " + std::to_string(axis) + " is outside of its input");
  auto split = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  return output_copy(call, outputs, Dims{product(x.dims.first(split)), product(x.dims.subspan(split))});
}

constexpr AttributeDef of_reshape[] = {
    {"allowzero", AttributeType::integer, "0 if absent: a 0 copies the input's size; 1: it is a size of zero"}};
constexpr AttributeDef of_flatten[] = {
    {"axis", AttributeType::integer, "the first axis of the second dimension; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Reshape",
        .since = 25,
        .summary = "The same elements in another shape; -1 is the remaining size, 0 copies a size.",
        .inputs = "data shape:i64",
        .outputs = "reshaped",
        .types = "any",
        .attributes = of_reshape,
        .traits = {.data_movement = DataMovement::reshape, .identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_reshape,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{{"0 copies and -1 is what is left",
                               {f32({2, 3, 1}, {1, 2, 3, 4, 5, 6}), i64({2}, {0, -1})},
                               {},
                               {f32({2, 3}, {1, 2, 3, 4, 5, 6})},
                               0},
                              {"zero is a size if it is allowed",
                               {f32({0, 3}, {}), i64({2}, {3, 0})},
                               {{"allowzero", std::int64_t{1}}},
                               {f32({3, 0}, {})},
                               0}};
            },
    },
    {
        .name = "Flatten",
        .since = 25,
        .summary = "A matrix: the axes before `axis` become one, the others another.",
        .inputs = "input",
        .outputs = "output",
        .types = "any",
        .attributes = of_flatten,
        .traits = {.data_movement = DataMovement::reshape, .identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_flatten,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{
                  {"all but the first axis", {f32({2, 1, 2}, {1, 2, 3, 4})}, {}, {f32({2, 2}, {1, 2, 3, 4})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Reshape", reshape}, {"", "Flatten", flatten}};

}  // namespace

std::span<const OpDef> reshape_ops() { return defs; }
std::span<const OpRun> reshape_runs() { return runs; }

}  // namespace modelctl::ops
