// Constant and ConstantOfShape. The graph reader turns a Constant into a constant value; only nodes that a pass or an
// upgrade creates reach this inference.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/small.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The attribute that holds the value; fails unless there is exactly one. Opset 12 added the scalars and lists, which
// `value` can express as well. sparse_value, of opset 11, is not supported.
Result<Tensor> value_of(const Attributes& attributes) {
  if (attributes.size() != 1) return refuse("it must have one value, not " + std::to_string(attributes.size()));
  if (const Tensor* tensor = attributes.tensor("value")) return *tensor;
  if (attributes.has("value_int")) return Tensor::scalar(DType::i64, attributes.integer("value_int"));
  if (attributes.has("value_float")) return Tensor::scalar(DType::f32, attributes.number("value_float"));
  if (attributes.has("value_string")) return Tensor::of_strings({}, {std::string(attributes.text("value_string"))});
  if (attributes.has("value_ints")) return Tensor::of_ints(attributes.integers("value_ints"));
  if (attributes.has("value_floats")) {
    const auto& floats = attributes.numbers("value_floats");
    Tensor tensor(DType::f32, {static_cast<std::int64_t>(floats.size())});
    std::copy(floats.begin(), floats.end(), tensor.mutable_view().as<float>().begin());
    return tensor;
  }
  if (attributes.has("value_strings")) {
    const auto& texts = attributes.texts("value_strings");
    return Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts);
  }
  return refuse("it has no value");
}

// Small integer scalars and lists become contents, with which shape arithmetic begins. integers() fails for other
// types, which only means that there are none.
Result<void> infer_constant(Inference& call) {
  auto value = value_of(call.attributes());
  if (!value) return call.bad(value.error().what);
  call.set_output(0, value->type(), Shape(value->dims().begin(), value->dims().end()));
  if (value->dims().size() <= 1 && value->elements() <= static_cast<std::int64_t>(graph::Value::max_contents)) {
    if (auto all = integers(value->view(), "")) call.set_contents(0, std::vector<Expr>(all->begin(), all->end()));
  }
  return {};
}

Result<void> constant(const Call& call, Outputs& outputs) {
  Tensor value = TRY(value_of(call.attributes));
  MutableTensorView y = TRY(outputs.allocate(0, value.type(), value.dims()));
  copy_elements(value.view(), y);
  return {};
}

// The attribute also decides the output's type; without it that is f32, not the i64 of the input.
Result<Tensor> fill_of(const Attributes& attributes) {
  const Tensor* value = attributes.tensor("value");
  if (value == nullptr) return Tensor::scalar(DType::f32, 0.0f);
  if (value->elements() != 1) return refuse("its value must have one element");
  return *value;
}

// The length of the shape gives the rank, even if its elements are unknown. A list that is filled with integers has
// contents: it is a part of what exporters write for Expand, Where(Equal(shape, -1 ...), ones, shape).
Result<void> infer_constant_of_shape(Inference& call) {
  auto value = fill_of(call.attributes());
  if (!value) return call.bad(value.error().what);
  auto shape = call.contents(0);
  if (!shape) {
    auto rank = known_length(call, 0);
    bool usable = rank && *rank >= 0 && *rank <= static_cast<std::int64_t>(max_rank);
    call.set_output(0, value->type(),
                    usable ? std::optional(unknown_shape(call, static_cast<std::size_t>(*rank))) : std::nullopt);
    return {};
  }
  for (const Expr& size : *shape) {
    if (size.constant() && *size.constant() < 0) return call.bad("a size is negative");
  }
  call.set_output(0, value->type(), *shape);
  if (shape->size() > 1 || !is_integer(value->type())) return {};
  auto count = product(*shape).constant();
  auto element = integers(value->view(), "");
  if (count && *count <= static_cast<std::int64_t>(graph::Value::max_contents) && element) {
    call.set_contents(0, std::vector<Expr>(static_cast<std::size_t>(*count), Expr((*element)[0])));
  }
  return {};
}

// The product of the sizes is bounded by the budget of the run before anything is allocated: the sizes are data.
Result<void> constant_of_shape(const Call& call, Outputs& outputs) {
  Dims dims = TRY(integers(call.input(0), "the shape"));
  if (dims.size() > max_rank) return refuse("the shape has too many axes");
  Tensor value = TRY(fill_of(call.attributes));
  MutableTensorView y = TRY(outputs.allocate(0, value.type(), dims));
  // Elements below a byte share one, and for_storage refuses them.
  if (is_packed(value.type())) {
    std::int64_t count = y.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      set_packed(y.data, i, bits(value.type()), packed(value.view().data, 0, bits(value.type())));
    }
    return {};
  }
  return for_storage(value.type(), [&]<class T>() -> Result<void> {
    auto out = y.as<T>();
    std::fill(out.begin(), out.end(), value.as<T>()[0]);
    return {};
  });
}

constexpr AttributeDef of_constant[] = {{"value", AttributeType::tensor, "a tensor"},
                                        {"value_int", AttributeType::integer, "a scalar i64"},
                                        {"value_float", AttributeType::number, "a scalar f32"},
                                        {"value_string", AttributeType::text, "a scalar text"},
                                        {"value_ints", AttributeType::integers, "a list of i64"},
                                        {"value_floats", AttributeType::numbers, "a list of f32"},
                                        {"value_strings", AttributeType::texts, "a list of texts"}};
constexpr AttributeDef of_constant_of_shape[] = {
    {"value", AttributeType::tensor, "one element, of the output's type; an f32 zero if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Constant",
        .since = 25,
        .summary = "A value stored in the model; exactly one attribute holds it.",
        .inputs = "",
        .outputs = "output",
        .types = "any",
        .attributes = of_constant,
        .infer = infer_constant,
        .examples =
            [] {
              return Examples{{"a list", {}, {{"value_ints", Ints{1, 2}}}, {i64({2}, {1, 2})}, 0},
                              {"a tensor", {}, {{"value", f32({1, 1}, {3})}}, {f32({1, 1}, {3})}, 0}};
            },
    },
    {
        .name = "ConstantOfShape",
        .since = 25,
        .summary = "A tensor of a given shape filled with one value.",
        .inputs = "input",
        .outputs = "output",
        .types = "i64",
        .attributes = of_constant_of_shape,
        .infer = infer_constant_of_shape,
        .examples =
            [] {
              return Examples{{"zeros", {i64({2}, {1, 2})}, {}, {f32({1, 2}, {0, 0})}, 0},
                              {"a value", {i64({1}, {2})}, {{"value", i64({1}, {7})}}, {i64({2}, {7, 7})}, 0},
                              {"below a byte",
                               {i64({1}, {3})},
                               {{"value", small(DType::u4, {1}, {7})}},
                               {small(DType::u4, {3}, {0x77, 0x07})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Constant", constant}, {"", "ConstantOfShape", constant_of_shape}};

}  // namespace

std::span<const OpDef> constant_ops() { return defs; }
std::span<const OpRun> constant_runs() { return runs; }

}  // namespace modelctl::ops
