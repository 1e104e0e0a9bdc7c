// The graph IR: nodes in topological order over values in static single assignment (SSA). An operator is named by its
// domain and name and has the form of its newest opset (lib/onnx normalizes); the graph itself does not know what any
// operator means, that is the task of lib/ops.
//
// Ownership: a Graph owns its nodes and values, and a node owns its subgraphs. Everything else is a plain pointer that
// is valid until the value or node is erased. Passes edit the graph through the members here, which keep the use lists;
// verify() checks them after each pass in debug builds.
#pragma once

#include "base/result.hpp"
#include "graph/expr.hpp"
#include "tensor/attributes.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::graph {

using Shape = std::vector<Expr>;

// What is known about a value before it is computed. Every part may be unknown, and inference only ever adds knowledge.
struct Type {
  DType element = DType::undefined;  // undefined: not known yet
  std::optional<Shape> shape;        // nullopt: not even the rank is known; that of a collection is 0
  // The type of a sequence's items, of an optional's value, or of a map's values; null if it is not known.
  std::shared_ptr<const Type> inside;
  DType key = DType::undefined;  // of a map

  static Type sequence(Type item);
  static Type optional(Type value);
  static Type map(DType key, Type value);
};

// The exact text of a type, which parse_type() reads back and which is equal only for equal types:
// "f32[batch,3,224,224]", "i64[]", "f32[?]" for an unknown rank; "sequence<f32[?]>", "optional<…>", "map<i64,f32[]>".
std::string type_text(const Type& type);
// The same for messages, with long sizes abbreviated as by Expr::brief().
std::string describe(const Type& type);
// The type of an existing value. If the items of a sequence differ in shape, the item type has an unknown shape.
Type type_of(const Tensor& value);
// The same type with every dimension replaced by what `size` returns for it.
Type with_sizes(const Type& type, const std::function<Expr(const Expr&)>& size);
// Limits of nesting: of subgraphs, and of types within types (a sequence of optionals …). Readers refuse deeper models,
// so recursive functions over the graph need no limit of their own.
inline constexpr int max_graph_depth = 16;
inline constexpr int max_type_depth = 4;

class Node;
class Graph;

// One input of a node.
struct Use {
  Node* node;
  std::size_t index;
};

// Owned by its Graph; its address is stable until it is erased.
class Value {
 public:
  std::string name;  // unique in its graph; changed by Graph::rename
  Type type;
  // The data of a constant (an initializer, or folded by a pass); absent for all other values.
  Tensor constant;
  // The elements of a small integer tensor (rank 0 or 1, at most max_contents) as symbolic expressions. Exporters
  // compute shapes with ordinary operators: Shape, Gather, Mul, Concat, then Reshape. Inference evaluates that
  // arithmetic symbolically here, so that the Reshape's result has a known shape although no element is known yet.
  std::optional<std::vector<Expr>> contents;
  static constexpr std::size_t max_contents = 64;

  bool is_constant() const { return constant.present(); }
  Node* producer() const { return producer_; }            // null: graph input, constant, or a value of an outer graph
  std::size_t index() const { return index_; }            // which of the producer's outputs
  const std::vector<Use>& uses() const { return uses_; }  // in unspecified order
  // True if it is an output of its graph or of a graph nested in it.
  bool is_output() const { return !output_of_.empty(); }
  bool is_used() const { return !uses_.empty() || is_output(); }
  Graph& graph() const { return *graph_; }
  // True if it is one of its graph's inputs.
  bool is_input() const { return is_input_; }

 private:
  friend class Graph;
  friend class Node;
  Graph* graph_ = nullptr;
  std::list<std::unique_ptr<Value>>::iterator self_;
  bool is_input_ = false;
  Node* producer_ = nullptr;
  std::size_t index_ = 0;
  std::vector<Use> uses_;
  std::vector<Graph*> output_of_;  // once per output
};

class Node {
 public:
  std::string domain;  // "" is ONNX's default domain; "modelctl" is ours
  std::string op;
  std::string name;  // as the model names it; may be empty
  Attributes attributes;
  std::map<std::string, std::unique_ptr<Graph>> subgraphs;  // attributes that are graphs (If, Loop, Scan)

  const std::vector<Value*>& inputs() const { return inputs_; }    // null: an absent optional input
  const std::vector<Value*>& outputs() const { return outputs_; }  // null: an unused, unnamed output
  Value* input(std::size_t index) const { return index < inputs_.size() ? inputs_[index] : nullptr; }
  Value* output(std::size_t index) const { return index < outputs_.size() ? outputs_[index] : nullptr; }
  void set_input(std::size_t index, Value* value);  // grows the list as needed
  void resize_inputs(std::size_t count);            // drops or adds absent ones at the end
  // Makes output `index`, which must be unused, an absent one and erases its value.
  void drop_output(std::size_t index);
  // Adds a subgraph attribute to this node; an existing one of that name is replaced.
  Graph& add_subgraph(const std::string& attribute, std::string_view graph_name);
  Graph& graph() const { return *graph_; }
  bool is(std::string_view op_name, std::string_view op_domain = "") const {
    return op == op_name && domain == op_domain;
  }

  // "node 'conv1' (Conv)": for diagnostics.
  std::string place() const;

 private:
  friend class Graph;
  Graph* graph_ = nullptr;
  std::list<std::unique_ptr<Node>>::iterator self_;
  void drop_use(std::size_t index);
  std::vector<Value*> inputs_;
  // For each input the index of its Use in the value's use list, so that a use is removed in constant time. Without it
  // replacing a value with n uses takes n^2 steps, which is minutes for a graph of 20,000 nodes.
  std::vector<std::size_t> use_index_;
  std::vector<Value*> outputs_;
};

class Graph {
 public:
  explicit Graph(std::string name = "main");
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  std::string name;
  Graph* outer = nullptr;                       // the graph whose values this subgraph may use
  Node* owner = nullptr;                        // the node whose attribute this subgraph is
  std::vector<Value*> inputs;                   // add_input appends
  std::map<std::string, std::string> metadata;  // producer, source digest, documentation: carried to the artifact

  // A new value that is not yet an input, a constant or an output. A name that is taken or empty is made unique.
  Value* add_value(std::string_view name, Type type = {});
  Value* add_input(std::string_view name, Type type);
  Value* add_constant(std::string_view name, Tensor tensor);
  // Gives a value another name, with a suffix if that name is taken.
  void rename(Value* value, std::string_view name);

  // An output may be listed twice, and may be an input, a constant, or a value of an enclosing graph.
  const std::vector<Value*>& outputs() const { return outputs_; }
  // The names users see for them; the values' own names may change as passes replace them.
  const std::vector<std::string>& output_names() const { return output_names_; }
  void add_output(Value* value, std::string_view name);
  void add_output(Value* value) { add_output(value, value->name); }

  // A new node before `before` (at the end if null). Its outputs are new values, named after `output_names`.
  Node* add_node(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                 const std::vector<std::string>& output_names, Node* before = nullptr);
  // As above, for existing values without a producer: for readers, and for passes that replace a producer.
  Node* add_node_for(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                     std::vector<Value*> outputs, Node* before = nullptr);

  // Every use of `from`, including as a graph output, becomes a use of `to`. The names of graph outputs do not change.
  void replace_uses(Value* from, Value* to);
  // Removes a node together with its outputs, which must be unused.
  void erase(Node* node);
  // Removes nodes and constants that no output depends on, also in subgraphs. Returns the number of erased nodes.
  std::size_t erase_dead();
  // Orders the nodes topologically, also in subgraphs. The sort is stable: nodes that are in order stay where they are.
  // If there is a cycle, the error names its nodes.
  Result<void> sort();

  // Safe against erasing the current node while iterating with for_each_node.
  const std::list<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  template <class F>
  void for_each_node(F&& body) {
    for (auto at = nodes_.begin(); at != nodes_.end();) {
      Node& node = **at;
      ++at;
      body(node);
    }
  }
  std::vector<Value*> values() const;              // all, in order of creation
  Value* find_value(std::string_view name) const;  // in this graph, then outer ones
  // A symbol that no dimension of this model uses yet, for a data-dependent size (the result of NonZero, say).
  Expr fresh_symbol(std::string_view prefix = "unknown");

 private:
  friend class Node;
  struct Private;
  void remove(Value* value);
  std::list<std::unique_ptr<Node>> nodes_;
  std::vector<Value*> outputs_;
  std::vector<std::string> output_names_;
  std::unique_ptr<Private> private_;
};

// A deep copy with the same names and order. Constants are shared, not copied.
std::unique_ptr<Graph> clone(const Graph& graph);

// Inserts a copy of the nodes of `from`, a subgraph of a node in `before`'s graph, before that node, with `inputs` in
// place of the inputs of `from`. Returns the values in place of its outputs.
std::vector<Value*> inline_graph(const Graph& from, std::vector<Value*> inputs, Node& before);

// The values of enclosing graphs that a subgraph, or a graph nested in it, uses: each once, in order of first use.
std::vector<Value*> captures(const Graph& graph);

// Calls body(graph) for this graph and every graph below it.
void for_each_graph(Graph& graph, const std::function<void(Graph&)>& body);
void for_each_graph(const Graph& graph, const std::function<void(const Graph&)>& body);
// Calls body(symbol) for every symbol in an expression or a type, possibly several times.
void for_each_symbol(const Expr& expr, const std::function<void(const std::string&)>& body);
void for_each_symbol(const Type& type, const std::function<void(const std::string&)>& body);

// Checks the invariants that every pass must keep: use lists and producers agree, the order is topological, names are
// unique, constants match their types. A failure is a bug in the pass that ran last.
Result<void> verify(const Graph& graph);

}  // namespace modelctl::graph
