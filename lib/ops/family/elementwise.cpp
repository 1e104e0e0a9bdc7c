// Which function of kernels/unary.def a node computes. Fusing it into a product and lowering it alone ask the same
// question here, so that they cannot differ.
#include "ops/family/elementwise.hpp"

#include "ops/schema/operator.hpp"

namespace modelctl::ops {
namespace {

// True if the attribute says what its absence would.
bool has_default(const OpDef& def, std::string_view name, const AttributeValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && std::any_of(def.attributes.begin(), def.attributes.end(), [&](const AttributeDef& each) {
           return each.name == name && !each.absent.empty() && each.absent == *text;
         });
}

}  // namespace

Attributes UnaryFunction::attributes(std::string_view key) const {
  Attributes made{{std::string(key), std::string(name)}};
  if (alpha) made.set("alpha", *alpha);
  if (beta) made.set("beta", *beta);
  return made;
}

std::optional<UnaryFunction> unary_function(const graph::Node& node) {
  struct Row {
    std::string_view op;
    UnaryFunction function;
  };
  static constexpr Row table[] = {
#define ACTIVATION(name, op, ...) {op, {#name, true, {}, {}}},
#define FUNCTION(name, op, ...) {op, {#name, false, {}, {}}},
#include "kernels/unary.def"
  };
  const OpDef* def = find(node.domain, node.op);
  const Row* row =
      std::find_if(std::begin(table), std::end(table), [&](const Row& each) { return each.op == node.op; });
  if (def == nullptr || !node.domain.empty() || row == std::end(table)) return std::nullopt;
  UnaryFunction function = row->function;
  for (const auto& [name, value] : node.attributes) {
    const auto* number = std::get_if<float>(&value);
    if (name == "alpha" && number != nullptr) function.alpha = *number;
    else if (name == "beta" && number != nullptr) function.beta = *number;
    else if (!has_default(*def, name, value)) return std::nullopt;
  }
  for (std::size_t i : {1u, 2u}) {
    const graph::Value* parameter = node.input(i);
    if (parameter == nullptr) continue;
    const Tensor& tensor = parameter->constant;
    if (!parameter->is_constant() || tensor.type() != DType::f32 || tensor.elements() != 1) return std::nullopt;
    (i == 1 ? function.alpha : function.beta) = tensor.as<float>()[0];
  }
  return function;
}

Result<bool> lower_unary_function(Lowering& call) {
  if (!call.plain_f32(0)) return false;
  auto function = unary_function(call.node());
  if (!function) return false;
  call.emit("unary_f32", {call.node().input(0)}, function->attributes("function"), 0);
  return true;
}

}  // namespace modelctl::ops
