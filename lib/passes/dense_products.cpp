// y = MatMul(a, const b); y = Gemm(a, const b, c)  ->  modelctl::Gemm(a, b, c)
// The kernel reads a matrix that was packed at build time: panels of columns, in the order in which it needs them. Not
// for a computed matrix, batches of matrices, a transposed A, or a C of more than one row.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

Tensor scaled(const Tensor& tensor, float factor) {
  Tensor copy(DType::f32, tensor.dims());
  auto from = tensor.as<float>();
  float* to = copy.mutable_view().as<float>().data();
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i] * factor;
  return copy;
}

// alpha and beta are folded into the constants, so that the kernel does not have them.
Value* times(Value* value, float factor) {
  if (value == nullptr || factor == 1) return value;
  return value->graph().add_constant(value->name + ".scaled", scaled(value->constant, factor));
}

// Gemm's C as a bias of N elements; false if it is not one.
bool as_bias(Value*& c, float beta, std::int64_t n) {
  if (c == nullptr) return true;
  if (beta == 0) {
    c = nullptr;
    return true;
  }
  const Tensor* tensor = constant(c);
  // A computed C of exactly [N] is a bias as it is; with a factor it would need a Mul of its own.
  if (tensor == nullptr) return beta == 1 && plain_f32(c) && *c->type.shape == graph::Shape{n};
  if (tensor->elements() != n || (!tensor->dims().empty() && tensor->dims().back() != n)) return false;
  c = times(c, beta);
  if (c->constant.dims().size() != 1) c = c->graph().add_constant(c->name + ".bias", c->constant.reshaped({n}));
  return true;
}

bool visit(Node& node) {
  bool gemm = node.is("Gemm");
  const Tensor* b = constant(node.input(1));
  if ((!gemm && !node.is("MatMul")) || b == nullptr || b->dims().size() != 2 || !plain_f32(node.input(0))) return false;
  if (node.input(0)->type.shape->empty() || node.attributes.integer("transA") != 0) return false;
  bool flip = node.attributes.integer("transB") != 0;
  Value* bias = node.input(2);
  if (gemm && !as_bias(bias, node.attributes.number("beta", 1), b->dims()[flip ? 0 : 1])) return false;
  Value* matrix = times(node.input(1), node.attributes.number("alpha", 1));
  std::vector<Value*> inputs{node.input(0), matrix};
  if (bias != nullptr) inputs.push_back(bias);
  Attributes attributes;
  if (flip) attributes.set("transposed", std::int64_t{1});
  replace_by_node(node, "modelctl", "Gemm", std::move(inputs), std::move(attributes));
  return true;
}

constexpr PassDef defs[] = {{
    .name = "dense-products",
    .summary = "Gives products with a constant matrix their packed kernel.",
    .phase = Phase::layout,
    .order = 20,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> dense_products_pass() { return defs; }

}  // namespace modelctl::passes
