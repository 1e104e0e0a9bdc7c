// Cast and CastLike: the elements as another type.
#include "ops/convert.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"

namespace modelctl::ops {
namespace {

bool known_type(std::int64_t number) {
  return number >= 1 && number <= 23 && name(static_cast<DType>(number)) != "undefined";
}

void infer_as(Inference& call, DType element) {
  const graph::Shape* shape = call.shape(0);
  call.set_output(0, element, shape == nullptr ? std::nullopt : std::optional(*shape));
  bool whole = is_integer(call.element(0)) || call.element(0) == DType::boolean;
  if (shape != nullptr && whole && (element == DType::i64 || element == DType::i32)) pass_contents(call, *shape);
}

Result<void> infer_cast(Inference& call) {
  std::int64_t to = call.attributes().integer("to");
  if (!known_type(to)) return call.bad("there is no element type " + std::to_string(to));
  infer_as(call, static_cast<DType>(to));
  return {};
}

Result<void> infer_cast_like(Inference& call) {
  infer_as(call, call.element(1));
  return {};
}

Result<void> cast_to(const Call& call, Outputs& outputs, DType type) {
  const TensorView& x = call.input(0);
  if (x.type != type) {  // before memory is asked for
    if (!with_type<NumbersBoolAndString>(x.type, []<class T>() {})) return refuse_type(x.type);
    if (!with_type<NumbersBoolAndString>(type, []<class T>() {})) return refuse_type(type);
  }
  MutableTensorView y = TRY(outputs.allocate(0, type, x.dims));
  return convert_elements(x, y);
}

Result<void> cast(const Call& call, Outputs& outputs) {
  std::int64_t to = call.attributes.integer("to");
  if (!known_type(to)) return refuse("there is no element type " + std::to_string(to));
  return cast_to(call, outputs, static_cast<DType>(to));
}

Result<void> cast_like(const Call& call, Outputs& outputs) { return cast_to(call, outputs, call.input(1).type); }

constexpr AttributeDef of_cast[] = {
    {"to", AttributeType::integer, "the element type, as ONNX numbers them", true},
    {"saturate", AttributeType::integer, "for the 8-bit float types alone; 1 where absent"},
    {"round_mode", AttributeType::text, "for float8e8m0 alone; up where absent"}};
constexpr AttributeDef of_cast_like[] = {
    {"saturate", AttributeType::integer, "for the 8-bit float types alone; 1 where absent"},
    {"round_mode", AttributeType::text, "for float8e8m0 alone; up where absent"}};

constexpr OpDef defs[] = {
    {"", "Cast", 25, "The elements as another type; floats become integers towards zero and saturate.", "input",
     "output", plain_types, of_cast, infer_cast,
     [] {
       return Examples{{"floats to integers",
                        {f32({4}, {-1.7f, 1.7f, 1e30f, NAN})},
                        {{"to", static_cast<std::int64_t>(DType::i32)}},
                        {i32({4}, {-1, 1, INT32_MAX, 0})},
                        0},
                       {"texts to floats",
                        {strings({2}, {"1.5", "-INF"})},
                        {{"to", static_cast<std::int64_t>(DType::f32)}},
                        {f32({2}, {1.5f, -INFINITY})},
                        0},
                       {"sizes stay sizes",
                        {i64({2}, {3, 4})},
                        {{"to", static_cast<std::int64_t>(DType::i32)}},
                        {i32({2}, {3, 4})},
                        0}};
     }},
    {"", "CastLike", 25, "The elements as the type that another tensor has.", "input target_type", "output",
     plain_types, of_cast_like, infer_cast_like,
     [] {
       return Examples{{"integers to floats", {i64({2}, {1, 2}), f32({}, {0})}, {}, {f32({2}, {1, 2})}, 0}};
     }},
};
constexpr OpRun runs[] = {{"", "Cast", cast}, {"", "CastLike", cast_like}};

}  // namespace

std::span<const OpDef> cast_ops() { return defs; }
std::span<const OpRun> cast_runs() { return runs; }

}  // namespace modelctl::ops
