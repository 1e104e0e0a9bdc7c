// The graph IR: nodes in topological order over values in single assignment. Operators are named by domain and name in
// their newest form (lib/onnx normalizes); what they mean is lib/ops' business, not the graph's.
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

// What is known of a value before it is computed.
struct Type {
  DType element = DType::undefined;  // undefined: not known yet
  std::optional<Shape> shape;        // nullopt: not even the rank is known; that of a collection is 0
  // What a sequence or an optional holds, and the values of a map; null where that is not known.
  std::shared_ptr<const Type> inside;
  DType key = DType::undefined;  // of a map

  static Type sequence(Type item);
  static Type optional(Type value);
  static Type map(DType key, Type value);
};

// "f32[batch,3,224,224]", "i64[]", "f32[?]" for an unknown rank; "sequence<f32[?]>", "optional<…>", "map<i64,f32[]>".
std::string describe(const Type& type);
// The type of a value that is there. Items that differ leave sizes, or the rank, open.
Type type_of(const Tensor& value);
// The same type, in which `size` has replaced every dimension.
Type with_sizes(const Type& type, const std::function<Expr(const Expr&)>& size);
// Graphs nest no deeper; readers refuse what does.
inline constexpr int max_graph_depth = 16;
// Types of types end here; readers refuse what nests deeper.
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
  // The value itself where it is a constant (initializer or folded).
  Tensor constant;
  // Elements of a small integer tensor (rank 0 or 1, at most max_contents) as far as shape arithmetic knows them: what
  // Shape, Gather, Concat and their like pass along until a Reshape uses it.
  std::optional<std::vector<Expr>> contents;
  static constexpr std::size_t max_contents = 64;

  bool is_constant() const { return constant.present(); }
  Node* producer() const { return producer_; }            // null: graph input, constant, or a value of an outer graph
  std::size_t index() const { return index_; }            // which of the producer's outputs
  const std::vector<Use>& uses() const { return uses_; }  // in no order that means something
  // True where it leaves its graph, or a graph below it, as an output.
  bool is_output() const { return !output_of_.empty(); }
  bool is_used() const { return !uses_.empty() || is_output(); }
  Graph& graph() const { return *graph_; }
  // True where it is among its graph's inputs.
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
  const std::vector<Value*>& outputs() const { return outputs_; }  // null: an output that nobody names
  Value* input(std::size_t index) const { return index < inputs_.size() ? inputs_[index] : nullptr; }
  Value* output(std::size_t index) const { return index < outputs_.size() ? outputs_[index] : nullptr; }
  void set_input(std::size_t index, Value* value);  // grows the list as needed
  void resize_inputs(std::size_t count);            // drops or adds absent ones at the end
  // Makes output `index`, which nobody may use, an absent one; its value goes.
  void drop_output(std::size_t index);
  // A new subgraph attribute of this node; one of that name is replaced.
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
  std::vector<std::size_t> places_;  // of each input among its value's uses: a use is dropped without a search
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

  // A new value that is none of input, constant and output yet. A taken or empty name is made unique.
  Value* add_value(std::string_view name, Type type = {});
  Value* add_input(std::string_view name, Type type);
  Value* add_constant(std::string_view name, Tensor tensor);
  // Gives a value another name, made unique if it is taken.
  void rename(Value* value, std::string_view name);

  // The outputs may repeat; they may be inputs, constants, or values of graphs around.
  const std::vector<Value*>& outputs() const { return outputs_; }
  // The names users see for them; the values' own names may change as passes replace them.
  const std::vector<std::string>& output_names() const { return output_names_; }
  void add_output(Value* value, std::string_view name);
  void add_output(Value* value) { add_output(value, value->name); }

  // A new node before `before` (at the end if null), its outputs fresh values named after `output_names`.
  Node* add_node(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                 const std::vector<std::string>& output_names, Node* before = nullptr);
  // As above, but it produces these values, which must have no producer (readers, and passes that replace a producer).
  Node* add_node_for(std::string_view domain, std::string_view op, std::vector<Value*> inputs,
                     std::vector<Value*> outputs, Node* before = nullptr);

  // Every use of `from`, graph outputs included, becomes a use of `to`. Names of graph outputs stay what they were.
  void replace_uses(Value* from, Value* to);
  // Removes a node; its outputs must be unused, and go with it.
  void erase(Node* node);
  // Removes nodes and constants that no output needs, in subgraphs too. Answers how many nodes went.
  std::size_t erase_dead();
  // Orders the nodes topologically, subgraphs' too, changing nothing where they are in order already; fails with the
  // cycle's nodes named where there is one.
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
  std::vector<Value*> values() const;              // all, in the order they were made
  Value* find_value(std::string_view name) const;  // in this graph, then outer ones
  // A symbol that no dimension of this model has, for sizes that only running the model tells.
  Expr fresh_symbol(std::string_view prefix = "unknown");

 private:
  friend class Node;
  struct Private;
  void forget(Value* value);
  std::list<std::unique_ptr<Node>> nodes_;
  std::vector<Value*> outputs_;
  std::vector<std::string> output_names_;
  std::unique_ptr<Private> private_;
};

// A deep copy: same names, same order; constants share their memory.
std::unique_ptr<Graph> clone(const Graph& graph);

// Puts a copy of the nodes of `from`, a graph nested in one of `before`'s graph, before that node; `inputs` stand for
// the inputs of `from`. Answers what stands for its outputs.
std::vector<Value*> inline_graph(const Graph& from, std::vector<Value*> inputs, Node& before);

// The values around a nested graph that it, or a graph below it, uses: each once, in the order of their first use.
std::vector<Value*> captures(const Graph& graph);

// Calls body(graph) for this graph and every graph below it.
void for_each_graph(Graph& graph, const std::function<void(Graph&)>& body);
void for_each_graph(const Graph& graph, const std::function<void(const Graph&)>& body);
// Calls body(symbol) for every symbol in an expression, a type.
void for_each_symbol(const Expr& expr, const std::function<void(const std::string&)>& body);
void for_each_symbol(const Type& type, const std::function<void(const std::string&)>& body);

// Checks the invariants that every pass must keep: uses and producers agree, order is topological, names are unique,
// constants match their types. A failure is a bug of the pass that ran last.
Result<void> verify(const Graph& graph);

}  // namespace modelctl::graph
