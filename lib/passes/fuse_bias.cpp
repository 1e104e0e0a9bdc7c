// Add(modelctl::Conv(x, w), const [1,1,1,C])  ->  modelctl::Conv(x, w, bias); modelctl::Gemm so.
// It always pays if only the Add uses the sum: the bias is added in registers.
#include "passes/pass.hpp"
#include "passes/rewriting/match.hpp"

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;

// The constant's elements along the last axis, if it varies along no other.
std::optional<Tensor> row_of(const Value* value, const Value& sum) {
  const Tensor* tensor = constant(value);
  if (tensor == nullptr || !sum.type.shape || tensor->dims().size() > sum.type.shape->size()) return std::nullopt;
  auto n = sum.type.shape->back().constant();
  // As many elements as the last axis has, and all of them along it: every other axis of the constant has size 1.
  bool row = n && tensor->elements() == *n && !tensor->dims().empty() && tensor->dims().back() == *n;
  return row ? std::optional(tensor->reshaped({*n})) : std::nullopt;
}

bool visit(Node& node) {
  if (!node.is("Add")) return false;
  for (std::size_t side : {0u, 1u}) {
    Node* product = open_product(node.input(side));
    auto row = product == nullptr ? std::nullopt : row_of(node.input(1 - side), *product->output(0));
    if (!row) continue;
    if (Value* old = product->input(2); old != nullptr) {
      const Tensor* bias = constant(old);
      if (bias == nullptr || bias->elements() != row->elements()) continue;
      Tensor sum(DType::f32, bias->dims());
      float* to = sum.mutable_view().as<float>().data();
      for (std::size_t i = 0; i < row->as<float>().size(); ++i) to[i] = bias->as<float>()[i] + row->as<float>()[i];
      row = std::move(sum);
    }
    Value* bias = node.graph().add_constant(product->output(0)->name + ".bias", std::move(*row));
    product->set_input(2, bias);
    replace(node, product->output(0));
    return true;
  }
  return false;
}

constexpr PassDef defs[] = {{
    .name = "fuse-bias",
    .summary = "Fuses the addition of a row into the product before it.",
    .phase = Phase::fuse,
    .order = 10,
    .run = at_each_node<visit>,
}};

}  // namespace

std::span<const PassDef> fuse_bias_pass() { return defs; }

}  // namespace modelctl::passes
