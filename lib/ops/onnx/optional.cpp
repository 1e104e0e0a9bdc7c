// Optional, OptionalHasElement and OptionalGetElement. The latter two also take a value that is not optional, as one
// that is present; OptionalHasElement also takes an absent input, as one that is empty.
//
// Smallest runner: regular, since optionals come with sequences.
#include "graph/text.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/collection.hpp"

namespace modelctl::ops {
namespace {

using graph::Type;

Result<void> infer_optional(Inference& call) {
  if (const Type* held = call.type(0)) {
    if (held->element == DType::optional || held->element == DType::map) {
      return call.bad("an optional holds a tensor or a sequence");
    }
    call.set_type(0, Type::optional(*held));
    return {};
  }
  // The attribute is text here: the type of an absent value in the notation of graph/text.hpp.
  auto type = graph::parse_type(call.attributes().text("type"));
  if (!type) return call.bad("without an input it needs the type of what it does not hold");
  call.set_type(0, Type::optional(*type));
  return {};
}

// The optional owns a copy, since the input's memory may be used again after this step. The bytes are claimed from the
// run's budget before they are copied.
Result<void> optional(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type == DType::optional || x.type == DType::map) return refuse("an optional holds a tensor or a sequence");
  TRY(outputs.claim(held_bytes(x)));
  optional_in(TRY(outputs.allocate(0, DType::optional, {}))).value = copy_of(x);
  return {};
}

// Before opset 18 the input had to be an optional. The wider form covers it, so no upgrade is needed.
Result<void> infer_has(Inference& call) {
  call.set_output(0, DType::boolean, graph::Shape());
  return {};
}

// A value that is not an optional holds itself; an absent input holds nothing.
Result<void> has(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  bool there = x.type == DType::optional ? optional_in(x).value.present() : x.present();
  TRY(outputs.allocate(0, DType::boolean, {})).as<bool>()[0] = there;
  return {};
}

Result<void> infer_get(Inference& call) {
  if (call.element(0) != DType::optional) return infer_same(call);
  call.set_type(0, inside(call, 0));
  return {};
}

// An empty optional fails the run: there is no value to return.
Result<void> get(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type != DType::optional) return output_copy(call, outputs, x.dims);
  const Tensor& value = optional_in(x).value;
  if (!value.present()) return refuse("the optional is empty");
  return outputs.give(0, value);
}

constexpr AttributeDef of_optional[] = {
    {"type", AttributeType::text, "the type of an empty optional: \"f32[?]\", \"sequence<i64[?]>\""}};

Tensor optional_of(Tensor value) { return tensor_of(Optional{std::move(value)}); }

constexpr OpDef defs[] = {
    {
        .name = "Optional",
        .since = 15,
        .summary = "An optional that holds the input, or is empty.",
        .inputs = "input?",
        .outputs = "output",
        .types = "any, sequence",
        .attributes = of_optional,
        .infer = infer_optional,
        .examples =
            [] {
              return Examples{{"of a tensor", {f32({1}, {1})}, {}, {optional_of(f32({1}, {1}))}, 0},
                              {"empty", {}, {{"type", std::string("f32[?]")}}, {optional_of({})}, 0}};
            },
    },
    {
        .name = "OptionalHasElement",
        .since = 18,
        .summary = "Whether an optional holds a value.",
        .inputs = "input?",
        .outputs = "output",
        .types = "any, sequence optional",
        .infer = infer_has,
        .examples =
            [] {
              return Examples{{"it does", {optional_of(f32({1}, {1}))}, {}, {boolean({}, {true})}, 0},
                              {"an absent input does not", {}, {}, {boolean({}, {false})}, 0},
                              {"a tensor is there", {i64({}, {1})}, {}, {boolean({}, {true})}, 0}};
            },
    },
    {
        .name = "OptionalGetElement",
        .since = 18,
        .summary = "The value that an optional holds.",
        .inputs = "input",
        .outputs = "output",
        .types = "any, sequence optional",
        .infer = infer_get,
        .examples =
            [] {
              return Examples{{"a tensor", {optional_of(f32({2}, {1, 2}))}, {}, {f32({2}, {1, 2})}, 0},
                              {"a tensor stands for itself", {f32({}, {1})}, {}, {f32({}, {1})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Optional", optional}, {"", "OptionalHasElement", has}, {"", "OptionalGetElement", get}};

}  // namespace

std::span<const OpDef> optional_ops() { return defs; }
std::span<const OpRun> optional_runs() { return runs; }

}  // namespace modelctl::ops
