#include "ops/operator.hpp"

#include <set>

namespace modelctl::ops {
namespace {

// Writes what inference tells onto the node's output values.
class NodeInference final : public Inference {
 public:
  explicit NodeInference(graph::Node& node) : node_(node) {}
  const graph::Node& node() const override { return node_; }

  void set_type(std::size_t index, graph::Type type) override {
    if (graph::Value* value = node_.output(index); value != nullptr) refine(value->type, std::move(type));
  }

  void set_contents(std::size_t index, std::vector<graph::Expr> contents) override {
    graph::Value* value = node_.output(index);
    if (value != nullptr && contents.size() <= graph::Value::max_contents) value->contents = std::move(contents);
  }

  graph::Expr fresh_symbol() override {
    graph::Expr symbol = node_.graph().fresh_symbol();
    fresh_.insert(*symbol.symbol_name());
    return symbol;
  }

 private:
  // What the model declared, or an earlier run found, stays where the new type tells less.
  void refine(graph::Type& known, graph::Type type) const {
    if (type.element == DType::undefined) type.element = known.element;
    if (type.element != known.element) known.inside = nullptr;
    known.element = type.element;
    if (type.key != DType::undefined) known.key = type.key;
    if (type.inside != nullptr) {
      graph::Type inside = known.inside == nullptr ? graph::Type() : *known.inside;
      refine(inside, *type.inside);
      known.inside = std::make_shared<const graph::Type>(std::move(inside));
    }
    if (!type.shape) return;
    if (known.shape && known.shape->size() == type.shape->size()) {
      // A symbol that was made just now tells less than what was there.
      for (std::size_t axis = 0; axis < type.shape->size(); ++axis) {
        auto symbol = (*type.shape)[axis].symbol_name();
        if (symbol && fresh_.count(*symbol) > 0) (*type.shape)[axis] = (*known.shape)[axis];
      }
    }
    known.shape = std::move(type.shape);
  }

  graph::Node& node_;
  std::set<std::string> fresh_;
};

}  // namespace

Result<void> infer(graph::Node& node) {
  const OpDef* def = find(node.domain, node.op);
  if (def == nullptr || def->infer == nullptr) {
    return Error(Kind::unsupported, "unsupported-operator",
                 "cannot use " + qualified(node.domain, node.op) + ", which is not implemented")
        .at(node.place());
  }
  NodeInference call(node);
  return def->infer(call);
}

}  // namespace modelctl::ops
