// Slice: a range along each of some axes, with Python's rules: negative indices count from the end, ranges clamp.
// DynamicSlice, which ONNX 1.4 called experimental, is the form of Slice that ONNX 1.5 released, without steps.
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// Elements start, start + step, ..., `count` of them.
struct Range {
  std::int64_t start = 0, step = 1, count = 0;
};

// The elements that start:end:step selects of an axis; step is not 0. The count is ceil((end - start) / step), or 0.
//
// With a positive step, start and end clamp to [0, size]. With a negative one, end clamps to [-1, size - 1], where -1
// is before the first element, but start to [0, size - 1]: the specification differs there from Python, in which
// x[-5:-9:-1] of three elements is empty. All values of i64 occur: exporters write the extremes for "to the end".
Range select(std::int64_t size, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (size == 0) return {0, step, 0};  // a negative step would have no last element to clamp to
  std::int64_t least = step > 0 ? 0 : -1, most = step > 0 ? size : size - 1;
  start = std::clamp(start < 0 ? start + size : start, std::max(least, std::int64_t{0}), std::max(most, least));
  end = std::clamp(end < 0 ? end + size : end, least, most);
  // Both are within [-1, size]: their difference is small, and the step's magnitude is taken unsigned.
  std::int64_t span = step > 0 ? end - start : start - end;
  if (span <= 0) return {0, step, 0};
  std::uint64_t stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  return {start, step, static_cast<std::int64_t>((static_cast<std::uint64_t>(span) - 1) / stride) + 1};
}

// The same, symbolically; nullopt if signs or bounds are not known well enough. The span is to - from after both are
// clamped by min and max; a bound that is a known non-negative expression clamps to min(at, size), and one from the end
// to max(size + at, 0).
std::optional<Expr> select(const Expr& size, const Expr& start, const Expr& end, std::int64_t step) {
  auto n = size.constant(), s = start.constant(), e = end.constant();
  if (n && s && e) return Expr(select(*n, *s, *e, step).count);
  constexpr std::int64_t beyond = std::int64_t{1}
                                  << 31;  // larger than any size; exporters write such numbers for "to the end"
  // Backward, only the whole axis is recognized: from the last element to before the first.
  if (step < 0) {
    bool whole = s && e && (*s == -1 || *s >= beyond - 1) && *e <= -beyond + 1;
    return whole ? std::optional(ceil_div(size, Expr(-std::max(step, -beyond)))) : std::nullopt;
  }
  auto bound = [&](const Expr& at) -> std::optional<Expr> {
    auto value = at.constant();
    if (value && *value >= beyond - 1) return size;
    if (value && *value <= -beyond) return Expr(0);
    if (value && *value < 0) return max(size + at, Expr(0));
    if (at == size || at.is(0)) return at;
    if (at.known_non_negative()) return min(at, size);
    return std::nullopt;
  };
  auto from = bound(start), to = bound(end);
  if (!from || !to) return std::nullopt;
  Expr span = *to - *from;
  // x[-k:] has min(size, k) elements, which is simpler than size - max(size - k, 0) and compares equal to other such
  // sizes.
  if (s && *s < 0 && *to == size) span = min(size, Expr(-std::max(*s, -beyond)));
  if (!span.known_non_negative()) span = max(span, Expr(0));
  return step == 1 ? span : ceil_div(span, Expr(step));
}

// A slice of a Shape keeps its contents; a symbolic size keeps an expression if clamping can be decided.
Result<void> infer(Inference& call) {
  const Shape* in = call.shape(0);
  if (in == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  auto starts = call.contents(1), ends = call.contents(2);
  auto axes = known_integers(call, 3), steps = known_integers(call, 4);
  Shape shape = *in;
  bool known = starts && ends && (axes || !call.present(3)) && (steps || !call.present(4));
  // Without axes the lists refer to the first ones. If even their length is unknown, any axis may be cut.
  std::vector<std::size_t> along;
  if (axes) {
    along = TRY(normal_axes(call, *axes, in->size()));
  } else if (!call.present(3)) {
    std::size_t count = starts ? starts->size() : in->size();
    for (std::size_t axis = 0; axis < std::min(count, in->size()); ++axis) along.push_back(axis);
  } else {
    for (std::size_t axis = 0; axis < in->size(); ++axis) along.push_back(axis);
  }
  if (known &&
      (starts->size() != along.size() || ends->size() != along.size() || (steps && steps->size() != along.size()))) {
    return call.bad("starts, ends, axes and steps are of different lengths");
  }
  for (std::size_t i = 0; i < along.size(); ++i) {
    if (steps && i < steps->size() && (*steps)[i] == 0) return call.bad("a step is 0");
    Expr& size = shape[along[i]];
    auto count = known ? select(size, (*starts)[i], (*ends)[i], steps ? (*steps)[i] : 1) : std::nullopt;
    size = count ? *count : call.fresh_symbol();
  }
  call.set_output(0, call.element(0), shape);

  auto contents = call.contents(0);
  if (!contents || !known || in->size() != 1 || along.size() != 1) return {};
  auto start = (*starts)[0].constant(), end = (*ends)[0].constant();
  if (!start || !end) return {};
  Range range = select(static_cast<std::int64_t>(contents->size()), *start, *end, steps ? (*steps)[0] : 1);
  std::vector<Expr> all;
  for (std::int64_t i = 0; i < range.count; ++i) {
    all.push_back((*contents)[static_cast<std::size_t>(range.start + i * range.step)]);
  }
  call.set_contents(0, std::move(all));
  return {};
}

// A slice is a view: an offset to the first element, and strides multiplied by the steps, negative ones to go backward.
// The walk copies it in the order of the output.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Dims starts = TRY(integers(call.input(1), "starts"));
  Dims ends = TRY(integers(call.input(2), "ends"));
  Dims axes, steps(starts.size(), 1);
  for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (call.input(3).present()) axes = TRY(integers(call.input(3), "axes"));
  if (call.input(4).present()) steps = TRY(integers(call.input(4), "steps"));
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return refuse("starts, ends, axes and steps are of different lengths");
  }
  std::vector<std::size_t> along = TRY(axis_indices(axes, x.rank()));
  Dims dims(x.dims.begin(), x.dims.end()), own = strides_of(x.dims), strides = own;
  std::int64_t base = 0;
  for (std::size_t i = 0; i < along.size(); ++i) {
    if (steps[i] == 0) return refuse("a step is 0");
    Range range = select(x.dim(along[i]), starts[i], ends[i], steps[i]);
    dims[along[i]] = range.count;
    base += range.start * own[along[i]];
    // A stride that is never taken must not overflow: a step may be any i64, but with two elements it is below the
    // size.
    strides[along[i]] = range.count > 1 ? range.step * own[along[i]] : 0;
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for_each_index<1>(dims, {strides},
                      [&](std::int64_t i, const std::array<std::int64_t, 1>& at) { out[i] = in[base + at[0]]; });
    return {};
  });
}

// Opset 9 had starts, ends and axes as attributes.
Result<void> upgrade(const Upgrade& upgrade) {
  upgrade.attribute_to_input("starts", 1);
  upgrade.attribute_to_input("ends", 2);
  upgrade.attribute_to_input("axes", 3);
  return {};
}

Result<void> decompose_dynamic(graph::Node& node) {
  Rewrite to(node);
  to.finish({TRY(to.add("Slice", node.inputs()))});
  return {};
}

constexpr OpDef defs[] = {
    {
        .name = "Slice",
        .since = 13,
        .summary = "A range along each of some axes; negative indices count from the end.",
        .inputs = "data starts:i32,i64 ends:starts axes?:starts steps?:starts",
        .outputs = "output",
        .types = "any",
        .traits = {.axes_input = 3, .per_axis_inputs = {1, 5}},
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .upgrade = upgrade,
        .examples =
            [] {
              return Examples{
                  {"the last two columns, backward",
                   {f32({2, 3}, {1, 2, 3, 4, 5, 6}), i64({1}, {-1}), i64({1}, {0}), i64({1}, {1}), i64({1}, {-1})},
                   {},
                   {f32({2, 2}, {3, 2, 6, 5})},
                   0},
                  {"an empty axis, backward",
                   {f32({0}, {}), i64({1}, {-1}), i64({1}, {INT64_MIN}), i64({1}, {0}), i64({1}, {-1})},
                   {},
                   {f32({0}, {})},
                   0},
                  {"ranges clamp", {f32({3}, {1, 2, 3}), i64({1}, {1}), i64({1}, {1000})}, {}, {f32({2}, {2, 3})}, 0}};
            },
    },
    {
        .name = "DynamicSlice",
        .since = 1,
        .summary = "A range along each of some axes; experimental in ONNX 1.4.",
        .inputs = "data starts:i32,i64 ends:starts axes?:starts",
        .outputs = "output",
        .types = "any",
        .infer = infer,
        .decompose = decompose_dynamic,
        .examples =
            [] {
              return Examples{{"all but the last row, from the second column on",
                               {f32({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), i64({2}, {0, 1}), i64({2}, {-1, 1000})},
                               {},
                               {f32({1, 3}, {2, 3, 4})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Slice", packed_too<evaluate>}};

}  // namespace

std::span<const OpDef> slice_ops() { return defs; }
std::span<const OpRun> slice_runs() { return runs; }

}  // namespace modelctl::ops
