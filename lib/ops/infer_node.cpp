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

  Result<void> infer_body(graph::Graph& body) override {
    TRY(infer(body));
    return {};
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

std::string known_of(const graph::Node& node) {
  std::string text;
  for (const graph::Value* value : node.outputs()) {
    if (value == nullptr) continue;
    text += describe(value->type);
    if (value->contents) {
      for (const graph::Expr& element : *value->contents) text += ' ' + element.text();
    }
  }
  return text;
}

}  // namespace

Result<std::size_t> infer(graph::Graph& graph) {
  std::size_t changes = 0;
  Faults faults;
  for (const auto& node : graph.nodes()) {
    std::string before = known_of(*node);
    auto inferred = infer(*node);
    if (!inferred) {
      Error error = std::move(inferred).error();
      if (error.where.empty()) error.where = node->place();
      faults.add(std::move(error));
      continue;
    }
    changes += known_of(*node) != before;
  }
  if (!faults.none()) return std::move(faults).sum("the model cannot be right");
  return changes;
}

Result<graph::Graph*> Inference::body(std::string_view attribute) const {
  auto found = node().subgraphs.find(std::string(attribute));
  if (found == node().subgraphs.end()) return bad("it lacks the graph '" + std::string(attribute) + "'");
  return found->second.get();
}

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
