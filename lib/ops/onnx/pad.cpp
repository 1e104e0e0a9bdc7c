// Pad: elements added before and after along axes, by a constant, the edge, or mirroring; negative numbers remove some.
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The size is in + before + after; with constant pads that is an expression of a symbolic size. If only the pads or the
// axes are data, the rank is still that of the input.
Result<void> infer(Inference& call) {
  const Shape* x = call.shape(0);
  if (x == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  auto pads = call.contents(1);
  auto axes = known_integers(call, 3);
  if (!pads || (call.present(3) && !axes)) {
    call.set_output(0, call.element(0), unknown_shape(call, x->size()));
    return {};
  }
  std::vector<std::size_t> along;
  if (axes) along = TRY(normal_axes(call, *axes, x->size()));
  else
    for (std::size_t axis = 0; axis < x->size(); ++axis) along.push_back(axis);
  if (pads->size() != 2 * along.size()) return call.bad("there must be two pads for each axis");
  Shape shape = *x;
  for (std::size_t i = 0; i < along.size(); ++i) {
    Expr& size = shape[along[i]];
    size = size + (*pads)[i] + (*pads)[i + along.size()];
    if (size.constant() && *size.constant() < 0) return call.bad("more is taken away than there is");
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

enum class Mode { constant, reflect, edge, wrap };
constexpr std::string_view modes = "constant reflect edge wrap";

// The input's index that output position `at` reads, which may lie outside of the input; -1 for the constant. For an
// axis of n elements, where x mod p is taken as not negative:
//
//   edge     clamp(at, 0, n - 1)
//   wrap     at mod n
//   reflect  m = at mod 2(n - 1), then m or 2(n - 1) - m: the edge itself is not repeated
//
// Pads longer than the axis go on with the period, as numpy.pad does. The caller has refused an empty axis.
std::int64_t source(std::int64_t at, std::int64_t size, Mode mode) {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case Mode::constant: return -1;
    case Mode::edge: return at < 0 ? 0 : size - 1;
    case Mode::wrap: return (at % size + size) % size;
    case Mode::reflect: {
      // The period would be 0.
      if (size == 1) return 0;
      std::int64_t period = 2 * (size - 1), inside = (at % period + period) % period;
      return inside < size ? inside : period - inside;
    }
  }
  return -1;
}

// The axes are independent: a table for each axis maps an output index to an offset in the input, so that the modes
// cost one computation for each index of an axis and not for each element. Negative pads are not a case of their own:
// they only shift where the output begins. Mirroring refers to the whole input, including what negative pads remove.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &value = call.input(2);
  Dims pads = TRY(integers(call.input(1), "pads"));
  Dims axes;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  if (call.input(3).present()) axes = TRY(integers(call.input(3), "axes"));
  std::vector<std::size_t> along = TRY(axis_indices(axes, x.rank()));
  if (pads.size() != 2 * along.size()) return refuse("there must be two pads for each axis");
  auto mode = choice_of<Mode>(call.attributes, "mode", modes);
  if (value.present()) {
    TRY(same_type(x, value));
    if (value.elements() != 1) return refuse("the constant must have one element");
  }
  Dims dims(x.dims.begin(), x.dims.end()), before(x.rank(), 0);
  for (std::size_t i = 0; i < along.size(); ++i) {
    std::size_t axis = along[i];
    before[axis] = pads[i];
    // Pads are data: their sums may overflow, be negative, or demand elements that the mode cannot find in an empty
    // axis.
    dims[axis] = TRY(checked_add(TRY(checked_add(dims[axis], pads[i])), pads[i + along.size()]));
    if (dims[axis] < 0) return refuse("more is taken away than there is");
    // The last element's position in the input must be a number, too.
    TRY(checked_add(dims[axis], TRY(checked_multiply(pads[i], -1))));
    if (mode != Mode::constant && x.dim(axis) == 0 && dims[axis] > 0) return refuse("there is nothing to pad with");
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (y.elements() == 0) return {};
  // For each axis, where in the input each of the output's indices comes from, as an offset.
  Dims strides = strides_of(x.dims);
  std::vector<Dims> offsets(x.rank());
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    for (std::int64_t i = 0; i < dims[axis]; ++i) {
      std::int64_t at = source(i - before[axis], x.dim(axis), mode);
      offsets[axis].push_back(at < 0 ? -1 : at * strides[axis]);
    }
  }
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    T fill{};
    if (value.present()) fill = value.as<T>()[0];
    const T* in = x.as<T>().data();
    Dims index(x.rank(), 0);
    for (T& out : y.as<T>()) {
      std::int64_t offset = 0;
      bool inside = true;
      for (std::size_t axis = 0; axis < index.size(); ++axis) {
        std::int64_t part = offsets[axis][static_cast<std::size_t>(index[axis])];
        inside = inside && part >= 0;
        offset += part;
      }
      out = inside ? in[offset] : fill;
      for (std::size_t axis = index.size(); axis-- > 0;) {
        if (++index[axis] < dims[axis]) break;
        index[axis] = 0;
      }
    }
    return {};
  });
}

// Until opset 10 pads and value were attributes. CastLike gives the value the type of the data, which may not be known.
// A value of 0 needs no input: it is the default for every type.
Result<void> upgrade(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  if (upgrade.opset >= 11) return {};
  upgrade.attribute_to_input("pads", 1);
  if (float value = node.attributes.number("value", 0); value != 0) {
    graph::Value* constant = upgrade.constant(Tensor::scalar(DType::f32, value));
    if (node.input(0)->type.element != DType::f32) constant = upgrade.insert("CastLike", {constant, node.input(0)});
    node.set_input(2, constant);
  }
  node.attributes.erase("value");
  return {};
}

constexpr AttributeDef attributes[] = {text_choice("mode", modes, "what the added elements are")};

constexpr OpDef defs[] = {
    {
        .name = "Pad",
        .since = 25,
        .summary = "Adds elements before and after along axes; negative numbers remove some.",
        .inputs = "data pads:i64 constant_value?:data axes?:i32,i64",
        .outputs = "output",
        .types = "any",
        .attributes = attributes,
        .traits = {.axes_input = 3, .per_axis_inputs = {1, 2}},
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .upgrade = upgrade,
        .examples =
            [] {
              return Examples{
                  {"a constant", {f32({2}, {1, 2}), i64({2}, {1, 1}), f32({}, {9})}, {}, {f32({4}, {9, 1, 2, 9})}, 0},
                  {"reflected, along one axis",
                   {f32({1, 3}, {1, 2, 3}), i64({2}, {2, 1}), Tensor(), i64({1}, {1})},
                   {{"mode", std::string("reflect")}},
                   {f32({1, 6}, {3, 2, 1, 2, 3, 2})},
                   0},
                  {"the edge, and less at the end",
                   {f32({3}, {1, 2, 3}), i64({2}, {1, -1})},
                   {{"mode", std::string("edge")}},
                   {f32({3}, {1, 1, 2})},
                   0},
                  {"wrapped",
                   {f32({3}, {1, 2, 3}), i64({2}, {2, 1})},
                   {{"mode", std::string("wrap")}},
                   {f32({6}, {2, 3, 1, 2, 3, 1})},
                   0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Pad", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> pad_ops() { return defs; }
std::span<const OpRun> pad_runs() { return runs; }

}  // namespace modelctl::ops
