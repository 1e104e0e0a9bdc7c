// y = Identity(x); z = Reshape(y, [2, 3]) of a [2,3]  ->  x
// Also: a Dropout at inference, a Cast to the type it has, a Transpose that moves nothing, two Transposes in a row
// (one), two Reshapes in a row (the last), Mul and Div by 1, Sub of 0, a sum or Concat of one. It always pays.
#include "passes/match.hpp"
#include "passes/pass.hpp"

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

std::optional<Ints> permutation(const Node& node) {
  const Value* x = node.input(0);
  if (node.attributes.has("perm")) return node.attributes.integers("perm");
  if (x == nullptr || !x->type.shape) return std::nullopt;
  Ints reversed(x->type.shape->size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return reversed;
}

bool is_identity(const Node& node) {
  if (node.domain != "") return false;
  if (node.op == "Identity" || is_dropout_at_inference(node) || is_neutral(node)) return true;
  if (node.op == "Reshape" || node.op == "Flatten" || node.op == "Squeeze" || node.op == "Unsqueeze" ||
      node.op == "Expand" || node.op == "Cast" || node.op == "CastLike") {
    return keeps_type_and_shape(node);
  }
  if (node.op == "Sum" || node.op == "Max" || node.op == "Min" || node.op == "Concat") return node.inputs().size() == 1;
  if (node.op == "Transpose") {
    auto order = permutation(node);
    return order && std::is_sorted(order->begin(), order->end());
  }
  return false;
}

// Transpose(Transpose(x)) -> one Transpose.
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

// Reshape(Reshape(x)) -> the last one, unless it copies sizes from between (a 0 in its target).
bool merge_reshapes(Node& node) {
  if (!node.is("Reshape")) return false;
  const Value* between = node.input(0);
  const Node* first = between == nullptr ? nullptr : between->producer();
  bool reshapes =
      first != nullptr && first->domain.empty() &&
      (first->op == "Reshape" || first->op == "Flatten" || first->op == "Squeeze" || first->op == "Unsqueeze");
  auto target = integers(node.input(1));
  if (!reshapes || !target || std::count(target->begin(), target->end(), 0) > 0) return false;
  node.set_input(0, first->input(0));
  return true;
}

bool visit(Node& node) {
  bool merged = merge_transposes(node) || merge_reshapes(node);
  if (!is_identity(node)) return merged;
  replace(node, node.input(0));
  return true;
}

constexpr PassDef defs[] = {{"erase-identities", "Erases nodes that give their input back.", at_each_node<visit>}};

}  // namespace

std::span<const PassDef> erase_identities_pass() { return defs; }

}  // namespace modelctl::passes
