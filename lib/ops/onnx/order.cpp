// TopK, NonZero and Trilu.
#include "ops/reference/elementwise.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <numeric>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The size along the axis is K, as an expression if inference follows its contents; otherwise K is data.
Result<void> infer_top(Inference& call) {
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis", -1), x->size()));
    auto k = call.contents(1);
    shape = *x;
    (*shape)[axis] = k && k->size() == 1 ? (*k)[0] : call.fresh_symbol();
    auto count = (*shape)[axis].constant(), size = (*x)[axis].constant();
    if (count && (*count < 0 || (size && *count > *size))) return call.bad("there are not that many elements");
  }
  call.set_output(0, call.element(0), shape);
  call.set_output(1, DType::i64, shape);
  return {};
}

// Only the k best are ordered (a partial sort, O(n log k) for each group of n elements). Equal elements keep the order
// of their indices, as the specification demands, so the result is the same on every machine. The specification leaves
// NaN open; here it ranks above all numbers, as numpy sorts it: first of the largest, last of the smallest. sorted=0
// permits any order, so that a sorted result is always valid.
//
// X is seen as [outer, length, inner]; a group is one (outer, inner), whose elements are `inner` apart.
Result<void> top(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "X"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis", -1), x.rank()));
  std::int64_t k = TRY(one_integer(call.input(1), "K"));
  std::int64_t length = x.dim(axis), inner = product(x.dims.subspan(axis + 1));
  if (k < 0 || k > length) return refuse("K is " + std::to_string(k) + " of " + std::to_string(length) + " elements");
  bool largest = call.attributes.integer("largest", 1) != 0;
  Dims dims(x.dims.begin(), x.dims.end());
  dims[axis] = k;
  if (!holds<Numbers>(x.type)) return refuse_type(x.type);
  void* values = nullptr;
  std::int64_t* places = nullptr;
  if (outputs.wanted(0)) values = TRY(outputs.allocate(0, x.type, dims)).data;
  if (outputs.wanted(1)) places = TRY(outputs.allocate(1, DType::i64, dims)).as<std::int64_t>().data();
  // One list of indices serves all groups; elements are read where they are and not copied for the sort.
  with_wide<Numbers>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto store = store_of<W>(x.type);
    std::vector<std::int64_t> order(static_cast<std::size_t>(length));
    std::int64_t outer = product(x.dims.first(axis));
    for (std::int64_t group = 0; group < outer * inner; ++group) {
      if (call.interrupted()) return;
      std::int64_t row = group / inner, column = group % inner;
      std::int64_t base = row * length * inner + column;
      std::iota(order.begin(), order.end(), std::int64_t{0});
      // NaN is greater than every number; equal elements keep their order. A long row takes seconds to sort, and
      // nothing but an exception ends a sort early.
      struct Stopped {};
      std::int64_t compared = 0;
      auto before = [&](std::int64_t a, std::int64_t b) {
        if (++compared % interval == 0 && call.interrupted()) throw Stopped();
        W p = load(x.data, base + a * inner), q = load(x.data, base + b * inner);
        bool greater = p > q || (p != p && q == q), less = p < q || (q != q && p == p);
        if (greater || less) return largest ? greater : less;
        return a < b;
      };
      try {
        std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), before);
      } catch (const Stopped&) { return; }
      for (std::int64_t i = 0; i < k; ++i) {
        std::int64_t to = (row * k + i) * inner + column, from = order[static_cast<std::size_t>(i)];
        if (values != nullptr) store(values, to, load(x.data, base + from * inner));
        if (places != nullptr) places[to] = from;
      }
    }
  });
  return {};
}

// Until opset 9 the count was an attribute. Opset 10 made it an input, opset 11 added `largest` and `sorted`, whose
// defaults are the older behavior.
Result<void> upgrade_top(const Upgrade& upgrade) {
  if (!upgrade.node.attributes.has("k")) return {};
  const std::int64_t k = upgrade.node.attributes.integer("k");
  upgrade.node.set_input(1, upgrade.constant(Tensor::of_ints({&k, 1})));
  upgrade.node.attributes.erase("k");
  return {};
}

// A row for each axis and a column for each nonzero element; how many there are depends on the data.
Result<void> infer_non_zero(Inference& call) {
  const Shape* x = call.shape(0);
  Expr rank = x == nullptr ? call.fresh_symbol() : Expr(static_cast<std::int64_t>(x->size()));
  call.set_output(0, DType::i64, Shape{rank, call.fresh_symbol()});
  return {};
}

// The indices in row-major order, as the operator defines. NaN is not zero and counts; -0.0 does not. A scalar has no
// axes, so its result is [0, 1] or [0, 0], where numpy would return a row.
//
// Linear indices are found first, since the number of columns must be known before the output can be allocated.
Result<void> non_zero(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  std::vector<std::int64_t> found;
  bool known = with_wide<NumbersAndBool>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    std::int64_t all = x.elements();
    for (std::int64_t i = 0; i < all; ++i) {
      if (load(x.data, i) != W{0}) found.push_back(i);
    }
  });
  if (x.type == DType::string) {
    std::int64_t i = 0;
    for (const std::string& text : x.as<std::string>()) {
      if (!text.empty()) found.push_back(i);
      ++i;
    }
  } else if (!known) {
    return refuse_type(x.type);
  }
  auto count = static_cast<std::int64_t>(found.size());
  MutableTensorView y = TRY(outputs.allocate(0, DType::i64, Dims{static_cast<std::int64_t>(x.rank()), count}));
  std::int64_t* out = y.as<std::int64_t>().data();
  Dims strides = strides_of(x.dims);
  // Row `axis` of the output is that coordinate of each element found: linear / stride % size.
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    for (std::int64_t at : found) *out++ = at / strides[axis] % x.dim(axis);
  }
  return {};
}

Result<void> infer_trilu(Inference& call) {
  TRY(need_rank(call, 0, 2));
  return infer_same(call);
}

// Element (row, column) stays if column - row >= k (upper) or <= k (lower); k moves the diagonal, upward if it is
// positive. All leading axes are batches. The matrices need not be square.
Result<void> trilu(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 2, "input"));
  std::int64_t k = call.input(1).present() ? TRY(one_integer(call.input(1), "k")) : 0;
  std::int64_t rows = x.dim(x.rank() - 2), columns = x.dims.back();
  // A diagonal outside of the matrix keeps all or nothing, wherever it is.
  k = std::clamp(k, -rows, columns);
  bool upper = call.attributes.integer("upper", 1) != 0;
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    auto in = x.as<T>();
    auto out = y.as<T>();
    for (std::size_t i = 0; i < in.size(); ++i) {
      auto at = static_cast<std::int64_t>(i);
      std::int64_t distance = at % columns - at / columns % rows;
      bool kept = upper ? distance >= k : distance <= k;
      out[i] = kept ? in[i] : T{};
    }
    return {};
  });
}

constexpr AttributeDef of_top[] = {{"axis", AttributeType::integer, "the axis to order along; the last if absent"},
                                   {"largest", AttributeType::integer, "1 if absent; 0: the smallest"},
                                   {"sorted", AttributeType::integer, "the result is always sorted"}};
constexpr AttributeDef of_trilu[] = {{"upper", AttributeType::integer, "1 if absent; 0: the lower triangle"}};

constexpr OpDef defs[] = {
    {
        .name = "TopK",
        .since = 24,
        .summary = "The K largest or smallest elements along an axis, and their indices.",
        .inputs = "X K:i64",
        .outputs = "Values Indices",
        .types = number_types,
        .attributes = of_top,
        .traits = {.axis_attribute = AxisAttribute::last},
        .infer = infer_top,
        .upgrade = upgrade_top,
        .examples =
            [] {
              return Examples{{"the two largest",
                               {f32({1, 4}, {1, 4, 2, 4}), i64({1}, {2})},
                               {},
                               {f32({1, 2}, {4, 4}), i64({1, 2}, {1, 3})},
                               0},
                              {"the smallest",
                               {f32({3}, {3, 1, 2}), i64({1}, {1})},
                               {{"largest", std::int64_t{0}}},
                               {f32({1}, {1}), i64({1}, {1})},
                               0}};
            },
    },
    {
        .name = "NonZero",
        .since = 13,
        .summary = "The indices of the nonzero elements, one column each.",
        .inputs = "X",
        .outputs = "Y",
        .types = plain_types,
        .infer = infer_non_zero,
        .examples =
            [] {
              return Examples{
                  {"a matrix", {f32({2, 2}, {1, 0, 1, 1})}, {}, {i64({2, 3}, {0, 1, 1, 0, 0, 1})}, 0},
                  {"texts that are not empty", {strings({3}, {"", "a", "b"})}, {}, {i64({1, 2}, {1, 2})}, 0}};
            },
    },
    {
        .name = "Trilu",
        .since = 14,
        .summary = "The upper or lower triangle of matrices, from the k-th diagonal.",
        .inputs = "input k?:i64",
        .outputs = "output",
        .types = any_type,
        .attributes = of_trilu,
        .infer = infer_trilu,
        .examples =
            [] {
              return Examples{{"the upper", {f32({2, 2}, {1, 2, 3, 4})}, {}, {f32({2, 2}, {1, 2, 0, 4})}, 0},
                              {"below the diagonal",
                               {f32({2, 2}, {1, 2, 3, 4}), i64({}, {-1})},
                               {{"upper", std::int64_t{0}}},
                               {f32({2, 2}, {0, 0, 3, 0})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "TopK", top}, {"", "NonZero", non_zero}, {"", "Trilu", trilu}};

}  // namespace

std::span<const OpDef> order_ops() { return defs; }
std::span<const OpRun> order_runs() { return runs; }

}  // namespace modelctl::ops
