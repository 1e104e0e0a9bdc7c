// y = Einsum(a, b) {equation: "bqhd,bkhd->bhqk"}  ->  y = MatMul(Transpose(a), Transpose(b))
// With Mul for outer products, ReduceSum for what one operand alone sums over, and Unsqueeze, Reshape and Squeeze
// between them; two operands at a time. Not if an operand has a label twice (a diagonal), nor if equal labels
// have sizes that only broadcasting makes equal, nor if several axes are summed over as one and only the run determines
// whether each is as long as its partner. It always pays: the reference implementation multiplies the sizes of all
// labels.
#include "ops/reference/equation.hpp"
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace modelctl::passes {
namespace {

using graph::Expr;
using graph::Node;
using graph::Value;
using ops::contains;
using ops::Equation;
using ops::first_of_ellipsis;
using ops::Subscripts;
using Ints = std::vector<std::int64_t>;

// The equation of a node whose inputs' ranks are known; nullopt if one is not.
Result<std::optional<Equation>> equation_of(const Node& node) {
  std::vector<std::size_t> ranks;
  for (const Value* input : node.inputs()) {
    if (input == nullptr || !input->type.shape) return std::optional<Equation>();
    ranks.push_back(input->type.shape->size());
  }
  return std::optional(TRY(ops::read_equation(node.attributes.text("equation"), ranks)));
}

// Writes an Einsum as MatMul, Mul and ReduceSum between Transposes, two operands at a time.
//
// A label of two operands a and b belongs to one of four groups, and the groups are what a matrix product has:
//   batch    in a, in b, and needed later (by the output or a further operand)    the leading axes
//   summed   in a and in b alone                                                  the rows of a, the columns of b
//   rows     in a alone                                                           the rows of the product
//   columns  in b alone                                                           the columns of the product
// Labels in one operand that nothing later needs are summed out before. So each step is: transpose both operands into
// the order of the groups, flatten each group that a matrix has one axis for, multiply, and unflatten. The output is
// transposed into its own order at the end.
class Writer {
 public:
  explicit Writer(Node& node) : node_(node) {}

  // A value and the labels of its axes.
  struct Term {
    Value* value;
    Subscripts labels;
  };

  // Operands are taken in their order, the first two, then the result and the third: no search for the cheapest order,
  // as models hardly ever have more than two.
  Value* write(const Equation& equation) {
    for (std::size_t i = 0; i < equation.operands.size(); ++i) {
      for (std::size_t axis = 0; axis < equation.operands[i].size(); ++axis) {
        auto size = (*node_.input(i)->type.shape)[axis].constant();
        int of = equation.operands[i][axis];  // in an ellipsis, an axis of 1 broadcasts to the other operand's
        if (size && (*size != 1 || of < first_of_ellipsis)) sizes_[of] = *size;
      }
    }
    Term all{node_.input(0), equation.operands[0]};
    for (std::size_t i = 1; i < equation.operands.size(); ++i) {
      Subscripts kept = equation.output;
      for (std::size_t later = i + 1; later < equation.operands.size(); ++later) {
        kept.insert(kept.end(), equation.operands[later].begin(), equation.operands[later].end());
      }
      all = contract(std::move(all), {node_.input(i), equation.operands[i]}, kept);
    }
    Value* result = arrange(sum_out(std::move(all), equation.output, {}), equation.output).value;
    return result == node_.input(0) ? apply("Identity", {result}) : result;
  }

 private:
  // A new node's output; a constant if all inputs are, since folding has already run.
  Value* apply(std::string_view op, std::vector<Value*> inputs, Attributes attributes = {}) {
    if (std::all_of(inputs.begin(), inputs.end(), [](const Value* input) { return input->is_constant(); })) {
      std::vector<TensorView> views;
      for (const Value* input : inputs) views.push_back(input->constant.view());
      auto made = ops::evaluate("", op, attributes, views, 1);
      if (made) return node_.graph().add_constant(label(op), std::move((*made)[0]));
    }
    Node* added = node_.graph().add_node("", op, std::move(inputs), {label(op)}, &node_);
    added->name = label(op);
    added->attributes = std::move(attributes);
    (void)ops::infer(*added);  // later nodes need the ranks; inputs that do not fit fail in the run
    return added->output(0);
  }
  std::string label(std::string_view op) const {
    return (node_.name.empty() ? node_.op : node_.name) + "_" + std::string(op);
  }
  Value* integers(const Ints& values) { return node_.graph().add_constant(label("sizes"), Tensor::of_ints(values)); }

  // A sum over what this operand alone has, before the product: sum over k of a_ik b_j = (sum over k of a_ik) b_j.
  Term sum_out(Term term, const Subscripts& kept, const Subscripts& other) {
    Ints axes;
    Subscripts left;
    for (std::size_t axis = 0; axis < term.labels.size(); ++axis) {
      int of = term.labels[axis];
      if (contains(kept, of) || contains(other, of)) left.push_back(of);
      else axes.push_back(static_cast<std::int64_t>(axis));
    }
    if (axes.empty()) return term;
    Value* sum = apply("ReduceSum", {term.value, integers(axes)}, {{"keepdims", std::int64_t{0}}});
    return {sum, std::move(left)};
  }

  // The term's axes in the order of `labels`; those that it does not have become axes of size 1.
  Term arrange(const Term& term, const Subscripts& labels) {
    Ints order, missing;
    for (std::size_t axis = 0; axis < labels.size(); ++axis) {
      auto found = std::find(term.labels.begin(), term.labels.end(), labels[axis]);
      if (found == term.labels.end()) missing.push_back(static_cast<std::int64_t>(axis));
      else order.push_back(found - term.labels.begin());
    }
    Value* value = term.value;
    if (!std::is_sorted(order.begin(), order.end())) value = apply("Transpose", {value}, {{"perm", order}});
    if (!missing.empty()) value = apply("Unsqueeze", {value, integers(missing)});
    return {value, labels};
  }

  bool all_known(const Subscripts& labels) const {
    return std::all_of(labels.begin(), labels.end(), [&](int of) { return sizes_.count(of) > 0; });
  }
  std::int64_t size_of(const Subscripts& labels) const {
    std::int64_t size = 1;
    for (int of : labels) size *= sizes_.at(of);
    return size;
  }

  // "bqhd,bkhd->bhqk", for example: batch b, h; summed d; rows q; columns k. So the operands become [b, h, q, d] and
  // [b, h, d, k], and the product [b, h, q, k].
  Term contract(Term a, Term b, const Subscripts& kept) {
    a = sum_out(std::move(a), kept, b.labels);
    b = sum_out(std::move(b), kept, a.labels);
    Subscripts batch, summed, rows, columns;
    for (int of : a.labels) (!contains(b.labels, of) ? rows : contains(kept, of) ? batch : summed).push_back(of);
    for (int of : b.labels) {
      if (!contains(a.labels, of)) columns.push_back(of);
    }
    auto joined = [](std::initializer_list<Subscripts> lists) {
      Subscripts all;
      for (const Subscripts& list : lists) all.insert(all.end(), list.begin(), list.end());
      return all;
    };
    if (summed.empty()) {
      Subscripts all = joined({batch, rows, columns});
      return {apply("Mul", {arrange(a, all).value, arrange(b, all).value}), all};
    }
    // The last of the rows, and of the columns, is an axis of the matrices; the others are batch axes of one operand.
    // But columns of known sizes become one axis, so that a constant operand is one matrix.
    bool one_column = columns.size() > 1 && all_known(columns);
    auto split = [](Subscripts& labels) {
      Subscripts last;
      if (!labels.empty()) last.push_back(labels.back()), labels.pop_back();
      return last;
    };
    Subscripts row = split(rows), column = one_column ? columns : split(columns);
    if (one_column) columns.clear();
    Subscripts lead = joined({batch, rows, columns});
    auto lead_of = [&](const Term& term) {  // axes of size 1 in front are left to broadcasting
      Subscripts own = lead;
      while (!own.empty() && !contains(term.labels, own.front())) own.erase(own.begin());
      return own;
    };
    const bool no_row = row.empty(), no_column = column.empty();
    if (no_row) row.push_back(no_label);
    if (no_column) column.push_back(no_label);
    Value* left = flatten(arrange(a, joined({lead_of(a), row, summed})), summed.size());
    // The summed axes are flattened while they are the last ones: -1 stands for their sizes, which need not be known.
    Value* right = nullptr;
    if (one_column) {
      Subscripts own = lead_of(b);
      Term arranged = arrange(b, joined({own, summed, column}));
      if (summed.size() == 1) {
        right = flatten(arranged, column.size());
      } else {
        Ints sizes(own.size(), 0);
        sizes.push_back(-1);
        sizes.push_back(size_of(column));
        right = apply("Reshape", {arranged.value, integers(sizes)});
      }
    } else if (summed.size() == 1) {
      right = arrange(b, joined({lead_of(b), summed, column})).value;
    } else {
      Subscripts own = lead_of(b);
      right = flatten(arrange(b, joined({own, column, summed})), summed.size());
      Ints order(own.size() + 2);
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
      std::swap(order[own.size()], order[own.size() + 1]);
      right = apply("Transpose", {right}, {{"perm", order}});
    }
    Term y{apply("MatMul", {left, right}), joined({lead, row, column})};
    if (one_column) {
      Ints sizes(lead.size() + 1, 0);
      for (int of : column) sizes.push_back(sizes_.at(of));
      y.value = apply("Reshape", {y.value, integers(sizes)});
    }
    Ints without;
    if (no_row) without.push_back(static_cast<std::int64_t>(lead.size()));
    if (no_column) without.push_back(static_cast<std::int64_t>(lead.size()) + 1);
    if (!without.empty()) y.value = apply("Squeeze", {y.value, integers(without)});
    std::erase(y.labels, no_label);
    return y;
  }

  // The last `count` axes as one.
  Value* flatten(const Term& term, std::size_t count) {
    if (count < 2) return term.value;
    Ints sizes(term.labels.size() - count, 0);
    Subscripts last(term.labels.end() - static_cast<std::ptrdiff_t>(count), term.labels.end());
    sizes.push_back(all_known(last) ? size_of(last) : -1);
    return apply("Reshape", {term.value, integers(sizes)});
  }

  static constexpr int no_label = 0;
  Node& node_;
  std::map<int, std::int64_t> sizes_;
};

// Whether axes of one label have one size, as far as is known, and no operand has a label twice, as the operators that
// replace the Einsum require.
bool plain(const Node& node, const Equation& equation) {
  std::map<int, Expr> sizes;
  std::set<int> summed;
  bool trusted = true;  // that what is summed over is of one size
  for (std::size_t i = 0; i < equation.operands.size(); ++i) {
    const Subscripts& labels = equation.operands[i];
    if (std::set<int>(labels.begin(), labels.end()).size() != labels.size()) return false;
    for (std::size_t axis = 0; axis < labels.size(); ++axis) {
      bool free = labels[axis] >= first_of_ellipsis;
      if (free && !contains(equation.output, labels[axis])) return false;
      const Expr& own = (*node.input(i)->type.shape)[axis];
      auto [known, fresh] = sizes.emplace(labels[axis], own);
      auto a = known->second.constant(), b = own.constant();
      if (!fresh && !free && a != b && ((a && b) || known->second.is(1) || own.is(1))) return false;
      if (contains(equation.output, labels[axis])) continue;
      summed.insert(labels[axis]);
      trusted = trusted && (fresh || known->second == own);
    }
  }
  return trusted || summed.size() < 2;
}

Result<bool> expand(Node& node) {
  const Value* first = node.input(0);
  static constexpr DType types[] = {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64};
  if (first == nullptr || std::find(std::begin(types), std::end(types), first->type.element) == std::end(types)) {
    return false;
  }
  auto equation = TRY(equation_of(node));
  if (!equation || !plain(node, *equation)) return false;
  Value* result = Writer(node).write(*equation);
  node.graph().replace_uses(node.output(0), result);
  node.graph().erase(&node);
  return true;
}

Result<std::size_t> run(graph::Graph& graph, const PassContext&) {
  std::vector<Node*> nodes;
  for_each_graph(graph, [&](graph::Graph& each) {
    each.for_each_node([&](Node& node) {
      if (node.is("Einsum")) nodes.push_back(&node);
    });
  });
  std::size_t changes = 0;
  for (Node* node : nodes) changes += TRY(expand(*node)) ? 1 : 0;
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "expand-einsum",
    .summary = "Writes Einsum as products of matrices.",
    .phase = Phase::decompose,
    .order = 20,
    .level = 1,
    .infer_after = true,
    .run = run,
}};

}  // namespace

std::span<const PassDef> expand_einsum_pass() { return defs; }

}  // namespace modelctl::passes
