// An operator is one file in two halves. The build half is here: schema, inference, lowering or decomposition, upgrades
// from older opsets, examples. The run half is runtime/operator.hpp's Evaluate. Each lib/ops/<domain>/<stem>.cpp
// defines
//     std::span<const OpDef> <stem>_ops();              the build table
//     std::span<const runtime::OpRun> <stem>_runs();    the run table, which the runner links alone
// A file's tables must be constant-initialized: a dynamic initializer would drag the build half into the runner.
#pragma once

#include "graph/graph.hpp"
#include "ops/run_table.hpp"
#include "ops/schema/traits.hpp"
#include "ops/schema/types.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::ops {

enum class AttributeType { integer, number, text, tensor, integers, numbers, texts, graph };
std::string_view word(AttributeType type);  // "integer", "list of numbers"

struct AttributeDef {
  std::string_view name;
  AttributeType type;
  std::string_view meaning;  // one line, with the default: "strides along each spatial axis; 1 if absent"
  bool required = false;
  std::string_view absent = {};  // of a text: the value that means what its absence means
  std::string_view texts = {};   // of a text: the values that it may have, with a blank between two; empty: any
};

// A text of a fixed set. Unless it is required, its absence means the first one; a blank before that means that the
// empty text is one too. They are checked when a model is read, and nowhere else: a run half takes any other text for
// one of them (choice_of in reference/run.hpp).
constexpr AttributeDef text_choice(std::string_view name, std::string_view texts, std::string_view meaning,
                                   bool required = false) {
  return {name, AttributeType::text, meaning, required, required ? "" : texts.substr(0, texts.find(' ')), texts};
}
// AttributeDef::texts one by one.
std::vector<std::string_view> texts_of(const AttributeDef& def);

// What infer sees and sets. Inference may be asked before all is known: an input may have no rank, or not even an
// element type. It then sets what it can and leaves the rest unknown; it fails only on what can never be right.
class Inference {
 public:
  virtual ~Inference() = default;
  virtual const graph::Node& node() const = 0;

  std::size_t inputs() const { return node().inputs().size(); }
  bool present(std::size_t index) const { return node().input(index) != nullptr; }
  const Attributes& attributes() const { return node().attributes; }
  const graph::Type* type(std::size_t index) const;    // null if absent
  DType element(std::size_t index) const;              // undefined if absent or unknown
  const graph::Shape* shape(std::size_t index) const;  // null if absent or of unknown rank
  const Tensor* constant(std::size_t index) const;     // null if it is not a constant
  // The elements of a small integer input, symbolic if necessary: from a constant or from shape arithmetic.
  std::optional<std::vector<graph::Expr>> contents(std::size_t index) const;

  void set_output(std::size_t index, DType element, std::optional<graph::Shape> shape) {
    set_type(index, {element, std::move(shape)});
  }
  virtual void set_type(std::size_t index, graph::Type type) = 0;
  virtual void set_contents(std::size_t index, std::vector<graph::Expr> contents) = 0;
  virtual graph::Expr fresh_symbol() = 0;
  // The nested graph of that attribute. An operator with nested graphs gives their inputs types, then infers the rest.
  Result<graph::Graph*> body(std::string_view attribute) const;
  // Infers every node of a nested graph; fails with every fault in it.
  virtual Result<void> infer_body(graph::Graph& body) = 0;

  // The error for this node: what, with the node's place, domain and operator.
  Error bad(std::string what) const;
};

// Numpy's broadcasting, symbolically: sizes of different names become graph::broadcast of both, which the run computes.
// Fails if they can never agree.
Result<graph::Shape> broadcast(const Inference& call, const graph::Shape& a, const graph::Shape& b);
// An axis attribute in [-rank, rank) as an index; fails outside.
Result<std::size_t> normal_axis(const Inference& call, std::int64_t axis, std::size_t rank);

// What upgrade sees: a node as its model's opset wrote it. It rewrites the node in place to the newest form, adding
// nodes and constants before it as needed (an attribute that became an input, say).
struct Upgrade {
  graph::Node& node;
  int opset;  // of the node's domain in its model

  graph::Value* constant(Tensor tensor) const;                              // a new constant in the node's graph
  void attribute_to_input(std::string_view name, std::size_t index) const;  // an ints attribute becomes an i64 input
  // A new node of ONNX's default domain before this one; returns its only output.
  graph::Value* insert(std::string_view op, std::vector<graph::Value*> inputs, Attributes attributes = {}) const;
  Error bad(std::string what) const;
};

// One call of an operator with the outputs that the specification gives. It is documentation and test at once:
// inference, evaluate and the kernels must all agree with it.
struct Example {
  std::string title;           // a sentence: "a 1x1 kernel keeps the image's size"
  std::vector<Tensor> inputs;  // a default Tensor{} is an absent optional input
  Attributes attributes;
  std::vector<Tensor> outputs;
  double tolerance = 1e-6;  // absolute and relative; 0 demands equality
  // Nested graphs, by attribute, as graph::parse_text reads them.
  std::vector<std::pair<std::string, std::string>> graphs = {};
};

class Lowering;  // lowering.hpp

// What an operator's results are when its f16 or bf16 operands are widened to f32 first, and rounded only where they
// leave the graph (passes/compute_in_f32.cpp).
enum class ShortFloats {
  keep,    // other ones: it compares or rounds its operands, or its type is an attribute
  widen,   // as good or better: it is a continuous function of its float operands
  follow,  // the same: it moves elements, so it widens nothing that is not in f32 already
};

struct OpDef {
  std::string_view domain = "";  // ONNX's default domain
  std::string_view name;
  int since = 0;             // the opset of the form that is implemented: the newest
  std::string_view summary;  // one sentence
  // Formal parameters in order, blank-separated: "X W B?" ('?' optional, '*' the rest, one or more of them). After a
  // colon, the types that an input may have, or the one whose type it must have: "data indices:i32,i64 updates:data".
  std::string_view inputs;
  std::string_view outputs;
  // Element types of the first input that evaluate takes: "f32 f64 f16 bf16", "numbers", "any -string".
  Types types;
  std::span<const AttributeDef> attributes;
  Traits traits = {};  // what passes may assume; nothing unless it is stated

  // Null for a name that the newest opset no longer has: upgrade then replaces it, and nothing else is defined.
  Result<void> (*infer)(Inference& call) = nullptr;
  ShortFloats short_floats = ShortFloats::keep;
  // Rewrites an older node; null if every form since opset 7 is the newest one.
  Result<void> (*upgrade)(const Upgrade& upgrade) = nullptr;
  // Emits steps with optimized kernels; returns false if this node has none. Null: always evaluate.
  Result<bool> (*lower)(Lowering& call) = nullptr;
  // Replaces the node by others (operators that have no evaluate of their own). Exclusive with lower.
  Result<void> (*decompose)(graph::Node& node) = nullptr;
  // True if the same inputs may give other outputs (random samples): never folded, never shared.
  bool impure = false;
  // The examples, made at each call; last, since they are the longest.
  std::vector<Example> (*examples)() = nullptr;
};

// All operators. Their run halves: run_table().
std::span<const OpDef* const> table();

const OpDef* find(std::string_view domain, std::string_view name);
// True if operator `name` of the default domain has a form for channels last: modelctl's of the same name.
bool has_channels_last_form(std::string_view name);
// The run half; null for an operator that decomposes.
runtime::Evaluate find_run(std::string_view domain, std::string_view name);
// Each fault of a node against its schema: unknown attribute, wrong attribute type, a text that is not one of those
// allowed, too few or too many inputs.
void check_schema(const graph::Node& node, const OpDef& def, Faults& faults);
// Whether the inputs have the types that the schema gives them, as far as those are known.
Result<void> check_input_types(const graph::Node& node, const OpDef& def);
// Infers a node's outputs and records the result in their values; what the model declares stays if inference knows
// less.
Result<void> infer(graph::Node& node);
// Infers all nodes of a graph in order, and those of nested graphs; returns how many nodes have outputs that are better
// known now.
Result<std::size_t> infer(graph::Graph& graph);
// Runs one operator over tensors: what folds constants and judges kernels. `budget` caps the outputs' bytes;
// fails with `interrupted` once `interrupt` is requested.
Result<std::vector<Tensor>> evaluate(std::string_view domain, std::string_view name, const Attributes& attributes,
                                     std::span<const TensorView> inputs, std::size_t outputs,
                                     std::uint64_t budget = std::uint64_t{1} << 34,
                                     const Interrupt* interrupt = nullptr);

// "Softmax", "ai.onnx.ml::LinearClassifier", "modelctl::Conv".
std::string qualified(std::string_view domain, std::string_view name);

}  // namespace modelctl::ops
