#include "ops/operator.hpp"

#include <set>

namespace modelctl::ops {
namespace {

// Writes what inference tells onto the node's output values.
class NodeInference final : public Inference {
 public:
  explicit NodeInference(graph::Node& node) : node_(node) {}
  const graph::Node& node() const override { return node_; }

  void set_output(std::size_t index, DType element, std::optional<graph::Shape> shape) override {
    graph::Value* value = node_.output(index);
    if (value == nullptr) return;
    if (element != DType::undefined) value->type.element = element;
    if (!shape) return;
    auto& known = value->type.shape;
    if (known && known->size() == shape->size()) {
      // A symbol that was made just now tells less than what the model declared, or an earlier run found.
      for (std::size_t axis = 0; axis < shape->size(); ++axis) {
        auto symbol = (*shape)[axis].symbol_name();
        if (symbol && fresh_.count(*symbol) > 0) (*shape)[axis] = (*known)[axis];
      }
    }
    known = std::move(shape);
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
