// ConstantFill and GivenTensorFill: tensors of a shape that an attribute, an input's shape or an input's elements give,
// which ONNX 1.0 to 1.4 called experimental. Caffe2 is where they come from. They are decomposed.
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

// The shape of the output: the attribute `shape`, or the input's shape or elements and `extra_shape` behind them.
Result<std::optional<Shape>> filled_shape(Inference& call) {
  const auto &given = call.attributes().integers("shape"), &extra = call.attributes().integers("extra_shape");
  for (const auto* sizes : {&given, &extra}) {
    for (std::int64_t size : *sizes) {
      if (size < 0) return call.bad("a size is negative");
    }
  }
  if (call.attributes().has("shape") == call.present(0)) {
    return call.bad(call.present(0) ? "it has a shape and an input" : "it has neither a shape nor an input");
  }
  if (!call.present(0) && !extra.empty()) return call.bad("it has an extra_shape and no input");
  if (!call.present(0)) return std::optional(Shape(given.begin(), given.end()));
  std::optional<Shape> shape;
  if (call.attributes().integer("input_as_shape") == 0) {
    if (const Shape* x = call.shape(0)) shape = *x;
  } else {
    TRY(need_rank(call, 0, 1, 1));
    auto rank = known_length(call, 0);
    if (auto sizes = call.contents(0)) shape = *sizes;
    else if (rank && *rank <= static_cast<std::int64_t>(max_rank)) {
      shape = unknown_shape(call, static_cast<std::size_t>(*rank));
    }
  }
  if (shape) shape->insert(shape->end(), extra.begin(), extra.end());
  return shape;
}

// The same as a value, i64 of rank 1.
Result<Value*> shape_value(Rewrite& to, const Node& node) {
  if (node.input(0) == nullptr) return to.ints(node.attributes.integers("shape"));
  bool elements = node.attributes.integer("input_as_shape") != 0;
  Value* shape = elements ? TRY(to.add("Cast", {node.input(0)}, {{"to", static_cast<std::int64_t>(DType::i64)}}))
                          : TRY(to.add("Shape", {node.input(0)}));
  const auto& extra = node.attributes.integers("extra_shape");
  if (extra.empty()) return shape;
  return to.add("Concat", {shape, to.ints(extra)}, {{"axis", std::int64_t{0}}});
}

// The value, which ONNX has as f32 whatever the type is, in the type that `dtype` names; nullopt for other types.
std::optional<Tensor> constant_of(const Attributes& attributes) {
  float value = attributes.number("value");
  auto type = static_cast<DType>(attributes.integer("dtype", static_cast<std::int64_t>(DType::f32)));
  bool whole = value >= -2147483648.0f && value < 2147483648.0f;  // of i32, as far as f32 counts
  switch (type) {
    case DType::f32: return Tensor::of<float>(type, {1}, {value});
    case DType::boolean: return Tensor::of<bool>(type, {1}, {value != 0});
    case DType::i32:
      return whole ? std::optional(Tensor::of(type, {1}, {static_cast<std::int32_t>(value)})) : std::nullopt;
    case DType::i64:
      return whole ? std::optional(Tensor::of(type, {1}, {static_cast<std::int64_t>(value)})) : std::nullopt;
    default: return std::nullopt;
  }
}

constexpr char bad_value[] = "its value does not fit dtype, or that is not FLOAT, INT32, INT64 or BOOL";

Result<void> infer_constant(Inference& call) {
  auto value = constant_of(call.attributes());
  if (!value) return call.bad(bad_value);
  call.set_output(0, value->type(), TRY(filled_shape(call)));
  return {};
}

Result<void> decompose_constant(Node& node) {
  Rewrite to(node);
  auto value = constant_of(node.attributes);
  if (!value) return to.bad(bad_value);
  Value* shape = TRY(shape_value(to, node));
  to.finish({TRY(to.add("ConstantOfShape", {shape}, {{"value", std::move(*value)}}))});
  return {};
}

// The output has the input's type; where there is no input, or it is not one of floats, f32 as in Caffe2.
DType given_type(DType input, bool present) {
  if (present && (input == DType::undefined || is_float(input))) return input;
  return DType::f32;
}

Result<void> infer_given(Inference& call) {
  auto shape = TRY(filled_shape(call));
  auto count = static_cast<std::int64_t>(call.attributes().numbers("values").size());
  if (shape) TRY(same_size(call, product(*shape), count));
  call.set_output(0, given_type(call.element(0), call.present(0)), std::move(shape));
  return {};
}

Result<void> decompose_given(Node& node) {
  Rewrite to(node);
  const auto& values = node.attributes.numbers("values");
  Tensor list(DType::f32, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), list.mutable_view().as<float>().begin());
  const Value* input = node.input(0);
  DType type = given_type(input == nullptr ? DType::undefined : input->type.element, input != nullptr);
  Value* shape = TRY(shape_value(to, node));
  Value* cast = TRY(to.add("Cast", {to.constant(std::move(list))}, {{"to", static_cast<std::int64_t>(type)}}));
  to.finish({TRY(to.add("Reshape", {cast, shape}, {{"allowzero", std::int64_t{1}}}))});
  return {};
}

constexpr AttributeDef of_constant[] = {
    {"dtype", AttributeType::integer, "the output's type, as in TensorProto: FLOAT (if absent), INT32, INT64 or BOOL"},
    {"extra_shape", AttributeType::integers, "sizes behind those of the input"},
    {"input_as_shape", AttributeType::integer, "1: the input's elements are the shape; 0 if absent: its shape is"},
    {"shape", AttributeType::integers, "the shape, if there is no input"},
    {"value", AttributeType::number, "what every element is; 0 if absent"}};
constexpr AttributeDef of_given[] = {
    {"extra_shape", AttributeType::integers, "sizes behind those of the input"},
    {"input_as_shape", AttributeType::integer, "1: the input's elements are the shape; 0 if absent: its shape is"},
    {"shape", AttributeType::integers, "the shape, if there is no input"},
    {"values", AttributeType::numbers, "the elements", true}};

constexpr OpDef defs[] = {
    {
        .name = "ConstantFill",
        .since = 1,
        .summary = "A tensor of one value; experimental in ONNX 1.0 to 1.3.",
        .inputs = "input?",
        .outputs = "output",
        .types = "f32 i32 i64 bool",
        .attributes = of_constant,
        .infer = infer_constant,
        .decompose = decompose_constant,
        .examples =
            [] {
              return Examples{
                  {"a shape in an attribute", {}, {{"shape", Ints{2}}, {"value", 1.5f}}, {f32({2}, {1.5f, 1.5f})}, 0},
                  {"the input's shape and more, in another type",
                   {f32({2, 1}, {7, 8})},
                   {{"extra_shape", Ints{2}}, {"value", 3.0f}, {"dtype", std::int64_t{7}}},
                   {i64({2, 1, 2}, {3, 3, 3, 3})},
                   0},
                  {"the input's elements",
                   {i64({2}, {1, 2})},
                   {{"input_as_shape", std::int64_t{1}}, {"value", 1.0f}, {"dtype", std::int64_t{9}}},
                   {boolean({1, 2}, {true, true})},
                   0}};
            },
    },
    {
        .name = "GivenTensorFill",
        .since = 1,
        .summary = "A tensor of given values; experimental in ONNX 1.0 to 1.4.",
        .inputs = "shape?",
        .outputs = "X",
        .types = "f32 f64 f16 i32 i64",
        .attributes = of_given,
        .infer = infer_given,
        .decompose = decompose_given,
        .examples =
            [] {
              return Examples{{"a shape in an attribute",
                               {},
                               {{"shape", Ints{1, 2}}, {"values", std::vector<float>{1, 2}}},
                               {f32({1, 2}, {1, 2})},
                               0},
                              {"the input's shape and type",
                               {f64({2}, {0, 0})},
                               {{"values", std::vector<float>{1, 2}}},
                               {f64({2}, {1, 2})},
                               0},
                              {"the input's elements and more",
                               {i64({1}, {1})},
                               {{"input_as_shape", std::int64_t{1}},
                                {"extra_shape", Ints{2}},
                                {"values", std::vector<float>{1, 2}}},
                               {f32({1, 2}, {1, 2})},
                               0}};
            },
    },
};

}  // namespace

std::span<const OpDef> fills_ops() { return defs; }
std::span<const OpRun> fills_runs() { return {}; }

}  // namespace modelctl::ops
