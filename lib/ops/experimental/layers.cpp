// FC, Embedding and GRUUnit: layers of Caffe2 and CoreML that ONNX 1.0 to 1.4 called experimental. They are decomposed.
// What ONNX leaves open of GRUUnit is defined by Caffe2's operator of that name.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Node;
using graph::Shape;
using graph::Value;

// The sizes of an input as a matrix: the product of those before the axis that the attribute gives, and of the others.
Result<std::optional<std::array<Expr, 2>>> matrix_of(Inference& call, std::size_t index, std::string_view attribute) {
  const Shape* shape = call.shape(index);
  if (shape == nullptr) return std::optional<std::array<Expr, 2>>();
  std::int64_t axis = call.attributes().integer(attribute, 1);
  if (axis < 0 || axis > static_cast<std::int64_t>(shape->size())) {
    return call.bad(std::string(attribute) + " is outside the rank of input " + std::to_string(index));
  }
  std::span<const Expr> sizes = *shape;
  auto rows = static_cast<std::size_t>(axis);
  return std::optional(std::array<Expr, 2>{product(sizes.first(rows)), product(sizes.subspan(rows))});
}

Result<void> infer_fc(Inference& call) {
  DType element = TRY(common_element(call));
  auto x = TRY(matrix_of(call, 0, "axis")), w = TRY(matrix_of(call, 1, "axis_w"));
  TRY(need_rank(call, 2, 1, 1));
  const Shape* bias = call.shape(2);
  if (x && w) TRY(same_size(call, (*x)[1], (*w)[1]));
  if (w && bias != nullptr) TRY(same_size(call, (*w)[0], (*bias)[0]));
  call.set_output(0, element, Shape{x ? (*x)[0] : call.fresh_symbol(), w ? (*w)[0] : call.fresh_symbol()});
  return {};
}

Result<void> decompose_fc(Node& node) {
  Rewrite to(node);
  auto matrix = [&](std::size_t index, std::string_view attribute) {
    return to.add("Flatten", {node.input(index)}, {{"axis", node.attributes.integer(attribute, 1)}});
  };
  Value *x = TRY(matrix(0, "axis")), *w = TRY(matrix(1, "axis_w"));
  to.finish({TRY(to.add("Gemm", {x, w, node.input(2)}, {{"transB", std::int64_t{1}}}))});
  return {};
}

// The weights are [O, I], and the indices choose among their columns.
Result<void> infer_embedding(Inference& call) {
  TRY(need_rank(call, 0, 1, 1));
  const Tensor* weights = call.attributes().tensor("weights");
  if (weights == nullptr || weights->dims().size() != 2) return call.bad("its weights must be a matrix");
  const auto& attributes = call.attributes();
  std::int64_t rows = weights->dims()[0], columns = weights->dims()[1];
  if (attributes.integer("output_dim", rows) != rows || attributes.integer("input_dim", columns) != columns) {
    return call.bad("its weights are not of output_dim times input_dim");
  }
  const Shape* ids = call.shape(0);
  call.set_output(0, weights->type(), Shape{ids == nullptr ? call.fresh_symbol() : (*ids)[0], Expr(rows)});
  return {};
}

Result<void> decompose_embedding(Node& node) {
  Rewrite to(node);
  const Tensor* weights = node.attributes.tensor("weights");
  if (weights == nullptr) return to.bad("its weights must be a matrix");
  Value* table = TRY(to.add("Transpose", {to.constant(*weights)}, {{"perm", Ints{1, 0}}}));
  to.finish({TRY(to.add("Gather", {table, node.input(0)}))});
  return {};
}

Result<void> infer_gru_unit(Inference& call) {
  TRY(common_element(call, {0, 1}));
  TRY(need_rank(call, 0, 2));
  TRY(need_rank(call, 2, 1, 1));
  const Shape *hidden = call.shape(0), *gates = call.shape(1), *lengths = call.shape(2);
  if (hidden != nullptr && gates != nullptr) {
    if (hidden->size() != gates->size()) return call.bad("hidden_prev and gates differ in rank");
    TRY(same_size(call, hidden->back() * Expr(3), gates->back()));
  }
  if (hidden != nullptr && lengths != nullptr) TRY(same_size(call, (*hidden)[hidden->size() - 2], (*lengths)[0]));
  return infer_same(call);
}

// z = sigmoid(update); h = z hidden_prev + (1 - z) tanh(output). The first third of the gates, the reset gate, has had
// its effect already. A sequence that is over keeps its state, or drops it.
Result<void> decompose_gru_unit(Node& node) {
  Rewrite to(node);
  Value* before = node.input(0);
  auto gates = TRY(to.split(node.input(1), -1));
  Value* kept = TRY(to.add("Sigmoid", {gates[1]}));
  Value* renewed = TRY(to.add("Sub", {to.number(before->type.element, 1), kept}));
  Value* old_part = TRY(to.add("Mul", {kept, before}));
  Value* new_part = TRY(to.add("Mul", {renewed, TRY(to.add("Tanh", {gates[2]}))}));
  Value* hidden = TRY(to.add("Add", {old_part, new_part}));
  Value* step = TRY(to.add("Reshape", {node.input(3), to.ints({1, 1})}));
  Value* lengths = TRY(to.add("Unsqueeze", {node.input(2), to.ints({1})}));
  bool drops = node.attributes.integer("drop_states") != 0;
  Value* over = drops ? to.number(before->type.element, 0) : before;
  to.finish({TRY(to.add("Where", {TRY(to.add("Less", {step, lengths})), hidden, over}))});
  return {};
}

constexpr AttributeDef of_fc[] = {
    {"axis", AttributeType::integer, "the first axis of X that belongs to the columns; 1 if absent"},
    {"axis_w", AttributeType::integer, "the same of W"}};
constexpr AttributeDef of_embedding[] = {{"input_dim", AttributeType::integer, "how many columns the weights have"},
                                         {"output_dim", AttributeType::integer, "how many rows the weights have"},
                                         {"weights", AttributeType::tensor, "a column for each index", true}};
constexpr AttributeDef of_gru_unit[] = {
    {"drop_states", AttributeType::integer, "1: the state of a sequence that is over is 0; 0 if absent: it stays"}};

constexpr OpDef defs[] = {
    {
        .name = "FC",
        .since = 1,
        .summary = "A dense layer, X W^T + B, of tensors taken as matrices; experimental in ONNX 1.0 and 1.1.",
        .inputs = "X W:X B:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_fc,
        .infer = infer_fc,
        .decompose = decompose_fc,
        .examples =
            [] {
              return Examples{{"a bias for each row of W",
                               {f32({1, 2}, {1, 2}), f32({3, 2}, {1, 0, 0, 1, 1, 1}), f32({3}, {10, 20, 30})},
                               {},
                               {f32({1, 3}, {11, 22, 33})}},
                              {"other axes",
                               {f32({2, 1, 2}, {1, 2, 3, 4}), f32({1, 1, 2}, {1, 1}), f32({1}, {0})},
                               {{"axis", std::int64_t{2}}, {"axis_w", std::int64_t{2}}},
                               {f32({2, 1}, {3, 7})}}};
            },
    },
    {
        .name = "Embedding",
        .since = 1,
        .summary = "The columns of a constant matrix that indices choose; experimental in ONNX 1.0.",
        .inputs = "input",
        .outputs = "output",
        .types = "i64 i32",
        .attributes = of_embedding,
        .infer = infer_embedding,
        .decompose = decompose_embedding,
        .examples =
            [] {
              return Examples{{"the last and the first column",
                               {i64({2}, {2, 0})},
                               {{"weights", f32({2, 3}, {1, 2, 3, 4, 5, 6})}},
                               {f32({2, 2}, {3, 6, 1, 4})},
                               0}};
            },
    },
    {
        .name = "GRUUnit",
        .since = 1,
        .summary = "The state of a GRU after one step, from its gates; experimental in ONNX 1.0 to 1.4.",
        .inputs = "hidden_prev gates:hidden_prev seq_lengths:i32,i64,f32 t:seq_lengths",
        .outputs = "hidden",
        .types = float_types,
        .attributes = of_gru_unit,
        .infer = infer_gru_unit,
        .decompose = decompose_gru_unit,
        .examples =
            [] {
              Tensor hidden = f32({1, 2, 1}, {4, 5}), gates = f32({1, 2, 3}, {9, 0, 1, 9, 0, 1});
              return Examples{{"the second sequence is over",
                               {hidden, gates, i32({2}, {2, 1}), i32({1}, {1})},
                               {},
                               {f32({1, 2, 1}, {2.3807971f, 5})}},
                              {"and its state is dropped",
                               {hidden, gates, f32({2}, {2, 1}), f32({}, {1})},
                               {{"drop_states", std::int64_t{1}}},
                               {f32({1, 2, 1}, {2.3807971f, 0})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> layers_ops() { return defs; }
std::span<const OpRun> layers_runs() { return {}; }

}  // namespace modelctl::ops
