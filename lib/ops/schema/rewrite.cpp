// Each node that a rewrite adds is inferred at once: the next one may ask for its rank, and a fault is reported with
// the operator that the model has, not with one that it never wrote.
#include "ops/schema/rewrite.hpp"

#include "ops/reference/element.hpp"

namespace modelctl::ops {

using graph::Node;
using graph::Value;

std::string Rewrite::label(std::string_view part) const {
  return (node_.name.empty() ? node_.op : node_.name) + "." + std::string(part);
}

Result<Value*> Rewrite::add(std::string_view op, std::vector<Value*> inputs, Attributes attributes) {
  Node* added = TRY(add_node("", op, std::move(inputs), std::move(attributes), {label(op)}));
  return added->output(0);
}

Result<Node*> Rewrite::add_node(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                                Attributes attributes, const std::vector<std::string>& outputs) {
  Node* added = node_.graph().add_node(domain, op, std::move(inputs), outputs, &node_);
  added->name = node_.name;
  added->attributes = std::move(attributes);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) added->drop_output(i);
  }
  TRY(infer(*added));
  return added;
}

Value* Rewrite::constant(Tensor tensor) { return node_.graph().add_constant(label("constant"), std::move(tensor)); }

Value* Rewrite::ints(std::vector<std::int64_t> values) { return constant(Tensor::of_ints(values)); }

Value* Rewrite::number(DType type, double value) {
  Tensor tensor(type, {});
  with_wide<Numbers>(type, [&]<class W>() { store_of<W>(type)(tensor.mutable_view().data, 0, static_cast<W>(value)); });
  return constant(std::move(tensor));
}

Result<std::vector<Value*>> Rewrite::split(Value* value, std::int64_t axis, const Dims& sizes) {
  std::vector<std::string> names(sizes.empty() ? 3 : sizes.size(), value->name + ".part");
  std::vector<Value*> inputs{value};
  Attributes attributes{{"axis", axis}};
  if (sizes.empty()) attributes.set("num_outputs", std::int64_t{3});
  else inputs.push_back(ints(sizes));
  return TRY(add_node("", "Split", std::move(inputs), std::move(attributes), names))->outputs();
}

Result<Value*> Rewrite::size(Value* value, std::int64_t axis) {
  return add("Shape", {value}, {{"start", axis}, {"end", axis + 1}});
}

Result<Value*> Rewrite::positions(Value* value, std::int64_t axis) {
  Value* end = TRY(add("Squeeze", {TRY(size(value, axis)), ints({0})}));
  return add("Range", {number(DType::i64, 0), end, number(DType::i64, 1)});
}

void Rewrite::finish(const std::vector<Value*>& outputs) {
  graph::Graph& graph = node_.graph();
  for (std::size_t i = 0; i < node_.outputs().size(); ++i) {
    Value* old = node_.output(i);
    if (old != nullptr && i < outputs.size() && outputs[i] != nullptr) graph.replace_uses(old, outputs[i]);
  }
  graph.erase(&node_);
}

Error Rewrite::bad(std::string what) const {
  return Error(Kind::unsupported, "unsupported-form", "cannot use " + qualified(node_.domain, node_.op) + ": " + what)
      .at(place_);
}

}  // namespace modelctl::ops
