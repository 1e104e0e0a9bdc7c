// y = Identity(x); z = Reshape(y, [2, 3]) of a [2,3]  ->  x
// Also: a Dropout at inference, a Cast to the type it has, a Transpose that moves nothing, two Transposes in a row
// (one), two Reshapes in a row (the last), Mul and Div by 1, Sub of 0, a sum or Concat of one (Traits::identity and
// variadic say which operators). It always pays. Not for Add of 0: -0 + 0 is 0, which is another bit pattern.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

#include <algorithm>
#include <numeric>

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;
using Ints = std::vector<std::int64_t>;

bool keeps_type_and_shape(const Node& node) {
  const Value *x = node.input(0), *y = node.output(0);
  return x != nullptr && y != nullptr && x->type.element == y->type.element && x->type.element != DType::undefined &&
         same_shape(*x, *y);
}

bool is_dropout_at_inference(const Node& node) {
  if (!node.is("Dropout")) return false;
  const Value* mask = node.output(1);
  if (mask != nullptr && mask->is_used()) return false;
  const Value* training = node.input(2);
  if (training == nullptr) return true;
  const Tensor* flag = constant(training, DType::boolean);
  return flag != nullptr && flag->elements() == 1 && !flag->as<bool>()[0];
}

// The one operand that x (op) constant leaves as it is, in type, shape and every bit.
bool is_neutral(const Node& node) {
  bool multiplies = node.is("Mul") || node.is("Div");
  if (!multiplies && !node.is("Sub")) return false;
  auto value = scalar(node.input(1));
  return value && *value == (multiplies ? 1.0f : 0.0f) && keeps_type_and_shape(node);
}

// The order of a Transpose's axes; without `perm` it reverses them.
std::optional<Ints> permutation(const Node& node) {
  const Value* x = node.input(0);
  if (node.attributes.has("perm")) return node.attributes.integers("perm");
  if (x == nullptr || !x->type.shape) return std::nullopt;
  Ints reversed(x->type.shape->size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return reversed;
}

bool is_identity(const Node& node) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  if (def == nullptr) return false;
  if (def->traits.variadic && node.inputs().size() == 1) return true;
  switch (def->traits.identity) {
    case ops::IdentityWhen::always: return true;
    case ops::IdentityWhen::type_and_shape_stay: return keeps_type_and_shape(node);
    case ops::IdentityWhen::never: break;
  }
  if (node.is("Transpose")) {
    auto order = permutation(node);
    return order && std::is_sorted(order->begin(), order->end());
  }
  return is_dropout_at_inference(node) || is_neutral(node);
}

// Transpose(Transpose(x)) -> one Transpose.
// Axis i of the result is axis outer[i] of what is between, which is axis inner[outer[i]] of x.
bool merge_transposes(Node& node) {
  if (!node.is("Transpose")) return false;
  Node* first = producer(node.input(0), "Transpose");
  auto inner = first == nullptr ? std::nullopt : permutation(*first);
  auto outer = permutation(node);
  if (!inner || !outer || inner->size() != outer->size()) return false;
  Ints both;
  for (std::int64_t axis : *outer) {
    if (axis < 0 || static_cast<std::size_t>(axis) >= inner->size()) return false;
    both.push_back((*inner)[static_cast<std::size_t>(axis)]);
  }
  node.set_input(0, first->input(0));
  node.attributes.set("perm", std::move(both));
  return true;
}

// Reshape(Reshape(x)) -> the last one, unless it copies sizes from between (a 0 in its target). Also for a Flatten,
// Squeeze or Unsqueeze before it: none of them changes the order of the elements.
bool merge_reshapes(Node& node) {
  if (!node.is("Reshape") || node.input(0) == nullptr || node.input(0)->producer() == nullptr) return false;
  const Node& first = *node.input(0)->producer();
  const ops::OpDef* def = ops::find(first.domain, first.op);
  auto target = integers(node.input(1));
  if (def == nullptr || def->traits.data_movement != ops::DataMovement::reshape) return false;
  if (!target || std::count(target->begin(), target->end(), 0) > 0) return false;
  node.set_input(0, first.input(0));
  return true;
}

// Merging comes first: two Transposes that undo each other become one that moves nothing, which is then erased.
bool visit(Node& node) {
  bool merged = merge_transposes(node) || merge_reshapes(node);
  if (!is_identity(node)) return merged;
  replace(node, node.input(0));
  return true;
}

constexpr PassDef defs[] = {{
    .name = "erase-identities",
    .summary = "Erases nodes that return their input unchanged.",
    .phase = Phase::simplify,
    .order = 10,
    .level = 1,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> erase_identities_pass() { return defs; }

}  // namespace modelctl::passes
