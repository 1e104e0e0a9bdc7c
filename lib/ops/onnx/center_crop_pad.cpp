// CenterCropPad: each listed axis cut to its middle, or padded with zeros on both sides, to a requested size.
//
// Smallest runner: regular, since images are cropped before they reach most models.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The axes that `shape` refers to: all of them if the attribute is absent. Negative ones are resolved, and repeated
// ones refused, by the callers.
Dims listed_axes(const Attributes& attributes, std::size_t rank) {
  Dims listed = attributes.integers("axes");
  for (std::size_t axis = 0; !attributes.has("axes") && axis < rank; ++axis) {
    listed.push_back(static_cast<std::int64_t>(axis));
  }
  return listed;
}

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 1, 1, 1));
  const Shape* x = call.shape(0);
  if (x == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  auto axes = TRY(normal_axes(call, listed_axes(call.attributes(), x->size()), x->size()));
  auto sizes = call.contents(1);
  if (sizes && sizes->size() != axes.size()) return call.bad("shape must have one size for each axis");
  Shape shape = *x;
  for (std::size_t i = 0; i < axes.size(); ++i) shape[axes[i]] = sizes ? (*sizes)[i] : call.fresh_symbol();
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// If the difference is odd, the extra element is cut or added at the end, as the specification's function body has it.
//
// Along each axis min(in, out) elements are common to both tensors. They begin at (in - out) / 2 of the input if it is
// cut, at (out - in) / 2 of the output if it is padded, rounded down. One walk over this common box, with the strides
// of both tensors, copies it, whichever axes are cut and whichever are padded.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!x.present()) return refuse("the input is absent");
  auto axes = TRY(axis_indices(listed_axes(call.attributes, x.rank()), x.rank()));
  Dims sizes = TRY(integers(call.input(1), "shape"));
  if (sizes.size() != axes.size()) return refuse("shape must have one size for each axis");
  Dims dims(x.dims.begin(), x.dims.end());
  for (std::size_t i = 0; i < axes.size(); ++i) dims[axes[i]] = sizes[i];
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  // The range that input and output share, and where it begins in each; an odd difference is larger at the end.
  Dims common, from = strides_of(x.dims), to = strides_of(dims);
  std::int64_t first_in = 0, first_out = 0;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    std::int64_t in = x.dim(axis), out = dims[axis];
    common.push_back(std::min(in, out));
    if (in > out) first_in += (in - out) / 2 * from[axis];
    else first_out += (out - in) / 2 * to[axis];
  }
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    // T is an unsigned integer of the element's width: its zero has the bits of zero in every type. That of a string is
    // empty.
    auto all = y.as<T>();
    std::fill(all.begin(), all.end(), T{});
    const T* in = x.as<T>().data() + first_in;
    T* out = all.data() + first_out;
    for_each_index<2>(common, {from, to},
                      [&](std::int64_t, const std::array<std::int64_t, 2>& at) { out[at[1]] = in[at[0]]; });
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"axes", AttributeType::integers, "the axes that shape refers to; all if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "CenterCropPad",
        .since = 18,
        .summary = "The middle of a tensor at other sizes: cut out, or with zeros around.",
        .inputs = "input_data shape:i32,i64",
        .outputs = "output_data",
        .types = any_type,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor row = f32({1, 5}, {1, 2, 3, 4, 5});
              return Examples{
                  {"one axis cut, the other padded", {row, i64({2}, {2, 2})}, {}, {f32({2, 2}, {2, 3, 0, 0})}, 0},
                  {"the last axis alone",
                   {row, i32({1}, {8})},
                   {{"axes", Ints{-1}}},
                   {f32({1, 8}, {0, 1, 2, 3, 4, 5, 0, 0})},
                   0},
                  {"words", {strings({3}, {"a", "b", "c"}), i64({1}, {1})}, {}, {strings({1}, {"b"})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "CenterCropPad", evaluate}};

}  // namespace

std::span<const OpDef> center_crop_pad_ops() { return defs; }
std::span<const OpRun> center_crop_pad_runs() { return runs; }

}  // namespace modelctl::ops
