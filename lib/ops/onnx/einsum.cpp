// Einsum: sums of products over labeled axes, as a plain walk over all labels: n multiplications and one addition for
// each combination. Equations that are matrix products become MatMul in passes/expand_einsum.cpp, so this runs for the
// rest.
//
//   Y[o] = sum over s of the product over operands i of X_i[offset_i(o, s)]
//
// o runs over the labels of the output and s over the others. An offset is linear in the index of each label, so an
// equation comes to one step for each operand and label: the stride of the axis that has the label, 0 if the operand
// lacks it or has size 1 there (broadcasting), and the sum of the strides if the label occurs twice (a diagonal). The
// time is the product of all labels' sizes; products of pairs, as the pass forms them, often take far less.
//
// Smallest runner: regular, since matrix products, which most equations are, do not need this file.
#include "ops/family/cost.hpp"
#include "ops/reference/element.hpp"
#include "ops/reference/equation.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <map>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// What an equation comes to over operands of these sizes: a loop over the output's labels around one over the others.
struct Nest {
  Subscripts order;         // all labels, those of the output first
  std::size_t outer;        // how many those are
  Dims sizes;               // of the labels
  std::vector<Dims> steps;  // for each operand and label, what one step along the label skips in the operand
  std::int64_t terms = 1;   // of one sum
};

// A label that occurs twice in one operand walks its diagonal: the strides of its axes are added up. Sizes of 1
// broadcast, as numpy allows for every label. The bound is on time, not memory: a short equation over small operands
// can take any number of steps.
Result<Nest> nest_of(const Call& call) {
  std::vector<std::size_t> ranks;
  for (const TensorView& input : call.inputs) {
    if (!input.present()) return refuse("an input is missing");
    TRY(same_type(call.input(0), input));
    ranks.push_back(input.rank());
  }
  Equation equation = TRY(read_equation(call.attributes.text("equation"), ranks));
  std::map<int, std::int64_t> sizes;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    for (std::size_t axis = 0; axis < ranks[i]; ++axis) {
      std::int64_t& size = sizes.emplace(equation.operands[i][axis], 1).first->second;
      std::int64_t own = call.inputs[i].dim(axis);
      if (size != 1 && own != 1 && own != size) {
        return refuse("an axis is of " + std::to_string(size) + " and of " + std::to_string(own));
      }
      if (size == 1) size = own;
    }
  }
  Nest nest{equation.output, equation.output.size(), {}, {}};
  for (auto [label, size] : sizes) {
    if (!contains(equation.output, label)) nest.order.push_back(label);
  }
  nest.steps.assign(call.inputs.size(), Dims(nest.order.size(), 0));
  // Labels of the output come first in the order, so they are counted in `sums` and the others in nest.terms.
  std::int64_t sums = 1;
  for (std::size_t at = 0; at < nest.order.size(); ++at) {
    nest.sizes.push_back(sizes[nest.order[at]]);
    std::int64_t& count = at < nest.outer ? sums : nest.terms;
    count = TRY(checked_multiply(count, nest.sizes.back()));
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      Dims strides = strides_of(call.inputs[i].dims);
      for (std::size_t axis = 0; axis < ranks[i]; ++axis) {
        bool steps = equation.operands[i][axis] == nest.order[at] && call.inputs[i].dim(axis) != 1;
        if (steps) nest.steps[i][at] += strides[axis];
      }
    }
  }
  constexpr std::int64_t most = std::int64_t{1} << 36;  // products: some minutes of computation
  if (TRY(checked_multiply(sums, nest.terms)) > most) return refuse("the equation takes too many steps");
  return nest;
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const Nest nest = TRY(nest_of(call));
  const DType type = call.input(0).type;
  if (!holds<Numbers>(type)) return refuse_type(type);
  MutableTensorView y = TRY(outputs.allocate(0, type, DimsView(nest.sizes).first(nest.outer)));
  if (y.elements() == 0) return {};
  // Integers wrap in 64 bits; floats are multiplied and summed in f64, and rounded once for each sum.
  with_wide<Numbers>(type, [&]<class W>() {
    auto load = load_of<W>(type);
    auto store = store_of<W>(type);
    Dims index(nest.order.size(), 0), at(call.inputs.size(), 0);
    // Advances the index of the labels [begin, end); returns false when it wraps to the first.
    auto advance = [&](std::size_t begin, std::size_t end) {
      for (std::size_t label = end; label-- > begin;) {
        std::int64_t size = nest.sizes[label];
        bool wraps = ++index[label] == size;
        for (std::size_t i = 0; i < at.size(); ++i) at[i] += nest.steps[i][label] * (wraps ? 1 - size : 1);
        if (!wraps) return true;
        index[label] = 0;
      }
      return false;
    };
    std::int64_t to = 0;
    do {
      if (to % 64 == 0 && call.interrupted()) return;
      // Offsets are at the first term here: `advance` was called once for each term of the last sum, and so has
      // wrapped. A summed label of size 0 leaves no terms, and the sum 0.
      W sum{0};
      for (std::int64_t term = 0; term < nest.terms; ++term) {
        W factor{1};
        for (std::size_t i = 0; i < at.size(); ++i) {
          factor = wrap_multiply(factor, load(call.inputs[i].data, at[i]));
        }
        sum = wrap_add(sum, factor);
        advance(nest.outer, nest.order.size());
      }
      store(y.data, to++, sum);
    } while (advance(0, nest.outer));
  });
  return {};
}

// The ranks must be known, since they decide what an ellipsis stands for. Labels whose sizes are symbols are compared
// by the run; sizes of 1 broadcast here too.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  std::vector<std::size_t> ranks;
  for (std::size_t i = 0; i < call.inputs(); ++i) {
    if (call.shape(i) == nullptr) {
      call.set_output(0, element, std::nullopt);
      return {};
    }
    ranks.push_back(call.shape(i)->size());
  }
  auto equation = read_equation(call.attributes().text("equation"), ranks);
  if (!equation) return call.bad(equation.error().what);
  std::map<int, Expr> sizes;
  for (std::size_t i = 0; i < call.inputs(); ++i) {
    for (std::size_t axis = 0; axis < equation->operands[i].size(); ++axis) {
      const Expr& own = (*call.shape(i))[axis];
      Expr& known = sizes.emplace(equation->operands[i][axis], own).first->second;
      // Of sizes that are not numbers yet, one may be 1 in the run.
      bool fixed = known.constant() && own.constant() && !known.is(1) && !own.is(1);
      if (fixed) TRY(same_size(call, known, own));
      known = graph::broadcast(known, own);
    }
  }
  Shape shape;
  for (int label : equation->output) shape.push_back(sizes.at(label));
  call.set_output(0, element, std::move(shape));
  return {};
}

Attributes equation(const char* text) { return {{"equation", std::string(text)}}; }

constexpr AttributeDef attributes[] = {
    {"equation", AttributeType::text, "the axes of each input, and of the output after '->': \"bij,bjk->bik\"", true}};

constexpr OpDef defs[] = {
    {
        .name = "Einsum",
        .since = 12,
        .summary = "Sums of products over labeled axes.",
        .inputs = "Inputs*:Inputs",
        .outputs = "Output",
        .types = number_types,
        .attributes = attributes,
        .traits = {.multiplications = product_of_operands},
        .infer = infer,
        .examples =
            [] {
              Tensor square = f32({2, 2}, {1, 2, 3, 4});
              return Examples{{"a product of matrices, the second transposed",
                               {square, f32({1, 2}, {1, 10})},
                               equation("ij,kj->ik"),
                               {f32({2, 1}, {21, 43})}},
                              {"the output's axes in alphabetical order",
                               {f32({1, 2}, {1, 2})},
                               equation("ba"),
                               {f32({2, 1}, {1, 2})}},
                              {"a diagonal", {square}, equation("ii->i"), {f32({2}, {1, 4})}},
                              {"all summed", {i32({2, 2}, {1, 2, 3, 4})}, equation("ij->"), {i32({}, {10})}},
                              {"batches that an ellipsis stands for",
                               {f32({2, 1, 2}, {1, 2, 3, 4}), f32({2, 1}, {1, 1})},
                               equation("...ij, ...jk -> ...ik"),
                               {f32({2, 1, 1}, {3, 7})}},
                              {"three operands",
                               {f32({2}, {1, 2}), square, f32({2}, {1, 10})},
                               equation("i,ij,j->"),
                               {f32({}, {107})}},
                              {"an outer product",
                               {f32({2}, {1, 2}), f32({2}, {3, 4})},
                               equation("i,j->ij"),
                               {f32({2, 2}, {3, 4, 6, 8})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Einsum", evaluate}};

}  // namespace

std::span<const OpDef> einsum_ops() { return defs; }
std::span<const OpRun> einsum_runs() { return runs; }

}  // namespace modelctl::ops
