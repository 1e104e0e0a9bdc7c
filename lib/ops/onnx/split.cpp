// Split: a tensor in parts along an axis, of given or equal sizes.
#include "ops/reference/slices.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;

// Parts have equal size as long as elements remain; the last ones may be smaller, or empty. The chunk is ceil(size /
// parts): 5 elements in 4 parts are 2, 2, 1 and 0.
std::int64_t equal_part(std::int64_t size, std::int64_t parts, std::int64_t part) {
  std::int64_t chunk = size / parts + (size % parts != 0 ? 1 : 0);
  return std::clamp<std::int64_t>(size - chunk * part, 0, chunk);
}

// The same of a symbolic size, min(chunk, max(size - chunk part, 0)). The bounds are left out if they cannot matter,
// so that sizes stay comparable: the first part is always full, all are if `parts` divides the size, and the last of
// two parts is what the first one leaves.
Expr equal_part(const Expr& size, std::int64_t parts, std::int64_t part) {
  if (auto whole = size.constant()) return equal_part(*whole, parts, part);
  Expr chunk = ceil_div(size, parts);
  if (part == 0 || chunk * Expr(parts) == size) return chunk;
  Expr rest = size - chunk * Expr(part);
  if (parts == 2) return rest;
  rest = max(rest, Expr(0));
  return part + 1 == parts ? rest : min(chunk, rest);
}

// Without sizes the parts are equal, as far as num_outputs divides the axis.
Result<void> infer(Inference& call) {
  const graph::Shape* in = call.shape(0);
  std::size_t parts = call.node().outputs().size();
  auto sizes = call.contents(1);
  if (sizes && sizes->size() != parts) return call.bad("it has as many outputs as sizes");
  std::size_t axis = in == nullptr ? 0 : TRY(normal_axis(call, call.attributes().integer("axis"), in->size()));
  for (std::size_t part = 0; part < parts; ++part) {
    std::optional<graph::Shape> shape;
    if (in != nullptr) {
      shape = *in;
      Expr& size = (*shape)[axis];
      if (sizes) {
        size = (*sizes)[part];
      } else if (call.present(1)) {
        // The sizes are data.
        size = call.fresh_symbol();
      } else {
        size = equal_part(size, static_cast<std::int64_t>(parts), static_cast<std::int64_t>(part));
      }
      if (size.constant() && *size.constant() < 0) return call.bad("a part has a negative size");
    }
    call.set_output(part, call.element(0), std::move(shape));
  }
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "0"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis"), x.rank()));
  auto parts = static_cast<std::int64_t>(call.outputs);
  if (parts == 0) return refuse("it has no outputs");
  Dims sizes;
  if (call.input(1).present()) {
    sizes = TRY(integers(call.input(1), "the parts' sizes"));
  } else {
    for (std::int64_t part = 0; part < parts; ++part) sizes.push_back(equal_part(x.dim(axis), parts, part));
  }
  if (sizes.size() != call.outputs) return refuse("there are not as many outputs as sizes");
  // Parts must cover the axis: sizes are data, and an overflow of their sum could otherwise pass for it.
  std::int64_t sum = 0;
  for (std::int64_t size : sizes) {
    if (size < 0) return refuse("a part has a negative size");
    sum = TRY(checked_add(sum, size));
  }
  if (sum != x.dim(axis)) return refuse("the parts' sizes do not add up to " + std::to_string(x.dim(axis)));
  std::int64_t start = 0;
  for (std::size_t part = 0; part < sizes.size(); ++part) {
    // Unused parts are skipped; their elements are still counted.
    if (outputs.wanted(part)) {
      Dims dims(x.dims.begin(), x.dims.end());
      dims[axis] = sizes[part];
      MutableTensorView y = TRY(outputs.allocate(part, x.type, dims));
      TRY(copy_slice(x, axis, start, y));
    }
    start += sizes[part];
  }
  return {};
}

// Until opset 12 the sizes were an attribute; opset 18 requires the number of parts if there are no sizes. Before, it
// was the number of outputs.
Result<void> upgrade(const Upgrade& upgrade) {
  upgrade.attribute_to_input("split", 1);
  if (upgrade.opset < 18 && upgrade.node.input(1) == nullptr) {
    upgrade.node.attributes.set("num_outputs", static_cast<std::int64_t>(upgrade.node.outputs().size()));
  }
  return {};
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "the axis to split along; 0 if absent"},
    {"num_outputs", AttributeType::integer, "how many parts if no sizes are given; the last may be smaller"}};

constexpr OpDef defs[] = {
    {
        .name = "Split",
        .since = 18,
        .summary = "Splits a tensor into parts along an axis.",
        .inputs = "input split?:i64",
        .outputs = "outputs*",
        .types = "any",
        .attributes = attributes,
        .traits = {.axis_attribute = AxisAttribute::first},
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .upgrade = upgrade,
        .examples =
            [] {
              return Examples{{"in two, the last smaller",
                               {f32({3}, {1, 2, 3})},
                               {{"num_outputs", std::int64_t{2}}},
                               {f32({2}, {1, 2}), f32({1}, {3})},
                               0},
                              {"in more parts than there are elements for",
                               {f32({5}, {1, 2, 3, 4, 5})},
                               {{"num_outputs", std::int64_t{4}}},
                               {f32({2}, {1, 2}), f32({2}, {3, 4}), f32({1}, {5}), f32({0}, {})},
                               0},
                              {"by sizes",
                               {f32({2, 3}, {1, 2, 3, 4, 5, 6}), i64({2}, {1, 2})},
                               {{"axis", std::int64_t{1}}},
                               {f32({2, 1}, {1, 4}), f32({2, 2}, {2, 3, 5, 6})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Split", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> split_ops() { return defs; }
std::span<const OpRun> split_runs() { return runs; }

}  // namespace modelctl::ops
