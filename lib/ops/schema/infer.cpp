// Inference that many operators share. Sizes are symbolic expressions: two of them are known to differ only if both are
// numbers, so that every check here fails on numbers alone and leaves the rest to the run.
#include "ops/schema/infer.hpp"

#include "ops/schema/infer_graph.hpp"

namespace modelctl::ops {

using graph::Expr;
using graph::Shape;

Result<DType> common_element(const Inference& call, std::initializer_list<std::size_t> inputs) {
  DType element = DType::undefined;
  for (std::size_t index : inputs) {
    DType next = call.element(index);
    if (next == DType::undefined || next == element) continue;
    if (element != DType::undefined) {
      return call.bad("its inputs are of different types, " + std::string(name(element)) + " and " +
                      std::string(name(next)));
    }
    element = next;
  }
  return element;
}

Result<DType> common_element(const Inference& call) {
  DType element = DType::undefined;
  for (std::size_t index = 0; index < call.inputs(); ++index) {
    DType next = call.element(index);
    if (next == DType::undefined || next == element) continue;
    if (element != DType::undefined) return TRY(common_element(call, {index - 1, index}));
    element = next;
  }
  return element;
}

Result<std::optional<Shape>> broadcast_inputs(const Inference& call, std::size_t from) {
  Shape shape;
  for (std::size_t index = from; index < call.inputs(); ++index) {
    if (!call.present(index)) continue;
    const Shape* next = call.shape(index);
    if (next == nullptr) return std::optional<Shape>();
    shape = TRY(broadcast(call, shape, *next));
  }
  return std::optional(shape);
}

Result<void> infer_same(Inference& call) {
  if (const graph::Type* type = call.type(0)) call.set_type(0, *type);
  return {};
}

Result<void> infer_broadcast(Inference& call) {
  DType element = TRY(common_element(call));
  call.set_output(0, element, TRY(broadcast_inputs(call)));
  return {};
}

Result<void> infer_comparison(Inference& call) {
  TRY(common_element(call));
  call.set_output(0, DType::boolean, TRY(broadcast_inputs(call)));
  return {};
}

Result<void> need_rank(const Inference& call, std::size_t index, std::size_t least, std::size_t most) {
  const Shape* shape = call.shape(index);
  if (shape == nullptr || (shape->size() >= least && shape->size() <= most)) return {};
  std::string wanted = least == most      ? std::to_string(least)
                       : most == max_rank ? std::to_string(least) + " or more"
                                          : std::to_string(least) + " to " + std::to_string(most);
  return call.bad("input " + std::to_string(index) + " must have rank " + wanted + ", not " +
                  std::to_string(shape->size()));
}

std::optional<Dims> known_integers(const Inference& call, std::size_t index) {
  auto contents = call.contents(index);
  if (!contents) return std::nullopt;
  Dims all;
  for (const Expr& element : *contents) {
    auto value = element.constant();
    if (!value) return std::nullopt;
    all.push_back(*value);
  }
  return all;
}

std::optional<std::int64_t> known_length(const Inference& call, std::size_t index) {
  const Shape* shape = call.shape(index);
  if (shape == nullptr || shape->size() != 1) return std::nullopt;
  return (*shape)[0].constant();
}

Result<std::vector<std::size_t>> normal_axes(const Inference& call, std::span<const std::int64_t> axes,
                                             std::size_t rank) {
  std::vector<std::size_t> all;
  for (std::int64_t axis : axes) {
    std::size_t index = TRY(normal_axis(call, axis, rank));
    if (std::find(all.begin(), all.end(), index) != all.end()) {
      return call.bad("axis " + std::to_string(axis) + " is named twice");
    }
    all.push_back(index);
  }
  return all;
}

Expr product(std::span<const Expr> sizes) {
  Expr all = 1;
  for (const Expr& size : sizes) all = all * size;
  return all;
}

Result<Expr> same_size(const Inference& call, const Expr& a, const Expr& b) {
  if (const auto* observer = dynamic_cast<const SizeObserver*>(&call)) observer->must_be_equal(a, b);
  auto x = a.constant(), y = b.constant();
  if (x && y && *x != *y) {
    return call.bad("sizes " + std::to_string(*x) + " and " + std::to_string(*y) + " should be equal");
  }
  return x ? a : b;
}

Result<std::optional<Shape>> matmul_shape(const Inference& call, std::size_t a_at, std::size_t b_at) {
  TRY(need_rank(call, a_at, 1));
  TRY(need_rank(call, b_at, 1));
  const Shape *a = call.shape(a_at), *b = call.shape(b_at);
  if (a == nullptr || b == nullptr) return std::optional<Shape>();
  TRY(same_size(call, a->back(), b->size() == 1 ? b->back() : (*b)[b->size() - 2]));
  auto batch = [](const Shape& shape) {
    return Shape(shape.begin(), shape.end() - std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(shape.size())));
  };
  Shape shape = TRY(broadcast(call, batch(*a), batch(*b)));
  if (a->size() > 1) shape.push_back((*a)[a->size() - 2]);
  if (b->size() > 1) shape.push_back(b->back());
  return std::optional(std::move(shape));
}

Result<graph::Type> join(Inference& call, const graph::Type& a, const graph::Type& b) {
  if (a.element == DType::undefined || b.element == DType::undefined) return graph::Type();
  if (a.element != b.element || a.key != b.key) {
    return call.bad("a value would be " + describe(a) + " or " + describe(b));
  }
  graph::Type type{a.element, std::nullopt};
  type.key = a.key;
  if (a.inside && b.inside) type.inside = std::make_shared<const graph::Type>(TRY(join(call, *a.inside, *b.inside)));
  if (!a.shape || !b.shape || a.shape->size() != b.shape->size()) return type;
  type.shape = a.shape;
  for (std::size_t axis = 0; axis < a.shape->size(); ++axis) {
    if (!((*a.shape)[axis] == (*b.shape)[axis])) (*type.shape)[axis] = call.fresh_symbol();
  }
  return type;
}

graph::Type one_of(Inference& call, const graph::Type& type) {
  return with_sizes(type, [&](const Expr& size) { return size.constant() ? size : call.fresh_symbol(); });
}

graph::Type inside(const Inference& call, std::size_t index) {
  const graph::Type* type = call.type(index);
  return type == nullptr || type->inside == nullptr ? graph::Type() : *type->inside;
}

Shape unknown_shape(Inference& call, std::size_t rank) {
  Shape shape;
  for (std::size_t axis = 0; axis < rank; ++axis) shape.push_back(call.fresh_symbol());
  return shape;
}

void pass_contents(Inference& call, const Shape& shape) {
  auto contents = call.contents(0);
  if (contents && shape.size() <= 1) call.set_contents(0, std::move(*contents));
}

void contents_of_pair(Inference& call, std::optional<Expr> (*apply)(const Expr& a, const Expr& b)) {
  if (!is_integer(call.element(0))) return;
  auto a = call.contents(0), b = call.contents(1);
  const Shape *sa = call.shape(0), *sb = call.shape(1);
  if (!a || !b || sa == nullptr || sb == nullptr) return;
  if (a->size() != b->size() && a->size() != 1 && b->size() != 1) return;
  std::size_t count = a->size() == 1 ? b->size() : a->size();
  std::vector<Expr> all;
  for (std::size_t i = 0; i < count; ++i) {
    auto value = apply((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    if (!value) return;
    all.push_back(*value);
  }
  call.set_contents(0, std::move(all));
}

}  // namespace modelctl::ops
