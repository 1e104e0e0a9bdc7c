// s = Concat(Gather(Shape(x), 1), 4)  with known elements (3, 4)  ->  const s = [3, 4]
// Reshape(x, s)  with known elements (batch, 12)  ->  Reshape(x, const [-1, 12])
// It always pays: the chains of nodes with which exporters compute sizes become dead.
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include "tensor/dispatch.hpp"

namespace modelctl::passes {
namespace {

using graph::Expr;
using graph::Node;
using graph::Value;

using IntegersAndBool = TypeList<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                                 std::uint32_t, std::uint64_t, bool>;

// These elements as a tensor, if all of them are numbers that fit the type.
std::optional<Tensor> tensor_of(const Value& value) {
  if (!value.contents || !value.type.shape || value.type.shape->size() > 1) return std::nullopt;
  Dims dims;
  if (value.type.shape->size() == 1) dims.push_back(static_cast<std::int64_t>(value.contents->size()));
  std::optional<Tensor> made;
  bool supported = with_type<IntegersAndBool>(value.type.element, [&]<class T>() {
    Tensor tensor(value.type.element, dims);
    T* to = static_cast<T*>(tensor.mutable_view().data);
    for (const Expr& element : *value.contents) {
      auto number = element.constant();
      // A number that the type cannot hold would wrap in the run: the node stays, and the run decides.
      if (!number || static_cast<std::int64_t>(static_cast<T>(*number)) != *number) return;
      *to++ = static_cast<T>(*number);
    }
    made = std::move(tensor);
  });
  return supported ? made : std::nullopt;
}

// A Reshape whose target has one unknown size, which becomes -1: Reshape computes it.
void set_unknown_to_minus_one(Node& node) {
  const Value* target = node.input(1);
  if (target == nullptr || target->is_constant() || !target->contents) return;
  std::vector<std::int64_t> sizes;
  int open = 0;
  for (const Expr& size : *target->contents) {
    auto number = size.constant();
    if (number && *number <= 0) return;  // 0 and -1 have meanings of their own
    open += !number;
    sizes.push_back(number.value_or(-1));
  }
  if (open != 1) return;
  node.set_input(1, node.graph().add_constant(target->name + ".sizes", Tensor::of_ints(sizes)));
}

bool visit(Node& node) {
  if (node.is("Reshape")) {
    const Value* before = node.input(1);
    set_unknown_to_minus_one(node);
    if (node.input(1) != before) return true;
  }
  bool changed = false;
  for (Value* output : std::vector<Value*>(node.outputs())) {
    if (output == nullptr || !output->is_used()) continue;
    auto tensor = tensor_of(*output);
    if (!tensor) continue;
    replace_by_constant(output, std::move(*tensor));
    changed = true;
  }
  return changed;
}

constexpr PassDef defs[] = {{
    .name = "shape-values",
    .summary = "Turns sizes that inference knows into constants.",
    .phase = Phase::fold,
    .order = 10,
    .level = 1,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> shape_values_pass() { return defs; }

}  // namespace modelctl::passes
