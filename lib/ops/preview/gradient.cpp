// Gradient of ai.onnx.preview.training: the derivatives of one value of the graph with respect to others. It has no
// code of its own: the operators between them are differentiated from the last to the first, as nodes before it.
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <map>
#include <set>

namespace modelctl::ops {
namespace {

using graph::Graph;
using graph::Node;
using graph::Shape;
using graph::Value;

// Theory: reverse-mode automatic differentiation. For y = f(x) let g be the gradient of the final sum with respect to
// y. Then that with respect to x is Jᵀ g, with the Jacobian J of f, which is never written out: `backward` has, for
// each operator, nodes that compute Jᵀ g. Visited from the last node to the first, each one finds the sum of the
// gradients from all of its readers complete. So the gradients of all xs together take a small multiple of the work of
// y itself, however many xs there are. A tensor y counts as the sum of its elements, since the operator has no input
// for another direction.
Result<void> infer(Inference& call) {
  std::size_t count = call.attributes().texts("xs").size();
  if (call.inputs() != count + call.attributes().texts("zs").size()) {
    return call.bad("it must have one input for each name of xs and zs");
  }
  for (std::size_t index = 0; index < std::min(count, call.node().outputs().size()); ++index) {
    const Shape* x = call.shape(index);
    call.set_output(index, call.element(index), x == nullptr ? std::nullopt : std::optional(*x));
  }
  return {};
}

class Differentiation {
 public:
  explicit Differentiation(Node& node) : node_(node), graph_(node.graph()) {}

  Result<void> run() {
    const auto &xs = node_.attributes.texts("xs"), &zs = node_.attributes.texts("zs");
    std::vector<std::string> names(xs);
    names.insert(names.end(), zs.begin(), zs.end());
    if (names.size() != node_.inputs().size()) return bad("it must have one input for each name of xs and zs");
    std::string y_name(node_.attributes.text("y"));
    Value* y = graph_.find_value(y_name);
    for (std::size_t i = 0; i < names.size(); ++i) {
      Value *named = graph_.find_value(names[i]), *given = node_.input(i);
      if (given == nullptr) return bad("its input for '" + names[i] + "' is absent");
      if (names[i] == y_name) y = named = given;
      if (named == nullptr) return bad("no value is named '" + names[i] + "'");
      place_of_[named] = given;
      if (i < xs.size()) active_.insert(given);
    }
    if (y == nullptr) return bad("no value is named '" + y_name + "'");
    // Differentiation starts with the derivative of y by itself, a tensor of ones of its shape.
    TRY(forward(y));
    y = stand_in(y);
    gradients_[y] = apply("Expand", {like(1, y), apply("Shape", {y})});
    for (auto at = nodes_.rbegin(); at != nodes_.rend(); ++at) {
      auto found = gradients_.find((*at)->output(0));
      if (found != gradients_.end() && active_.count((*at)->output(0)) > 0) TRY(backward(**at, found->second));
    }
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (node_.output(i) == nullptr) continue;
      Value* x = node_.input(i);
      auto found = gradients_.find(x);
      // y may not depend on x at all: its gradient is then 0, and not absent.
      Value* gradient = found != gradients_.end() ? found->second : apply("Expand", {like(0, x), apply("Shape", {x})});
      std::string name = node_.output(i)->name;  // which another Gradient may mean
      graph_.replace_uses(node_.output(i), gradient);
      graph_.rename(node_.output(i), name + ".replaced");
      graph_.rename(gradient, name);
    }
    graph_.erase(&node_);
    return {};
  }

 private:
  Error bad(std::string what) const {
    return Error(Kind::bad_input, "bad-node", "cannot use " + qualified(node_.domain, node_.op) + ": " + what)
        .at(node_.place());
  }

  Value* apply(std::string_view op, std::vector<Value*> inputs, Attributes attributes = {}) {
    std::string label = (node_.name.empty() ? "gradient" : node_.name) + "." + std::string(op);
    Node* added = graph_.add_node("", op, std::move(inputs), {label}, &node_);
    added->name = label;
    added->attributes = std::move(attributes);
    (void)ops::infer(*added);  // if it cannot, neither can the passes, which then say why
    return added->output(0);
  }
  // A number of the value's element type.
  Value* like(float number, Value* value) {
    Value* constant = graph_.add_constant("gradient.number", Tensor::scalar(DType::f32, number));
    return value->type.element == DType::f32 ? constant : apply("CastLike", {constant, value});
  }
  Value* integers(const Ints& numbers) { return graph_.add_constant("gradient.axes", Tensor::of_ints(numbers)); }
  Value* times(Value* a, Value* b) { return apply("Mul", {a, b}); }
  Value* shaped(Value* value, Value* as) { return apply("Reshape", {value, apply("Shape", {as})}); }

  // What stands for a value: itself, unless something that it hangs on was replaced.
  Value* stand_in(Value* value) const {
    auto known = place_of_.find(value);
    return known == place_of_.end() ? value : known->second;
  }

  // The nodes between the values that the inputs stand for and y, in order. Where an input is another value than the
  // one it is named for, what hangs on it is computed again.
  // Two steps: from y backward to find what it needs, stopping at values that inputs stand for; then in the order of
  // the graph, which the worklist does not have.
  Result<void> forward(Value* y) {
    std::set<const Node*> needed;
    for (std::vector<Value*> open{y}; !open.empty();) {
      Value* value = open.back();
      open.pop_back();
      if (value == nullptr || place_of_.count(value) > 0) continue;
      Node* node = value->producer();
      if (node == nullptr || &node->graph() != &graph_ || !needed.insert(node).second) continue;
      open.insert(open.end(), node->inputs().begin(), node->inputs().end());
    }
    std::vector<Node*> order;
    for (const auto& node : graph_.nodes()) {
      if (needed.count(node.get()) > 0) order.push_back(node.get());
    }
    for (Node* node : order) {
      std::vector<Value*> inputs;
      bool active = false;
      for (Value* input : node->inputs()) {
        inputs.push_back(input == nullptr ? nullptr : stand_in(input));
        active = active || active_.count(inputs.back()) > 0;
      }
      if (inputs != node->inputs()) {
        if (!node->subgraphs.empty()) return cannot(*node);
        std::vector<std::string> names;
        for (const Value* output : node->outputs()) names.push_back(output == nullptr ? "unused" : output->name);
        Node* copy = graph_.add_node(node->domain, node->op, std::move(inputs), names, &node_);
        copy->name = node->name;
        copy->attributes = node->attributes;
        (void)ops::infer(*copy);
        for (std::size_t i = 0; i < names.size(); ++i) {
          if (node->output(i) != nullptr) place_of_[node->output(i)] = copy->output(i);
        }
        node = copy;
      }
      if (!active) continue;
      nodes_.push_back(node);
      for (Value* output : node->outputs()) {
        if (output != nullptr) active_.insert(output);
      }
    }
    return {};
  }

  // Adds to the gradient of an operand, which may have been broadcast.
  // Broadcasting copies an element, and the gradient of a copy adds up: it is summed over the axes that were stretched.
  // Sizes that are equal only in the run cannot be told from stretched ones, and are refused.
  Result<void> give(const Node& node, std::size_t index, Value* gradient) {
    Value* x = node.input(index);
    if (active_.count(x) == 0) return {};
    if (!x->type.shape || !gradient->type.shape) return unknown(node);
    const Shape &own = *x->type.shape, &whole = *gradient->type.shape;
    if (whole.size() < own.size()) return unknown(node);
    std::size_t skip = whole.size() - own.size();
    Ints axes;
    for (std::size_t axis = 0; axis < whole.size(); ++axis) {
      if (axis >= skip && own[axis - skip] == whole[axis]) continue;
      if (axis >= skip && !own[axis - skip].is(1)) return unknown(node);
      axes.push_back(static_cast<std::int64_t>(axis));
    }
    if (!axes.empty()) gradient = shaped(apply("ReduceSum", {gradient, integers(axes)}), x);
    auto [sum, first] = gradients_.emplace(x, gradient);
    if (!first) sum->second = apply("Add", {sum->second, gradient});
    return {};
  }

  Error unknown(const Node& node) const {
    return bad("what " + node.place() + " broadcasts is known only when the model runs").help("bind the model's sizes");
  }

  // The gradients of a node's inputs from that of its output.
  Result<void> backward(Node& node, Value* g) {
    const std::string& op = node.op;
    Value *a = node.input(0), *b = node.input(1), *y = node.output(0);
    if (!node.domain.empty()) return cannot(node);
    if (op == "Identity") return give(node, 0, g);
    if (op == "Sign" || op == "Floor" || op == "Ceil" || op == "Round") return {};  // flat wherever there is a slope
    if (op == "Cast" || op == "CastLike") {
      return is_float(a->type.element) ? give(node, 0, apply("CastLike", {g, a})) : Result<void>();
    }
    if (op == "Add" || op == "Sub") {
      TRY(give(node, 0, g));
      return give(node, 1, op == "Sub" ? apply("Neg", {g}) : g);
    }
    if (op == "Mul") {
      TRY(give(node, 0, times(g, b)));
      return give(node, 1, times(g, a));
    }
    // d(a / b) / db = -a / b² = -y / b, which needs no square.
    if (op == "Div") {
      Value* part = apply("Div", {g, b});
      TRY(give(node, 0, part));
      return give(node, 1, apply("Neg", {times(part, y)}));
    }
    // d(a^b) / da = b a^(b - 1),   d(a^b) / db = a^b log a. The logarithm, NaN for a negative base, is added only if
    // somebody asks for it: exponents are constants as a rule.
    if (op == "Pow") {
      Value* less = apply("Sub", {b, apply("CastLike", {like(1, a), b})});
      TRY(give(node, 0, times(g, times(apply("CastLike", {b, a}), apply("Pow", {a, less})))));
      return active_.count(b) > 0 ? give(node, 1, times(times(g, y), apply("Log", {a}))) : Result<void>();
    }
    if (op == "MatMul") return matrices(node, g);
    if (op == "Gemm") return gemm(node, g);
    if (op == "Where") {
      TRY(give(node, 1, apply("Where", {a, g, like(0, g)})));
      return give(node, 2, apply("Where", {a, like(0, g), g}));
    }
    if (op == "Expand") return give(node, 0, g);
    const OpDef* def = find(node.domain, node.op);
    bool reshapes = def != nullptr && def->traits.data_movement == DataMovement::reshape;
    if (reshapes) return give(node, 0, shaped(g, a));
    if (op == "Transpose") return transposed(node, g);
    if (op == "ReduceSum" || op == "ReduceMean") return reduced(node, g);
    // J = diag(y) - y yᵀ, so that Jᵀ g = y * (g - sum(g * y)).
    if (op == "Softmax") {
      std::int64_t axis = node.attributes.integer("axis", -1);
      return give(node, 0, times(y, apply("Sub", {g, apply("ReduceSum", {times(g, y), integers({axis})})})));
    }
    Value* slope = slope_of(op, a, y);
    return slope == nullptr ? Result<void>(cannot(node)) : give(node, 0, times(g, slope));
  }

  // The derivative of a function of one number at x, where it is y; null for one that is not known here.
  // Written in y if that is cheaper, as for Exp, Tanh and Sigmoid. At 0, Abs and Relu have the slope 0, as is the
  // convention; 1.128… is 2 / sqrt(pi).
  Value* slope_of(const std::string& op, Value* x, Value* y) {
    auto one_less = [&](Value* value) { return apply("Sub", {like(1, y), value}); };
    if (op == "Neg") return like(-1, y);
    if (op == "Abs") return apply("Sign", {x});
    if (op == "Exp") return y;
    if (op == "Log") return apply("Reciprocal", {x});
    if (op == "Sqrt") return apply("Div", {like(0.5f, y), y});
    if (op == "Reciprocal") return apply("Neg", {times(y, y)});
    if (op == "Sin") return apply("Cos", {x});
    if (op == "Cos") return apply("Neg", {apply("Sin", {x})});
    if (op == "Tanh") return one_less(times(y, y));
    if (op == "Sigmoid") return times(y, one_less(y));
    if (op == "Relu") return apply("CastLike", {apply("Greater", {x, like(0, x)}), x});
    if (op == "Softplus") return apply("Sigmoid", {x});
    if (op == "Erf") return times(like(1.1283792f, y), apply("Exp", {apply("Neg", {times(x, x)})}));
    return nullptr;
  }

  Result<void> transposed(const Node& node, Value* g) {
    const Ints& order = node.attributes.integers("perm");
    Ints back(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    return give(node, 0, apply("Transpose", {g}, order.empty() ? Attributes() : Attributes{{"perm", back}}));
  }

  // Y = A B gives dA = g Bᵀ and dB = Aᵀ g. A vector operand has no transpose here, and is refused.
  Result<void> matrices(const Node& node, Value* g) {
    auto turned = [&](Value* matrix) -> Value* {
      std::size_t rank = matrix->type.shape ? matrix->type.shape->size() : 0;
      if (rank < 2) return nullptr;
      Ints order(rank);
      for (std::size_t i = 0; i < rank; ++i) order[i] = static_cast<std::int64_t>(i);
      std::swap(order[rank - 1], order[rank - 2]);
      return apply("Transpose", {matrix}, {{"perm", order}});
    };
    Value *a = turned(node.input(0)), *b = turned(node.input(1));
    if (a == nullptr || b == nullptr) return cannot(node);
    TRY(give(node, 0, apply("MatMul", {g, b})));
    return give(node, 1, apply("MatMul", {a, g}));
  }

  // Y = alpha A' B' + beta C, with A' and B' transposed or not: dA' = alpha g B'ᵀ, dB' = alpha A'ᵀ g. For a transposed
  // A, dA = dA'ᵀ = alpha B' gᵀ, so that flags alone express all cases; C's gradient is beta g, summed by `give`.
  Result<void> gemm(const Node& node, Value* g) {
    Value *a = node.input(0), *b = node.input(1);
    bool flip_a = node.attributes.integer("transA") != 0, flip_b = node.attributes.integer("transB") != 0;
    auto product = [&](Value* left, bool flip_left, Value* right, bool flip_right) {
      return apply("Gemm", {left, right},
                   {{"alpha", node.attributes.number("alpha", 1)},
                    {"transA", std::int64_t{flip_left}},
                    {"transB", std::int64_t{flip_right}}});
    };
    TRY(give(node, 0, flip_a ? product(b, flip_b, g, true) : product(g, false, b, !flip_b)));
    TRY(give(node, 1, flip_b ? product(g, true, a, flip_a) : product(a, !flip_a, g, false)));
    if (node.input(2) == nullptr) return {};
    return give(node, 2, times(g, like(node.attributes.number("beta", 1), g)));
  }

  // Each element of x gets the gradient of the sum that it went into, a mean's divided by the number of its elements.
  // Axes that the reduction dropped come back with size 1 first.
  Result<void> reduced(const Node& node, Value* g) {
    Value *x = node.input(0), *axes = node.input(1), *y = node.output(0);
    if (axes == nullptr && node.attributes.integer("noop_with_empty_axes") != 0) return give(node, 0, g);
    if (node.op == "ReduceMean") {
      Value* count = apply("Div", {apply("Size", {x}), apply("Size", {y})});
      g = apply("Div", {g, apply("CastLike", {count, g})});
    }
    if (axes != nullptr && node.attributes.integer("keepdims", 1) == 0) g = apply("Unsqueeze", {g, axes});
    return give(node, 0, apply("Expand", {g, apply("Shape", {x})}));
  }

  Error cannot(const Node& node) const {
    return Error(Kind::unsupported, "not-differentiable",
                 "cannot differentiate " + qualified(node.domain, node.op) + ", which is between x and y of a Gradient")
        .at(node.place())
        .help("export the training step with its gradients written out");
  }

  Node& node_;
  Graph& graph_;
  std::map<Value*, Value*> place_of_;  // what stands for a value of the model
  std::set<Value*> active_;            // what hangs on the xs
  std::vector<Node*> nodes_;           // of those that do, in order
  std::map<Value*, Value*> gradients_;
};

Result<void> decompose(Node& node) { return Differentiation(node).run(); }

constexpr AttributeDef attributes[] = {{"xs", AttributeType::texts, "the values to differentiate by", true},
                                       {"y", AttributeType::text, "the value to differentiate", true},
                                       {"zs", AttributeType::texts, "the other values that y hangs on"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.preview.training",
        .name = "Gradient",
        .since = 1,
        .summary = "The derivatives of a value of the graph with respect to others.",
        .inputs = "Inputs*",
        .outputs = "Outputs*",
        .types = "f32 f64 f16 bf16",
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
        .examples =
            [] {
              return Examples{{"of a value by itself",
                               {f32({2}, {3, 4})},
                               {{"xs", std::vector<std::string>{"x"}}, {"y", std::string("x")}},
                               {f32({2}, {1, 1})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> gradient_ops() { return defs; }
std::span<const runtime::OpRun> gradient_runs() { return {}; }

}  // namespace modelctl::ops
