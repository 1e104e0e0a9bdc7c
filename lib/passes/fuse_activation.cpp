// Relu(modelctl::Conv(x, w))  ->  modelctl::Conv(x, w) {activation: "relu"}; modelctl::Gemm so.
// Also Clip, LeakyRelu, Sigmoid, Tanh, HardSigmoid, HardSwish, Gelu, and v * Sigmoid(v). It always pays where nobody
// else reads what the activation is applied to: a pass over memory is saved.
#include "passes/match.hpp"
#include "passes/pass.hpp"

namespace modelctl::passes {
namespace {

using graph::Node;
using graph::Value;

struct Activation {
  std::string name;
  std::optional<float> alpha, beta;
};

std::optional<Activation> clip(const Node& node) {
  Activation activation{"clip", {}, {}};
  if (node.input(1) != nullptr && !(activation.alpha = scalar(node.input(1)))) return std::nullopt;
  if (node.input(2) != nullptr && !(activation.beta = scalar(node.input(2)))) return std::nullopt;
  return activation;
}

std::optional<Activation> activation_of(const Node& node) {
  if (!node.domain.empty()) return std::nullopt;
  if (node.op == "Relu") return Activation{"relu", {}, {}};
  if (node.op == "Sigmoid") return Activation{"sigmoid", {}, {}};
  if (node.op == "Tanh") return Activation{"tanh", {}, {}};
  if (node.op == "HardSwish") return Activation{"hard_swish", {}, {}};
  if (node.op == "LeakyRelu") return Activation{"leaky_relu", node.attributes.number("alpha", 0.01f), {}};
  if (node.op == "HardSigmoid") {
    return Activation{"hard_sigmoid", node.attributes.number("alpha", 0.2f), node.attributes.number("beta", 0.5f)};
  }
  if (node.op == "Gelu" && node.attributes.text("approximate", "none") == "none") return Activation{"gelu", {}, {}};
  if (node.op == "Clip") return clip(node);
  return std::nullopt;
}

// v * Sigmoid(v), where nothing else reads v or the Sigmoid.
Value* silu_operand(const Node& node) {
  if (!node.is("Mul")) return nullptr;
  for (std::size_t side : {0u, 1u}) {
    Value* v = node.input(side);
    const Node* sigmoid = producer(node.input(1 - side), "Sigmoid");
    if (sigmoid == nullptr || sigmoid->input(0) != v || !used_once(*sigmoid->output(0))) continue;
    if (v->uses().size() == 2 && !v->is_output()) return v;
  }
  return nullptr;
}

void apply(Node& product, const Activation& activation) {
  product.attributes.set("activation", activation.name);
  if (activation.alpha) product.attributes.set("alpha", *activation.alpha);
  if (activation.beta) product.attributes.set("beta", *activation.beta);
}

bool visit(Node& node) {
  if (Value* v = silu_operand(node); v != nullptr) {
    Node* product = plain_product(v);
    if (product == nullptr) return false;
    apply(*product, {"silu", {}, {}});
    replace(node, v);  // the Sigmoid is dead now
    return true;
  }
  Value* x = node.input(0);
  Node* product = plain_product(x);
  auto activation = product == nullptr ? std::nullopt : activation_of(node);
  if (!activation || !used_once(*x)) return false;
  apply(*product, *activation);
  replace(node, x);
  return true;
}

constexpr PassDef defs[] = {
    {"fuse-activation", "Takes an activation into the product before it.", at_each_node<visit>}};

}  // namespace

std::span<const PassDef> fuse_activation_pass() { return defs; }

}  // namespace modelctl::passes
