// Running an operator's inference on a node and on a whole graph. What is known of a value only ever grows: a result
// that says less than the model declared, or than an earlier run found, does not replace it, so that inference can run
// again after any pass.
#include "ops/schema/infer_graph.hpp"

#include "base/host.hpp"
#include "ops/schema/formals.hpp"
#include "ops/schema/operator.hpp"

#include <set>

namespace modelctl::ops {
namespace {

// Writes the results of inference to the node's output values.
using EqualSizes = std::vector<std::pair<graph::Expr, graph::Expr>>;

class NodeInference final : public Inference, public SizeObserver {
 public:
  // `equal`, which may be null, collects what is given to must_be_equal().
  NodeInference(graph::Node& node, const StopToken* stop, EqualSizes* equal)
      : node_(node), stop_(stop), equal_(equal) {}
  const graph::Node& node() const override { return node_; }

  void set_type(std::size_t index, graph::Type type) override {
    if (graph::Value* value = node_.output(index); value != nullptr) refine(value->type, std::move(type));
  }

  void set_contents(std::size_t index, std::vector<graph::Expr> contents) override {
    graph::Value* value = node_.output(index);
    if (value != nullptr && contents.size() <= graph::Value::max_contents) value->contents = std::move(contents);
  }

  Result<void> infer_body(graph::Graph& body) override {
    TRY(infer_graph(body, stop_));
    return {};
  }

  void must_be_equal(const graph::Expr& a, const graph::Expr& b) const override {
    if (equal_ != nullptr) equal_->emplace_back(a, b);
  }

  graph::Expr fresh_symbol() override {
    graph::Expr symbol = node_.graph().fresh_symbol();
    fresh_.insert(*symbol.symbol_name());
    return symbol;
  }

 private:
  // What the model declared, or an earlier run found, stays if the new type says less.
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
      // A new symbol says less than the size that was known.
      for (std::size_t axis = 0; axis < type.shape->size(); ++axis) {
        auto symbol = (*type.shape)[axis].symbol_name();
        if (symbol && fresh_.count(*symbol) > 0) (*type.shape)[axis] = (*known.shape)[axis];
      }
    }
    known.shape = std::move(type.shape);
  }

  graph::Node& node_;
  const StopToken* stop_;
  EqualSizes* equal_;
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

// "a f32[n,4] and b f32[3,2]": what a contradiction of sizes or types is about. The first few of many.
std::string inputs_of(const graph::Node& node) {
  constexpr std::size_t most = 6;
  std::string text;
  std::size_t listed = 0;
  for (const graph::Value* value : node.inputs()) {
    if (value == nullptr) continue;
    if (listed++ == most) return text + " …";
    text += (text.empty() ? "" : ", ") + value->name + ' ' + describe(value->type);
  }
  return text;
}

Result<void> infer_node(graph::Node& node, const StopToken* stop, EqualSizes* equal = nullptr);

}  // namespace

Result<std::size_t> infer_graph(graph::Graph& graph, const StopToken* stop) {
  std::size_t changes = 0;
  Faults faults;
  for (const auto& node : graph.nodes()) {
    if (stop != nullptr && stop->stopped()) {
      return Error(Kind::interrupted, "interrupted", "stopped inferring types and shapes");
    }
    std::string before = known_of(*node);
    auto inferred = infer_node(*node, stop);
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

Result<void> check_input_types(const graph::Node& node, const OpDef& def) {
  struct Known {
    Formal formal;
    DType type;
  };
  std::vector<Known> known;  // of the formals so far
  auto bad = [&](const Formal& formal, std::size_t index, const std::string& what) {
    std::string which = "input " + std::to_string(index) + ", '" + std::string(formal.name) + "', ";
    return Error(Kind::bad_input, "bad-node", "cannot use " + qualified(node.domain, node.op) + ": " + which + what)
        .at(node.place());
  };
  std::string_view list = def.inputs;
  Formal formal;
  for (std::size_t index = 0; index < node.inputs().size(); ++index) {
    if (!formal.rest) {
      auto next = take_formal(list);
      if (!next) return {};  // more inputs than there are is the reader's to report
      formal = *next;
    }
    const graph::Value* value = node.input(index);
    DType type = value == nullptr ? DType::undefined : value->type.element;
    if (type != DType::undefined) {
      // The one that it must be like, or the one that that is like, …; else the types of the last of them.
      std::string_view types = formal.types;
      for (std::size_t at = known.size(); at-- > 0;) {
        if (known[at].formal.name != types) continue;
        if (known[at].type == DType::undefined) {
          types = known[at].formal.types;
          continue;
        }
        if (known[at].type == type) break;
        Error error = bad(formal, index,
                          "must be of the type of '" + std::string(types) + "', " + std::string(name(known[at].type)) +
                              ", and not " + std::string(name(type)));
        // A converter's operators of f32, which ONNX-ML's trees are, between the user's columns of f64.
        if (is_float(type) && is_float(known[at].type)) {
          return std::move(error).help(
              "export the model with inputs of f32; with skl2onnx: to_onnx(model, X[:1].astype(numpy.float32))");
        }
        return error;
      }
      bool like = std::any_of(known.begin(), known.end(), [&](const Known& one) { return one.formal.name == types; });
      if (!types.empty() && !like && types != formal.name && !Types(types).has(type)) {
        return bad(formal, index, "must be of type " + Types(types).text() + ", and not " + std::string(name(type)));
      }
    }
    known.push_back({formal, type});
  }
  return {};
}

namespace {

Result<void> infer_node(graph::Node& node, const StopToken* stop, EqualSizes* equal) {
  const OpDef* def = find(node.domain, node.op);
  if (def == nullptr || def->infer == nullptr) {
    return Error(Kind::unsupported, "unsupported-operator",
                 "cannot use " + qualified(node.domain, node.op) + ", which is not implemented")
        .at(node.place());
  }
  TRY(check_input_types(node, *def));
  const graph::Value* first = node.input(0);
  if (first != nullptr && is_collection(first->type.element) && !def->types.has(first->type.element)) {
    std::string type(name(first->type.element));
    return Error(Kind::bad_input, "bad-node", "cannot use " + qualified(node.domain, node.op) + ": it takes no " + type)
        .at(node.place());
  }
  NodeInference call(node, stop, equal);
  auto inferred = def->infer(call);
  if (inferred || inferred.error().code != "bad-node" || !inferred.error().why.empty()) return inferred;
  std::string inputs = inputs_of(node);
  if (inputs.empty()) return inferred;
  return std::move(inferred).error().because("its inputs are: " + inputs);
}

}  // namespace

// A node that cannot be right is reported by the inference of the graph.
EqualSizes equal_sizes(graph::Graph& graph) {
  EqualSizes equal;
  for (const auto& node : graph.nodes()) (void)infer_node(*node, nullptr, &equal);
  return equal;
}

Result<void> infer(graph::Node& node) { return infer_node(node, nullptr); }
Result<std::size_t> infer(graph::Graph& graph) { return infer_graph(graph, nullptr); }

}  // namespace modelctl::ops
