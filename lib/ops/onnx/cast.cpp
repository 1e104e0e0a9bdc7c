// Cast and CastLike convert elements to another type; BitCast reinterprets their bits. The rules for what is out of
// range are in reference/convert.hpp: ONNX leaves some of them open, and we document what we do.
#include "ops/reference/convert.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

// The number of an element type as ONNX numbers them (TensorProto.DataType), which is also the value of DType. The
// range has numbers of types that DType lacks, so the name decides.
bool known_type(std::int64_t number) {
  return number >= 1 && number <= 26 && name(static_cast<DType>(number)) != "undefined";
}

// The shape stays. Contents are passed on from integers and bool to i64 and i32, between which exporters cast sizes; a
// narrower type could change them. A size beyond 2^31, which would wrap in an i32, is not expected.
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

constexpr std::string_view round_modes = "up down nearest";  // in the order of Narrowing::Rounding

// saturate and round_mode apply to the 8-bit floats alone. The types are checked before memory is allocated.
Result<void> cast_to(const Call& call, Outputs& outputs, DType type) {
  const TensorView& x = call.input(0);
  for (DType each : {x.type, type}) {  // before memory is allocated
    if (!is_convertible(each)) return refuse_type(each);
  }
  Narrowing how{call.attributes.integer("saturate", 1) != 0,
                choice_of<Narrowing::Rounding>(call.attributes, "round_mode", round_modes)};
  MutableTensorView y = TRY(outputs.allocate(0, type, x.dims));
  return convert_elements(x, y, how);
}

Result<void> cast(const Call& call, Outputs& outputs) {
  std::int64_t to = call.attributes.integer("to");
  if (!known_type(to)) return refuse("there is no element type " + std::to_string(to));
  return cast_to(call, outputs, static_cast<DType>(to));
}

Result<void> cast_like(const Call& call, Outputs& outputs) { return cast_to(call, outputs, call.input(1).type); }

// An element type that is not known yet passes here, and is compared with `to` by the run.
Result<void> infer_bit_cast(Inference& call) {
  std::int64_t to = call.attributes().integer("to");
  if (!known_type(to)) return call.bad("there is no element type " + std::to_string(to));
  auto type = static_cast<DType>(to);
  if (call.element(0) != DType::undefined && bits(call.element(0)) != bits(type)) {
    return call.bad(std::string(name(call.element(0))) + " is not as wide as " + std::string(name(type)));
  }
  const graph::Shape* shape = call.shape(0);
  call.set_output(0, type, shape == nullptr ? std::nullopt : std::optional(*shape));
  return {};
}

// Both types must have elements of the same width, so the shape stays; packed types of 4 and 2 bits keep their packing.
// A string has no width (0 bits), and is refused. A C++ bool must be 0 or 1 in memory: other bits count as true.
Result<void> bit_cast(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  std::int64_t to = call.attributes.integer("to");
  if (!known_type(to)) return refuse("there is no element type " + std::to_string(to));
  auto type = static_cast<DType>(to);
  if (bits(type) == 0 || bits(x.type) != bits(type)) {
    return refuse(std::string(name(x.type)) + " is not as wide as " + std::string(name(type)));
  }
  MutableTensorView y = TRY(outputs.allocate(0, type, x.dims));
  copy_elements(x, y);
  if (type == DType::boolean) {  // other bits are not a truth value
    for (std::uint8_t& byte : MutableTensorView{DType::u8, y.dims, y.data}.as<std::uint8_t>()) byte = byte != 0;
  }
  return {};
}

// Between f32 and the 16-bit floating-point types; round_mode and saturate are for others. Widening is exact; narrowing
// rounds to nearest even. The casts that passes/compute_in_f32.cpp inserts are of this kind; integers, strings and f16
// to bf16 stay with evaluate.
bool lower_to(Lowering& call, DType to) {
  const DType from = call.element(0);
  auto is_short = [](DType type) { return type == DType::f16 || type == DType::bf16; };
  if (call.shape(0) == nullptr) return false;
  if (!(from == DType::f32 && is_short(to)) && !(is_short(from) && to == DType::f32)) return false;
  call.emit("convert", {call.node().input(0)}, {});
  return true;
}
Result<bool> lower_cast(Lowering& call) { return lower_to(call, static_cast<DType>(call.attributes().integer("to"))); }
Result<bool> lower_cast_like(Lowering& call) { return lower_to(call, call.element(1)); }

constexpr AttributeDef to_attribute{"to", AttributeType::integer, "the element type, as ONNX numbers them", true};
constexpr AttributeDef saturate_attribute{
    "saturate", AttributeType::integer,
    "for the 8-bit float types alone; 1 if absent: the largest stands for all beyond it; 0: infinity or NaN"};
constexpr AttributeDef round_mode_attribute = text_choice("round_mode", round_modes, "for f8e8m0 alone");
constexpr AttributeDef of_cast[] = {to_attribute, saturate_attribute, round_mode_attribute};
constexpr AttributeDef of_cast_like[] = {saturate_attribute, round_mode_attribute};
constexpr AttributeDef of_bit_cast[] = {to_attribute};

std::int64_t number_of(DType type) { return static_cast<std::int64_t>(type); }

constexpr OpDef defs[] = {
    {
        .name = "Cast",
        .since = 25,
        .summary = "The elements as another type; floats become integers toward zero and saturate.",
        .inputs = "input",
        .outputs = "output",
        .types = all_types,
        .attributes = of_cast,
        .traits = {.elementwise = Elementwise::unary, .identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_cast,
        .lower = lower_cast,
        .examples =
            [] {
              return Examples{
                  {"floats to integers",
                   {f32({4}, {-1.7f, 1.7f, 1e30f, NAN})},
                   {{"to", number_of(DType::i32)}},
                   {i32({4}, {-1, 1, INT32_MAX, 0})},
                   0},
                  {"texts to floats",
                   {strings({2}, {"1.5", "-INF"})},
                   {{"to", number_of(DType::f32)}},
                   {f32({2}, {1.5f, -INFINITY})},
                   0},
                  {"sizes stay sizes", {i64({2}, {3, 4})}, {{"to", number_of(DType::i32)}}, {i32({2}, {3, 4})}, 0},
                  {"the largest small float stands for all beyond it",
                   {f32({4}, {1.05f, -0.5f, 1e6f, -INFINITY})},
                   {{"to", number_of(DType::f8e4m3fn)}},
                   {small(DType::f8e4m3fn, {4}, {0x38, 0xb0, 0x7e, 0xfe})},
                   0},
                  {"or NaN",
                   {f32({2}, {1, 1e6f})},
                   {{"to", number_of(DType::f8e4m3fnuz)}, {"saturate", std::int64_t{0}}},
                   {small(DType::f8e4m3fnuz, {2}, {0x40, 0x80})},
                   0},
                  {"powers of two round up",
                   {f32({3}, {0, 1.1f, 8})},
                   {{"to", number_of(DType::f8e8m0)}},
                   {small(DType::f8e8m0, {3}, {0, 128, 130})},
                   0},
                  {"two to a byte, low bits first",
                   {i64({3}, {-1, 7, 8})},
                   {{"to", number_of(DType::i4)}},
                   {small(DType::i4, {3}, {0x7f, 0x08})},
                   0},
                  {"out of a byte",
                   {small(DType::i2, {5}, {0xe4, 0x03})},
                   {{"to", number_of(DType::f32)}},
                   {f32({5}, {0, 1, -2, -1, -1})},
                   0}};
            },
    },
    {
        .name = "CastLike",
        .since = 25,
        .summary = "The elements as the type that another tensor has.",
        .inputs = "input target_type",
        .outputs = "output",
        .types = all_types,
        .attributes = of_cast_like,
        .traits = {.elementwise = Elementwise::unary, .identity = IdentityWhen::type_and_shape_stay},
        .infer = infer_cast_like,
        .lower = lower_cast_like,
        .examples =
            [] {
              return Examples{{"integers to floats", {i64({2}, {1, 2}), f32({}, {0})}, {}, {f32({2}, {1, 2})}, 0}};
            },
    },
    {
        .name = "BitCast",
        .since = 26,
        .summary = "The bits of each element as another type of the same width.",
        .inputs = "input",
        .outputs = "output",
        .types = "any -string",
        .attributes = of_bit_cast,
        .infer = infer_bit_cast,
        .examples =
            [] {
              return Examples{
                  {"a float's bits", {f32({1}, {1})}, {{"to", number_of(DType::i32)}}, {i32({1}, {0x3f800000})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Cast", cast}, {"", "CastLike", cast_like}, {"", "BitCast", bit_cast}};

}  // namespace

std::span<const OpDef> cast_ops() { return defs; }
std::span<const OpRun> cast_runs() { return runs; }

}  // namespace modelctl::ops
