// A body's carried types are a fixed point: the types of its inputs must hold for what it gives back. Each round opens
// the sizes that an iteration changed (a new symbol for each) and infers the body again. A size is opened once and an
// opened rank stays unknown, so that this ends; a bound on the rounds keeps nested loops from multiplying them.
#include "ops/family/carried.hpp"

#include <set>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Type;

// One carried value, and which of its sizes were opened: those take any size.
struct Carried {
  Type type;
  std::set<std::size_t> open;
};

bool equal(const Type& a, const Type& b) { return graph::type_text(a) == graph::type_text(b); }

// Keeps only what must be equal in each iteration: the element type, not the sizes.
Type opened(const Type& type) {
  Type other{type.element, is_collection(type.element) ? type.shape : std::nullopt};
  other.key = type.key;
  if (type.inside) other.inside = std::make_shared<const Type>(opened(*type.inside));
  return other;
}

// True if no value can be of both types, whatever their sizes.
bool disagree(const Type& a, const Type& b) {
  bool known = a.element != DType::undefined && b.element != DType::undefined;
  return (known && a.element != b.element) || (a.inside && b.inside && disagree(*a.inside, *b.inside));
}

Error differs(const Inference& call, const Type& first, const Type& then) {
  return call.bad("a value that it carries is " + describe(first) + " at first, then " + describe(then));
}

// Widens the type so that it holds for another value too; false if it already does.
Result<bool> widen(Inference& call, Carried& carried, const Type& next) {
  Type& type = carried.type;
  if (type.element == DType::undefined) {
    // Nothing was known of the first value, which leaves its sizes open.
    type = opened(next);
    return type.element != DType::undefined;
  }
  if (type.element == DType::optional && next.element != DType::optional && next.element != DType::undefined) {
    return widen(call, carried, Type::optional(next));
  }
  if (next.element != DType::undefined && next.element != type.element) { return differs(call, type, next); }
  if (is_collection(type.element)) {
    bool fits = !next.inside || !type.inside || equal(*type.inside, *next.inside) || equal(type, opened(next));
    if (fits) return false;
    if (disagree(type, next)) return differs(call, type, next);
    Type open = opened(type);
    bool wider = !equal(open, type);
    type = std::move(open);
    return wider;
  }
  if (!type.shape) return false;
  if (!next.shape || next.shape->size() != type.shape->size()) {
    type.shape = std::nullopt;
    return true;
  }
  bool wider = false;
  for (std::size_t axis = 0; axis < type.shape->size(); ++axis) {
    Expr& size = (*type.shape)[axis];
    if (carried.open.count(axis) > 0 || size == (*next.shape)[axis]) continue;
    size = call.fresh_symbol();
    carried.open.insert(axis);
    wider = true;
  }
  return wider;
}

// Forgets what an earlier round inferred from sizes that are open now: inference never replaces a size by a wider one.
void forget(Graph& body) {
  for_each_graph(body, [](Graph& graph) {
    for (const auto& node : graph.nodes()) {
      for (graph::Value* value : node->outputs()) {
        if (value == nullptr) continue;
        Type type{value->type.element, is_collection(value->type.element) ? value->type.shape : std::nullopt};
        type.key = value->type.key;
        value->type = std::move(type);
        value->contents.reset();
      }
    }
  });
}

std::size_t depth_of(const Graph& graph) {
  std::size_t depth = 0;
  for (const Graph* at = &graph; at->outer != nullptr; at = at->outer) ++depth;
  return depth;
}

}  // namespace

Result<std::vector<Type>> infer_carried(Inference& call, Graph& body, std::size_t first, std::vector<Type> initial,
                                        std::size_t first_output) {
  std::vector<Carried> carried;
  // Rounds in rounds multiply: deep down everything is open from the start, which takes one.
  constexpr std::size_t deep = 3, rounds = 4;
  bool all_open = depth_of(body) > deep;
  for (Type& type : initial) carried.push_back({all_open ? opened(type) : std::move(type), {}});
  for (std::size_t round = 0;; ++round) {
    if (round > 0 || all_open) forget(body);
    for (std::size_t i = 0; i < carried.size(); ++i) body.inputs[first + i]->type = carried[i].type;
    TRY(call.infer_body(body));
    bool wider = false;
    for (std::size_t i = 0; i < carried.size(); ++i) {
      const graph::Value& next = *body.outputs()[first_output + i];
      if (TRY(widen(call, carried[i], next.type))) wider = true;
    }
    if (!wider) break;
    if (round < rounds) continue;
    for (Carried& each : carried) each.type = opened(each.type);
  }
  std::vector<Type> types;
  for (Carried& each : carried) types.push_back(std::move(each.type));
  return types;
}

Type type_after_loop(Inference& call, const Type& carried, const Type& initial) {
  if (equal(carried, initial)) return carried;
  Type type = carried;
  if (!type.shape || !initial.shape || type.shape->size() != initial.shape->size()) return type;
  for (std::size_t axis = 0; axis < type.shape->size(); ++axis) {
    if (!((*type.shape)[axis] == (*initial.shape)[axis])) (*type.shape)[axis] = call.fresh_symbol();
  }
  return type;
}

}  // namespace modelctl::ops
