// MaxPool, AveragePool and LpPool over one to three spatial axes. f32 pools with channels last run in a kernel
// (modelctl/nhwc_pool.cpp); this is the reference implementation and the form for other types.
//
// A window at output position p reads the taps p * stride - begin + k * dilation, k < kernel, of each spatial axis.
// Taps in the padding hold nothing: a maximum ignores them, a mean counts them only if asked. The number of positions
// is
//
//   floor((in + begin + end - dilation * (kernel - 1) - 1) / stride) + 1
//
// or the ceiling with ceil_mode, less a last window that would start beyond the input and its first padding
// (reference/window.cpp); auto_pad SAME fixes it at ceil(in / stride) and pads as needed. X is [N, C, D1 ... Dn]; a
// plane is one channel of one image.
#include "ops/family/window.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Shape;

// The sizes are those of a convolution, except that ceil_mode rounds up. Indices have Y's shape.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3));
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    auto windows = read_windows(call.attributes(), {}, x->size() - 2);
    if (!windows) return call.bad(windows.error().what);
    shape = Shape{(*x)[0], (*x)[1]};
    for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
      shape->push_back(TRY(window_count(call, *windows, axis, (*x)[axis + 2])));
    }
  }
  call.set_output(0, call.element(0), shape);
  if (call.node().outputs().size() > 1) call.set_output(1, DType::i64, shape);
  return {};
}

Result<void> infer_lp(Inference& call) {
  if (call.attributes().integer("p", 2) < 1) return call.bad("p must be 1 or more");
  return infer(call);
}

// One to three spatial axes become depth, height and width (Windows3); `dims` are the output's, with its own rank.
struct Pool {
  Windows3 at;
  Dims dims;
  std::int64_t planes, plane;
};

Result<Pool> pool_of(const Call& call) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 3, "X"));
  Windows windows = TRY(read_windows(call.attributes, {}, x.rank() - 2));
  Pool pool{TRY(windows3(windows, x.dims.subspan(2))), {x.dim(0), x.dim(1)}, x.dim(0) * x.dim(1), 1};
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    pool.dims.push_back(pool.at.out[3 - windows.axes.size() + axis]);
    pool.plane *= x.dim(axis + 2);
  }
  return pool;
}

// Calls body(place, plane, d, h, w) for each place of each plane, with the taps along the three axes.
template <class Body>
void for_each_place(const Call& call, const Pool& pool, Body&& body) {
  std::int64_t place = 0;
  for (std::int64_t plane = 0; plane < pool.planes; ++plane) {
    for (std::int64_t od = 0; od < pool.at.out[0]; ++od) {
      for (std::int64_t oh = 0; oh < pool.at.out[1]; ++oh) {
        if (call.interrupted()) return;
        for (std::int64_t ow = 0; ow < pool.at.out[2]; ++ow) {
          body(place++, plane, taps(pool.at.axes[0], od, pool.at.in[0]), taps(pool.at.axes[1], oh, pool.at.in[1]),
               taps(pool.at.axes[2], ow, pool.at.in[2]));
        }
      }
    }
  }
}

// Calls body(d, h, w) with the input's coordinates of each tap.
template <class Body>
void for_each_tap(const Pool& pool, const Taps& d, const Taps& h, const Taps& w, Body&& body) {
  for (std::int64_t kd = d.first; kd < d.last; ++kd) {
    for (std::int64_t kh = h.first; kh < h.last; ++kh) {
      for (std::int64_t kw = w.first; kw < w.last; ++kw) {
        body(d.origin + kd * pool.at.axes[0].dilation, h.origin + kh * pool.at.axes[1].dilation,
             w.origin + kw * pool.at.axes[2].dilation);
      }
    }
  }
}

// Elements of the padding never win. The index output counts in row-major order, or column-major with storage_order 1.
// It counts through the whole tensor, not through a plane: the offset of the plane plus that of the element within it.
// storage_order changes only the order within the plane. Indices refer to X without its padding.
Result<void> max_pool(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Pool pool = TRY(pool_of(call));
  bool column_major = call.attributes.integer("storage_order") != 0;
  using Types = TypeList<float, double, Half, BFloat16, std::int8_t, std::uint8_t>;
  if (!holds<Types>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, pool.dims));
  std::int64_t* index = nullptr;
  if (outputs.wanted(1)) index = TRY(outputs.allocate(1, DType::i64, pool.dims)).as<std::int64_t>().data();
  if (y.elements() == 0) return {};
  with_wide<Types>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto store = store_of<W>(x.type);
    // What a window gets that lies in the padding alone: the least value of the type, so that a later maximum ignores
    // it.
    W lowest = static_cast<W>(x.type == DType::i8 ? -128.0 : x.type == DType::u8 ? 0.0 : -HUGE_VAL);
    for_each_place(
        call, pool, [&](std::int64_t place, std::int64_t plane, const Taps& d, const Taps& h, const Taps& w) {
          bool any = false;
          W best = lowest;
          std::array<std::int64_t, 3> where{0, 0, 0};
          for_each_tap(pool, d, h, w, [&](std::int64_t id, std::int64_t ih, std::int64_t iw) {
            W value = load(x.data, plane * pool.plane + (id * pool.at.in[1] + ih) * pool.at.in[2] + iw);
            if (!any || value > best || (value != value && best == best)) {  // the first of equal ones; NaN wins
              any = true;
              best = value;
              where = {id, ih, iw};
            }
          });
          store(y.data, place, best);
          if (index == nullptr) return;
          auto [id, ih, iw] = where;
          std::int64_t inside = column_major ? (iw * pool.at.in[1] + ih) * pool.at.in[0] + id
                                             : (id * pool.at.in[1] + ih) * pool.at.in[2] + iw;
          index[place] = plane * pool.plane + inside;
        });
  });
  return {};
}

// How many of a window's taps lie in the input or its padding: the last window of ceil_mode may reach beyond. That is
// ceil((size + end - origin) / dilation), and at most the whole kernel. No tap lies before the first padding.
std::int64_t padded_taps(const Window& window, const Taps& taps, std::int64_t size) {
  std::int64_t room = size + window.end - taps.origin;
  return std::min(window.kernel, (room + window.dilation - 1) / window.dilation);
}

// count_include_pad decides whether the divisor counts taps in the padding; never those that ceil_mode put beyond it.
// A window without a counted tap gives 0 and not 0 / 0.
Result<void> average_pool(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Pool pool = TRY(pool_of(call));
  bool with_padding = call.attributes.integer("count_include_pad") != 0;
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, pool.dims));
  if (y.elements() == 0) return {};
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  for_each_place(call, pool, [&](std::int64_t place, std::int64_t plane, const Taps& d, const Taps& h, const Taps& w) {
    double sum = 0;
    std::int64_t count = 0;
    for_each_tap(pool, d, h, w, [&](std::int64_t id, std::int64_t ih, std::int64_t iw) {
      sum += load(x.data, plane * pool.plane + (id * pool.at.in[1] + ih) * pool.at.in[2] + iw);
      ++count;
    });
    if (with_padding) {
      count = padded_taps(pool.at.axes[0], d, pool.at.in[0]) * padded_taps(pool.at.axes[1], h, pool.at.in[1]) *
              padded_taps(pool.at.axes[2], w, pool.at.in[2]);
    }
    store(y.data, place, count > 0 ? sum / static_cast<double>(count) : 0);
  });
  return {};
}

// (sum |x|^p)^(1/p) over the taps in the input. Padding adds |0|^p, which is nothing for any p above 0. In f64: the
// powers of f32 elements overflow f32 long before their norm does.
Result<void> lp_pool(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Pool pool = TRY(pool_of(call));
  auto p = static_cast<double>(call.attributes.integer("p", 2));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, pool.dims));
  if (y.elements() == 0) return {};
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  for_each_place(call, pool, [&](std::int64_t place, std::int64_t plane, const Taps& d, const Taps& h, const Taps& w) {
    double sum = 0;
    for_each_tap(pool, d, h, w, [&](std::int64_t id, std::int64_t ih, std::int64_t iw) {
      double value = load(x.data, plane * pool.plane + (id * pool.at.in[1] + ih) * pool.at.in[2] + iw);
      sum += std::pow(std::fabs(value), p);
    });
    store(y.data, place, std::pow(sum, 1 / p));
  });
  return {};
}

constexpr AttributeDef kernel_shape = {"kernel_shape", AttributeType::integers, "the window's sizes", true};
constexpr AttributeDef of_max[] = {
    auto_pad_attribute,
    ceil_attribute,
    dilations_attribute,
    kernel_shape,
    pads_attribute,
    {"storage_order", AttributeType::integer, "of Indices: 0 row-major, if absent; 1 column-major"},
    strides_attribute};
constexpr AttributeDef of_average[] = {
    auto_pad_attribute,
    ceil_attribute,
    {"count_include_pad", AttributeType::integer, "0 if absent; 1: padding counts as zeros"},
    dilations_attribute,
    kernel_shape,
    pads_attribute,
    strides_attribute};
constexpr AttributeDef of_lp[] = {auto_pad_attribute,
                                  ceil_attribute,
                                  dilations_attribute,
                                  kernel_shape,
                                  {"p", AttributeType::integer, "the order of the norm; 2 if absent"},
                                  pads_attribute,
                                  strides_attribute};

Tensor image() { return f32({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}); }

constexpr OpDef defs[] = {
    {
        .name = "MaxPool",
        .since = 22,
        .summary = "The greatest element of each window, and its index.",
        .inputs = "X",
        .outputs = "Y Indices?",
        .types = "f32 f64 f16 bf16 i8 u8",
        .attributes = of_max,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"an incomplete last window counts in ceil_mode",
                               {image()},
                               {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}},
                               {f32({1, 1, 2, 2}, {5, 6, 8, 9}), i64({1, 1, 2, 2}, {4, 5, 7, 8})},
                               0}};
            },
    },
    {
        .name = "AveragePool",
        .since = 22,
        .summary = "The mean of each window.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_average,
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{
                  {"2x2 windows", {image()}, {{"kernel_shape", Ints{2, 2}}}, {f32({1, 1, 2, 2}, {3, 4, 6, 7})}},
                  {"padding does not count",
                   {f32({1, 1, 2}, {1, 3})},
                   {{"kernel_shape", Ints{2}}, {"pads", Ints{1, 1}}},
                   {f32({1, 1, 3}, {1, 2, 3})}},
                  {"padding counts if requested",
                   {f32({1, 1, 2}, {1, 3})},
                   {{"kernel_shape", Ints{2}}, {"pads", Ints{1, 1}}, {"count_include_pad", std::int64_t{1}}},
                   {f32({1, 1, 3}, {0.5f, 2, 1.5f})}}};
            },
    },
    {
        .name = "LpPool",
        .since = 22,
        .summary = "The p-norm of each window.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_lp,
        .infer = infer_lp,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{
                  {"the Euclidean norm", {f32({1, 1, 2}, {3, 4})}, {{"kernel_shape", Ints{2}}}, {f32({1, 1, 1}, {5})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "MaxPool", max_pool}, {"", "AveragePool", average_pool}, {"", "LpPool", lp_pool}};

}  // namespace

std::span<const OpDef> pool_ops() { return defs; }
std::span<const OpRun> pool_runs() { return runs; }

}  // namespace modelctl::ops
