// Ownership and bookkeeping of the graph. Values and nodes live in linked lists, so that addresses are stable and
// erasing takes constant time. One invariant connects them: every entry of a node's inputs has its Use in that value's
// uses_, and every entry of a graph's outputs has an entry in that value's output_of_.
#include "graph/graph.hpp"

#include "base/check.hpp"
#include "tensor/collection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace modelctl::graph {

struct Graph::Private {
  std::list<std::unique_ptr<Value>> values;
  std::unordered_map<std::string, Value*> by_name;
  std::unordered_map<std::string, std::size_t> next_suffix;
  // Of the outermost graph only: the symbols in use, which fresh_symbol must not return. Collected at its first call.
  std::set<std::string> symbols;
  bool symbols_known = false;
  std::size_t next_symbol = 0;
};

namespace {

Type collection(DType element, Type inside) {
  return {element, Shape(), std::make_shared<const Type>(std::move(inside))};
}

}  // namespace

Type Type::sequence(Type item) { return collection(DType::sequence, std::move(item)); }
Type Type::optional(Type value) { return collection(DType::optional, std::move(value)); }
Type Type::map(DType key, Type value) {
  Type type = collection(DType::map, std::move(value));
  type.key = key;
  return type;
}

Type type_of(const Tensor& value) {
  if (value.type() == DType::optional) {
    const Tensor& held = optional_in(value.view()).value;
    return Type::optional(held.present() ? type_of(held) : Type());
  }
  if (value.type() == DType::map) {
    const Map& map = map_in(value.view());
    return Type::map(map.keys.type(), {map.values.type(), Shape()});
  }
  if (value.type() != DType::sequence) { return {value.type(), Shape(value.dims().begin(), value.dims().end())}; }
  const Sequence& sequence = sequence_in(value.view());
  Type item{sequence.element, std::nullopt};
  for (std::size_t i = 0; i < sequence.items.size(); ++i) {
    Type next = type_of(sequence.items[i]);
    if (i == 0) item = std::move(next);
    else if (type_text(item) != type_text(next)) item.shape = std::nullopt;
  }
  return Type::sequence(std::move(item));
}

namespace {

// The text of a type with its sizes as `size_text` writes them.
std::string print(const Type& type, std::string (Expr::*size_text)() const) {
  std::string text(type.element == DType::undefined ? "?" : modelctl::name(type.element));
  if (is_collection(type.element)) {
    std::string key(type.key == DType::undefined ? "?" : modelctl::name(type.key));
    text += type.element == DType::map ? '<' + key + ',' : "<";
    return text + print(type.inside ? *type.inside : Type(), size_text) + '>';
  }
  if (!type.shape) return text + "[?]";
  text += '[';
  for (std::size_t i = 0; i < type.shape->size(); ++i) {
    if (i > 0) text += ',';
    text += ((*type.shape)[i].*size_text)();
  }
  return text + ']';
}

}  // namespace

std::string type_text(const Type& type) { return print(type, &Expr::text); }
std::string describe(const Type& type) { return print(type, &Expr::brief); }

// Swap and pop: the value's last use moves to the index of the removed one, and its node learns the new index.
void Node::drop_use(std::size_t index) {
  std::vector<Use>& uses = inputs_[index]->uses_;
  const std::size_t at = use_index_[index];
  MODELCTL_CHECK(at < uses.size() && uses[at].node == this && uses[at].index == index,
                 "a use is recorded in the value and in the node");
  const Use last = uses[at] = uses.back();
  last.node->use_index_[last.index] = at;
  uses.pop_back();
}

// The old value loses the use before the new one gets it: both may be one value.
void Node::set_input(std::size_t index, Value* value) {
  if (index >= inputs_.size()) {
    inputs_.resize(index + 1, nullptr);
    use_index_.resize(index + 1);
  }
  if (inputs_[index] != nullptr) drop_use(index);
  inputs_[index] = value;
  if (value == nullptr) return;
  use_index_[index] = value->uses_.size();
  value->uses_.push_back({this, index});
}

void Node::resize_inputs(std::size_t count) {
  for (std::size_t i = count; i < inputs_.size(); ++i) set_input(i, nullptr);
  inputs_.resize(count, nullptr);
  use_index_.resize(count);
}

void Node::drop_output(std::size_t index) {
  Value* value = output(index);
  if (value == nullptr) return;
  MODELCTL_CHECK(!value->is_used(), "a dropped output is unused");
  outputs_[index] = nullptr;
  graph_->remove(value);
}

Graph& Node::add_subgraph(const std::string& attribute, std::string_view graph_name) {
  auto sub = std::make_unique<Graph>(std::string(graph_name));
  sub->outer = graph_;
  sub->owner = this;
  return *(subgraphs[attribute] = std::move(sub));
}

std::string Node::place() const {
  std::string kind = domain.empty() ? op : domain + "::" + op;
  if (!name.empty()) return fmt::format("node '{}' ({})", name, kind);
  for (const Value* value : outputs_) {
    if (value != nullptr) return fmt::format("the node of '{}' ({})", value->name, kind);
  }
  return fmt::format("a node without name or outputs ({})", kind);
}

Graph::Graph(std::string name) : name(std::move(name)), private_(std::make_unique<Private>()) {}

// Subgraphs are destroyed first: they use values of this graph, and their destructors remove those uses. Values of an
// enclosing graph that are outputs here outlive this graph and must not keep a pointer to it.
Graph::~Graph() {
  for (const auto& node : nodes_) {
    node->subgraphs.clear();
    node->resize_inputs(0);
  }
  for (Value* value : outputs_)
    value->output_of_.erase(std::find(value->output_of_.begin(), value->output_of_.end(), this));
}

// The name is assigned by rename(), which makes it unique; until then the value has none.
Value* Graph::add_value(std::string_view wanted, Type type) {
  auto& values = private_->values;
  values.push_back(std::make_unique<Value>());
  Value* value = values.back().get();
  value->graph_ = this;
  value->self_ = std::prev(values.end());
  value->type = std::move(type);
  rename(value, wanted);
  return value;
}

Value* Graph::add_input(std::string_view wanted, Type type) {
  Value* value = add_value(wanted, std::move(type));
  value->is_input_ = true;
  inputs.push_back(value);
  return value;
}

void Graph::add_output(Value* value, std::string_view wanted) {
  outputs_.push_back(value);
  output_names_.emplace_back(wanted);
  value->output_of_.push_back(this);
}

Value* Graph::add_constant(std::string_view wanted, Tensor tensor) {
  Value* value = add_value(wanted, type_of(tensor));
  value->constant = std::move(tensor);
  return value;
}

// Suffixes count per base name, so that making n values of one name unique takes n steps and not n^2.
void Graph::rename(Value* value, std::string_view wanted) {
  auto& names = private_->by_name;
  if (auto old = names.find(value->name); old != names.end() && old->second == value) names.erase(old);
  std::string base(wanted.empty() ? "value" : wanted);
  std::string name = base;
  if (wanted.empty() || names.count(name) > 0) {
    std::size_t& suffix = private_->next_suffix[base];
    do name = fmt::format("{}_{}", base, ++suffix);
    while (names.count(name) > 0);
  }
  value->name = name;
  names.emplace(std::move(name), value);
}

Node* Graph::add_node(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                      const std::vector<std::string>& output_names, Node* before) {
  std::vector<Value*> made;
  for (const std::string& output : output_names) made.push_back(add_value(output));
  return add_node_for(domain, op, std::move(inputs), std::move(made), before);
}

// set_input() records the uses; resize_inputs() keeps trailing absent inputs, which set_input(nullptr) alone would not
// add.
Node* Graph::add_node_for(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                          std::vector<Value*> outputs, Node* before) {
  auto at = before == nullptr ? nodes_.end() : before->self_;
  auto self = nodes_.insert(at, std::make_unique<Node>());
  Node* node = self->get();
  node->graph_ = this;
  node->self_ = self;
  node->domain = domain;
  node->op = op;
  for (std::size_t i = 0; i < inputs.size(); ++i) node->set_input(i, inputs[i]);
  node->resize_inputs(inputs.size());
  node->outputs_ = std::move(outputs);
  for (std::size_t i = 0; i < node->outputs_.size(); ++i) {
    Value* value = node->outputs_[i];
    if (value == nullptr) continue;
    MODELCTL_CHECK(value->producer_ == nullptr && !value->is_input_ && !value->is_constant(),
                   "a value has one producer");
    value->producer_ = node;
    value->index_ = i;
  }
  return node;
}

void Graph::replace_uses(Value* from, Value* to) {
  if (from == to) return;
  // A copy, because set_input changes the list that is being read.
  const std::vector<Use> uses = from->uses_;
  for (const Use& use : uses) use.node->set_input(use.index, to);
  for (Graph* graph : std::exchange(from->output_of_, {})) {
    std::replace(graph->outputs_.begin(), graph->outputs_.end(), from, to);
    to->output_of_.push_back(graph);
  }
}

void Graph::remove(Value* value) {
  auto& names = private_->by_name;
  if (auto at = names.find(value->name); at != names.end() && at->second == value) names.erase(at);
  private_->values.erase(value->self_);
}

void Graph::erase(Node* node) {
  MODELCTL_CHECK(node->graph_ == this, "a node is erased from its own graph");
  node->subgraphs.clear();
  node->resize_inputs(0);
  for (Value* value : node->outputs_) {
    if (value == nullptr) continue;
    MODELCTL_CHECK(!value->is_used(), "an erased node's outputs are unused");
    remove(value);
  }
  nodes_.erase(node->self_);
}

// One backward pass is enough: the nodes are in topological order, so every user of a node has been visited, and erased
// if it is dead, before the node itself.
std::size_t Graph::erase_dead() {
  std::size_t erased = 0;
  for (auto at = nodes_.end(); at != nodes_.begin();) {
    --at;
    Node* node = at->get();
    bool used = std::any_of(node->outputs_.begin(), node->outputs_.end(),
                            [](const Value* value) { return value != nullptr && value->is_used(); });
    if (used) {
      for (auto& [attribute, sub] : node->subgraphs) erased += sub->erase_dead();
      continue;
    }
    ++at;
    erase(node);
    ++erased;
  }
  auto& values = private_->values;
  for (auto at = values.begin(); at != values.end();) {
    Value* value = at->get();
    ++at;
    if (value->producer_ == nullptr && !value->is_input_ && !value->is_used()) remove(value);
  }
  return erased;
}

namespace {

// Appends the nodes of `graph` that must run before `node`: the producers of its inputs and of the values that its
// subgraphs capture.
void add_dependencies(const Graph& graph, const Node& node, std::vector<Node*>& into) {
  auto add = [&](const Value* value) {
    if (value != nullptr && value->producer() != nullptr && &value->graph() == &graph)
      into.push_back(value->producer());
  };
  for (const Value* value : node.inputs()) add(value);
  for (const auto& [attribute, sub] : node.subgraphs) {
    for (const Value* value : sub->outputs()) add(value);
    for (const auto& inner : sub->nodes()) add_dependencies(graph, *inner, into);
  }
}

Error cycle_error(const Graph& graph, const std::unordered_map<Node*, std::vector<Node*>>& waiting_for) {
  // Every remaining node depends on another remaining one, so following these dependencies must revisit a node; the
  // path from its first visit on is a cycle.
  std::vector<Node*> path;
  std::unordered_map<Node*, std::size_t> seen;
  Node* at = nullptr;
  for (const auto& node : graph.nodes()) {
    if (at == nullptr && waiting_for.count(node.get()) > 0) at = node.get();
  }
  while (seen.emplace(at, path.size()).second) {
    path.push_back(at);
    for (Node* next : waiting_for.at(at)) {
      if (waiting_for.count(next) > 0) {
        at = next;
        break;
      }
    }
  }
  std::vector<std::string> places;
  constexpr std::size_t most = 8;
  for (std::size_t i = path.size(); i > seen.at(at) && places.size() < most; --i)
    places.push_back(path[i - 1]->place());
  if (path.size() - seen.at(at) > most) places.emplace_back("…");
  return Error(Kind::bad_input, "cycle",
               fmt::format("cannot order the nodes of graph '{}': they form a cycle", graph.name))
      .at(places.front())
      .because(fmt::format("each needs the one before: {}", fmt::join(places, ", ")));
}

}  // namespace

// Kahn's algorithm with a priority queue keyed by the old position: among the nodes that are ready, the one that came
// first is next, so an ordered graph keeps its order.
Result<void> Graph::sort() {
  std::unordered_map<Node*, std::vector<Node*>> waiting_for;
  std::unordered_map<Node*, std::vector<Node*>> followers;
  std::unordered_map<Node*, std::size_t> missing, position;
  std::set<std::pair<std::size_t, Node*>> ready;  // by old position
  for (const auto& node : nodes_) {
    for (auto& [attribute, sub] : node->subgraphs) TRY(sub->sort());
    std::vector<Node*> needs;
    add_dependencies(*this, *node, needs);
    std::size_t at = position.size();
    position[node.get()] = at;
    missing[node.get()] = needs.size();
    for (Node* need : needs) followers[need].push_back(node.get());
    if (needs.empty()) ready.emplace(at, node.get());
    waiting_for[node.get()] = std::move(needs);
  }
  std::vector<Node*> order;
  while (!ready.empty()) {
    Node* node = ready.begin()->second;
    ready.erase(ready.begin());
    waiting_for.erase(node);
    order.push_back(node);
    for (Node* follower : followers[node]) {
      if (--missing[follower] == 0) ready.emplace(position[follower], follower);
    }
  }
  if (order.size() < nodes_.size()) return cycle_error(*this, waiting_for);
  for (Node* node : order) nodes_.splice(nodes_.end(), nodes_, node->self_);
  return {};
}

std::vector<Value*> Graph::values() const {
  std::vector<Value*> all;
  for (const auto& value : private_->values) all.push_back(value.get());
  return all;
}

// Inner names hide outer ones, as in ONNX, where a subgraph sees the values of the graphs around it.
Value* Graph::find_value(std::string_view wanted) const {
  std::string key(wanted);
  for (const Graph* graph = this; graph != nullptr; graph = graph->outer) {
    if (auto at = graph->private_->by_name.find(key); at != graph->private_->by_name.end()) return at->second;
  }
  return nullptr;
}

// The set of known symbols belongs to the outermost graph: symbols are global to a model, unlike names of values.
Expr Graph::fresh_symbol(std::string_view prefix) {
  Graph* root = this;
  while (root->outer != nullptr) root = root->outer;
  Private& known = *root->private_;
  if (!known.symbols_known) {
    auto add = [&](const std::string& symbol) { known.symbols.insert(symbol); };
    for_each_graph(*root, [&](Graph& graph) {
      for (const Value* value : graph.values()) for_each_symbol(value->type, add);
    });
    known.symbols_known = true;
  }
  std::string symbol;
  do symbol = fmt::format("{}_{}", prefix, ++known.next_symbol);
  while (!known.symbols.insert(symbol).second);
  return Expr::symbol(symbol);
}

void for_each_graph(Graph& graph, const std::function<void(Graph&)>& body) {
  body(graph);
  for (const auto& node : graph.nodes()) {
    for (const auto& [attribute, sub] : node->subgraphs) for_each_graph(*sub, body);
  }
}

void for_each_graph(const Graph& graph, const std::function<void(const Graph&)>& body) {
  for_each_graph(const_cast<Graph&>(graph), [&](Graph& each) { body(each); });
}

void for_each_symbol(const Expr& expr, const std::function<void(const std::string&)>& body) {
  expr.substitute([&](const std::string& symbol) {
    body(symbol);
    return std::nullopt;
  });
}

Type with_sizes(const Type& type, const std::function<Expr(const Expr&)>& size) {
  Type other = type;
  if (other.shape) std::transform(other.shape->begin(), other.shape->end(), other.shape->begin(), size);
  if (type.inside) other.inside = std::make_shared<const Type>(with_sizes(*type.inside, size));
  return other;
}

void for_each_symbol(const Type& type, const std::function<void(const std::string&)>& body) {
  if (type.inside) for_each_symbol(*type.inside, body);
  if (!type.shape) return;
  for (const Expr& dim : *type.shape) for_each_symbol(dim, body);
}

namespace {

// Original -> copy. A value that is not in the map belongs to an enclosing graph and is used as it is.
using ValueMap = std::unordered_map<const Value*, Value*>;

// An absent input or output, null, is not in the map either and stays null.
Value* mapped(const ValueMap& map, Value* value) {
  auto at = map.find(value);
  return at == map.end() ? value : at->second;
}

void copy_into(const Graph& from, Graph& to, ValueMap& map);

// Copies everything except inputs and outputs, before that node or at the end.
void copy_nodes(const Graph& from, Graph& to, ValueMap& map, Node* before) {
  for (Value* value : from.values()) {
    if (map.count(value) > 0) continue;  // an input, which the caller has mapped
    Value* copy = map[value] = to.add_value(value->name, value->type);
    copy->constant = value->constant;
    copy->contents = value->contents;
  }
  for (const auto& node : from.nodes()) {
    std::vector<Value*> inputs, outputs;
    for (Value* value : node->inputs()) inputs.push_back(mapped(map, value));
    for (Value* value : node->outputs()) outputs.push_back(mapped(map, value));
    Node* copy = to.add_node_for(node->domain, node->op, std::move(inputs), std::move(outputs), before);
    copy->name = node->name;
    copy->attributes = node->attributes;
    for (const auto& [attribute, sub] : node->subgraphs) copy_into(*sub, copy->add_subgraph(attribute, sub->name), map);
  }
}

// One map for all levels: a subgraph's nodes may use copies of values of any graph around it.
void copy_into(const Graph& from, Graph& to, ValueMap& map) {
  to.metadata = from.metadata;
  for (Value* value : from.inputs) {
    map[value] = to.add_input(value->name, value->type);
    map[value]->contents = value->contents;
  }
  copy_nodes(from, to, map, nullptr);
  for (std::size_t i = 0; i < from.outputs().size(); ++i) {
    to.add_output(mapped(map, from.outputs()[i]), from.output_names()[i]);
  }
}

}  // namespace

std::unique_ptr<Graph> clone(const Graph& graph) {
  auto copy = std::make_unique<Graph>(graph.name);
  copy->outer = graph.outer;
  ValueMap map;
  copy_into(graph, *copy, map);
  return copy;
}

std::vector<Value*> inline_graph(const Graph& from, std::vector<Value*> inputs, Node& before) {
  MODELCTL_CHECK(inputs.size() == from.inputs.size(), "each input of an inlined graph has its value");
  ValueMap map;
  for (std::size_t i = 0; i < inputs.size(); ++i) map[from.inputs[i]] = inputs[i];
  copy_nodes(from, before.graph(), map, &before);
  std::vector<Value*> outputs;
  for (Value* value : from.outputs()) outputs.push_back(mapped(map, value));
  return outputs;
}

// A value is captured if it belongs to none of the graphs within `graph`.
std::vector<Value*> captures(const Graph& graph) {
  std::unordered_set<const Graph*> within;
  for_each_graph(graph, [&](const Graph& each) { within.insert(&each); });
  std::vector<Value*> found;
  std::unordered_set<const Value*> seen;
  auto use = [&](Value* value) {
    if (value != nullptr && within.count(&value->graph()) == 0 && seen.insert(value).second) found.push_back(value);
  };
  for_each_graph(graph, [&](const Graph& each) {
    for (const auto& node : each.nodes()) std::for_each(node->inputs().begin(), node->inputs().end(), use);
    std::for_each(each.outputs().begin(), each.outputs().end(), use);
  });
  return found;
}

}  // namespace modelctl::graph
