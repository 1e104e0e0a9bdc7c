// Concat: tensors joined along an axis.
#include "ops/reference/slices.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// All other sizes must agree; the axis is the sum, symbolic if need be. Small integer tensors keep their contents: this
// is how exporters assemble the target shape of a Reshape.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  std::int64_t attribute = call.attributes().integer("axis");
  std::optional<Shape> shape;
  bool complete = true;
  std::size_t axis = 0;
  for (std::size_t index = 0; index < call.inputs(); ++index) {
    const Shape* next = call.shape(index);
    if (next == nullptr) {
      complete = false;
      continue;
    }
    if (!shape) {
      // A negative axis counts from the rank, which is that of the first input with a known one.
      axis = TRY(normal_axis(call, attribute, next->size()));
      shape = *next;
      continue;
    }
    if (next->size() != shape->size()) return call.bad("its inputs have different ranks");
    for (std::size_t other = 0; other < shape->size(); ++other) {
      Expr& size = (*shape)[other];
      size = other == axis ? size + (*next)[other] : TRY(same_size(call, size, (*next)[other]));
    }
  }
  // An input of unknown rank hides only the sum along the axis; the other sizes must be those of its neighbors.
  if (shape && !complete) (*shape)[axis] = call.fresh_symbol();
  call.set_output(0, element, shape);
  // Contents are those of lists; one input without contents leaves the output without them.
  if (!shape || shape->size() != 1 || !is_integer(element)) return {};
  std::vector<Expr> all;
  for (std::size_t index = 0; index < call.inputs(); ++index) {
    auto contents = call.contents(index);
    if (!contents) return {};
    all.insert(all.end(), contents->begin(), contents->end());
  }
  call.set_contents(0, std::move(all));
  return {};
}

// The axis splits every input into blocks that are contiguous in memory; the output interleaves them block by block.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  return concatenate(call.inputs, call.attributes.integer("axis"), outputs);
}

// The kernel copies runs of bytes: not for elements below a byte, nor for strings, which own memory. Inputs that are
// absent, or differ in type or rank, are left to evaluate, whose error says so. The kernel counts axes from the front.
Result<bool> lower(Lowering& call) {
  const graph::Node& node = call.node();
  DType element = call.element(0);
  std::vector<Lowering::Operand> operands;
  for (std::size_t index = 0; index < node.inputs().size(); ++index) {
    if (node.input(index) == nullptr || call.shape(index) == nullptr || call.element(index) != element) return false;
    if (call.shape(index)->size() != call.shape(0)->size()) return false;
    operands.emplace_back(node.input(index));
  }
  if (bits(element) < 8 || element == DType::string || operands.empty()) return false;
  std::int64_t axis = call.attributes().integer("axis");
  if (axis < 0) axis += static_cast<std::int64_t>(call.shape(0)->size());
  call.emit("concat", std::move(operands), {{"axis", axis}});
  return true;
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "the axis along which the items are joined", true}};

constexpr OpDef defs[] = {
    {
        .name = "Concat",
        .since = 13,
        .summary = "Joins tensors along an axis.",
        .inputs = "inputs*:inputs",
        .outputs = "concat_result",
        .types = "any",
        .attributes = attributes,
        .traits = {.variadic = true, .axis_attribute = AxisAttribute::required},
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .lower = lower,
        .examples =
            [] {
              return Examples{{"along the last axis",
                               {f32({2, 1}, {1, 3}), f32({2, 2}, {10, 11, 30, 31})},
                               {{"axis", std::int64_t{-1}}},
                               {f32({2, 3}, {1, 10, 11, 3, 30, 31})},
                               0}};
            },
    },
};
// packed_too: with elements below a byte a block may begin in the middle of a byte, so they are unpacked for the copy.
constexpr OpRun runs[] = {{"", "Concat", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> concat_ops() { return defs; }
std::span<const OpRun> concat_runs() { return runs; }

}  // namespace modelctl::ops
