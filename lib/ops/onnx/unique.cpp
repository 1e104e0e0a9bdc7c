// Unique: each distinct element, or slice along an axis, once, in ascending order or in order of first occurrence; with
// indices, inverse indices and counts.
//
// Sorting finds the groups: after a stable sort, equal slices are neighbors and the first of a group is the first in
// the input. That is O(n log n) comparisons of up to a slice's length, without a hash of floats or slices, and it gives
// the ascending order that is the default.
//
// Smallest runner: regular, since removing duplicates is rare.
#include "ops/reference/element.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <numeric>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// All four outputs share one size that depends on the data, except the inverse indices, which are as long as the input.
// Without an axis the input is flattened, and Y is a vector.
Result<void> infer(Inference& call) {
  const Shape* x = call.shape(0);
  Expr count = call.fresh_symbol(), all = call.fresh_symbol();
  std::optional<Shape> y = Shape{count};
  if (call.attributes().has("axis")) {
    y.reset();
    if (x != nullptr) {
      std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis"), x->size()));
      y = *x;
      all = (*x)[axis];
      (*y)[axis] = count;
    }
  } else if (x != nullptr) {
    all = product(*x);
  }
  call.set_output(0, call.element(0), y);
  for (std::size_t index = 1; index < call.node().outputs().size(); ++index) {
    call.set_output(index, DType::i64, Shape{index == 2 ? all : count});
  }
  return {};
}

// The input as [outer, count, inner], of which the slices along the middle axis are compared.
struct Slices {
  std::int64_t outer, count, inner;
};

// -1, 0 or 1 as slice a comes before b, equals it or comes after it: the first elements that differ decide. NaN comes
// last, and all NaN are equal, as in numpy since 1.21, so that the order is a strict weak one, which std::stable_sort
// needs. Slices without elements are all equal.
template <class Read>
int compare(const Slices& of, std::int64_t a, std::int64_t b, Read read) {
  for (std::int64_t i = 0; i < of.outer * of.inner; ++i) {
    std::int64_t base = i / of.inner * of.count * of.inner + i % of.inner;
    const auto &p = read(base + a * of.inner), &q = read(base + b * of.inner);
    if (p < q || (q != q && p == p)) return -1;
    if (q < p || (p != p && q == q)) return 1;
  }
  return 0;
}

// The slices in ascending order (stable), and the position in that order where each group begins.
struct Order {
  Dims slices;
  std::vector<std::size_t> begins;
};
template <class Read>
Order order(const Slices& of, Read read) {
  Order all;
  all.slices.resize(static_cast<std::size_t>(of.count));
  std::iota(all.slices.begin(), all.slices.end(), std::int64_t{0});
  std::stable_sort(all.slices.begin(), all.slices.end(),
                   [&](std::int64_t a, std::int64_t b) { return compare(of, a, b, read) < 0; });
  for (std::size_t i = 0; i < all.slices.size(); ++i) {
    if (i == 0 || compare(of, all.slices[i - 1], all.slices[i], read) != 0) all.begins.push_back(i);
  }
  return all;
}

// Strings are compared in place and by bytes; numbers in their wide type, in which order and equality are the same.
Result<Order> order_of(const TensorView& x, const Slices& of) {
  Order all;
  if (x.type == DType::string) {
    auto texts = x.as<std::string>();
    return order(of, [&](std::int64_t at) -> const std::string& { return texts[static_cast<std::size_t>(at)]; });
  }
  bool known = with_wide<NumbersAndBool>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    all = order(of, [&](std::int64_t at) { return load(x.data, at); });
  });
  if (!known) return refuse_type(x.type);
  return all;
}

// Where each group first is, the group of each slice, and how large each group is: outputs 1 to 3. `groups` is the
// order of the groups in the output; the inverse indices refer to it, so that taking Y at them gives the input again.
Result<void> write_lists(const Order& all, const std::vector<std::size_t>& groups, std::int64_t slices,
                         Outputs& outputs) {
  auto count = static_cast<std::int64_t>(groups.size());
  std::int64_t* lists[3] = {};  // indices, inverse_indices, counts
  for (std::size_t i = 0; i < 3; ++i) {
    if (!outputs.wanted(i + 1)) continue;
    Dims list{i == 1 ? slices : count};
    lists[i] = TRY(outputs.allocate(i + 1, DType::i64, list)).as<std::int64_t>().data();
  }
  for (std::size_t to = 0; to < groups.size(); ++to) {
    std::size_t begin = all.begins[groups[to]];
    std::size_t end = groups[to] + 1 < all.begins.size() ? all.begins[groups[to] + 1] : all.slices.size();
    if (lists[0] != nullptr) lists[0][to] = all.slices[begin];
    if (lists[2] != nullptr) lists[2][to] = static_cast<std::int64_t>(end - begin);
    for (std::size_t i = begin; lists[1] != nullptr && i < end; ++i) {
      lists[1][all.slices[i]] = static_cast<std::int64_t>(to);
    }
  }
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Slices of{1, x.elements(), 1};
  Dims dims{0};
  std::size_t axis = 0;
  if (call.attributes.has("axis")) {
    axis = TRY(axis_index(call.attributes.integer("axis"), x.rank()));
    of = {product(x.dims.first(axis)), x.dim(axis), product(x.dims.subspan(axis + 1))};
    dims.assign(x.dims.begin(), x.dims.end());
  }
  const Order all = TRY(order_of(x, of));

  // Groups of equal slices, each represented by its first one in the input, which a stable order puts first.
  std::vector<std::size_t> groups(all.begins.size());
  std::iota(groups.begin(), groups.end(), std::size_t{0});
  auto first_of = [&](std::size_t group) { return all.slices[all.begins[group]]; };
  if (call.attributes.integer("sorted", 1) == 0) {
    std::sort(groups.begin(), groups.end(), [&](std::size_t a, std::size_t b) { return first_of(a) < first_of(b); });
  }
  dims[axis] = static_cast<std::int64_t>(groups.size());
  TRY(write_lists(all, groups, of.count, outputs));
  if (!outputs.wanted(0)) return {};
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for (std::int64_t row = 0; row < of.outer; ++row) {
      for (std::size_t group : groups) {
        const T* from = in + (row * of.count + first_of(group)) * of.inner;
        out = std::copy(from, from + of.inner, out);
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "slices along it are compared; single elements if absent"},
    {"sorted", AttributeType::integer, "1 if absent: ascending; 0: in order of first occurrence"}};

constexpr OpDef defs[] = {
    {
        .name = "Unique",
        .since = 11,
        .summary = "Each distinct element or slice, with first indices, inverse indices and counts.",
        .inputs = "X",
        .outputs = "Y indices? inverse_indices? counts?",
        .types = plain_types,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor x = f32({6}, {2, 1, 1, 3, 4, 3});
              return Examples{{"sorted",
                               {x},
                               {},
                               {f32({4}, {1, 2, 3, 4}), i64({4}, {1, 0, 3, 4}), i64({6}, {1, 0, 0, 2, 3, 2}),
                                i64({4}, {2, 1, 2, 1})},
                               0},
                              {"in the order in which they come",
                               {x},
                               {{"sorted", std::int64_t{0}}},
                               {f32({4}, {2, 1, 3, 4}), i64({4}, {0, 1, 3, 4}), i64({6}, {0, 1, 1, 2, 3, 2}),
                                i64({4}, {1, 2, 2, 1})},
                               0},
                              {"rows",
                               {i32({3, 2}, {2, 3, 1, 0, 2, 3})},
                               {{"axis", std::int64_t{-2}}},
                               {i32({2, 2}, {1, 0, 2, 3}), i64({2}, {1, 0}), i64({3}, {1, 0, 1}), i64({2}, {1, 2})},
                               0},
                              {"texts", {strings({3}, {"b", "a", "b"})}, {}, {strings({2}, {"a", "b"})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Unique", evaluate}};

}  // namespace

std::span<const OpDef> unique_ops() { return defs; }
std::span<const OpRun> unique_runs() { return runs; }

}  // namespace modelctl::ops
