// FlexAttention: attention whose scores and weights graphs of the model's own may change. Without them it is Attention;
// with them it is written out, and their nodes stand in the middle.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

#include <map>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Node;
using graph::Shape;
using graph::Value;

// Theory. With R = sqrt(|scale|) and s the sign of the scale, for each batch and head,
//   Y = prob_mod(softmax(score_mod((Q s R)(K R)ᵀ))) V,   Q [B, H, S, D], K [B, G, T, D], V [B, G, T, E], G divides H.
// score_mod and prob_mod are graphs over the whole tensor [B, H, S, T]: masks, position biases (ALiBi), caps and
// windows are all written as one of them (Dong et al., "Flex attention", 2024). The fused kernel never holds all scores
// and therefore has no place for such a graph: with one, attention takes memory for S * T scores of each head.
Result<void> infer(Inference& call) {
  for (std::size_t index : {0u, 1u, 2u}) TRY(need_rank(call, index, 4, 4));
  DType element = TRY(common_element(call));
  for (const auto& [name, body] : call.node().subgraphs) {
    if (body->inputs.size() != 1 || body->outputs().size() != 1) {
      return call.bad("'" + name + "' must have one input and one output");
    }
  }
  const Shape *q = call.shape(0), *k = call.shape(1), *v = call.shape(2);
  if (q == nullptr || k == nullptr || v == nullptr) {
    call.set_output(0, element, unknown_shape(call, 4));
    return {};
  }
  TRY(same_size(call, (*q)[3], (*k)[3]));
  TRY(same_size(call, (*k)[1], (*v)[1]));
  TRY(same_size(call, (*k)[2], (*v)[2]));
  auto heads = (*q)[1].constant(), kv_heads = (*k)[1].constant();
  if (heads && kv_heads && (*kv_heads == 0 || *heads % *kv_heads != 0)) {
    return call.bad("the heads of Q are not a multiple of those of K and V");
  }
  call.set_output(0, element, Shape{(*q)[0], (*q)[1], (*q)[2], (*v)[3]});
  return {};
}

// What stands for the graph's output when `value` stands for its input.
// The body's nodes are copied before the node, in their order, which is a topological one: when a node is copied, all
// that it reads of the body has a copy. Constants of the body get theirs when they are first read; values of the graphs
// around it are read as they are.
Result<Value*> changed_by(Rewrite& rewrite, const Node& node, const char* name, Value* value) {
  auto found = node.subgraphs.find(name);
  if (found == node.subgraphs.end()) return value;
  const Graph& body = *found->second;
  std::map<const Value*, Value*> stands{{body.inputs[0], value}};
  auto stand_in = [&](Value* inner) -> Value* {
    if (inner == nullptr || &inner->graph() != &body) return inner;  // of the graph around it
    auto at = stands.find(inner);
    if (at == stands.end()) at = stands.emplace(inner, rewrite.constant(inner->constant)).first;
    return at->second;
  };
  for (const auto& inner : body.nodes()) {
    if (!inner->subgraphs.empty()) return rewrite.bad("'" + std::string(name) + "' has graphs of its own");
    std::vector<Value*> inputs;
    for (Value* input : inner->inputs()) inputs.push_back(stand_in(input));
    std::vector<std::string> outputs;
    for (const Value* output : inner->outputs()) outputs.push_back(output == nullptr ? "" : output->name);
    Node* copy = TRY(rewrite.add_node(inner->domain, inner->op, std::move(inputs), inner->attributes, outputs));
    for (std::size_t i = 0; i < outputs.size(); ++i) stands.emplace(inner->output(i), copy->output(i));
  }
  return stand_in(body.outputs()[0]);
}

// Each head of K or V as often as there are heads of Q to it.
// [B, G, T, D] becomes [B, G, 1, T, D], is repeated along the new axis H / G times, and is read as [B, H, T, D]: query
// head h has key head h / (H / G), as in Attention. MatMul's broadcasting could not pair H heads with G.
Result<Value*> aligned(Rewrite& rewrite, Value* kv, Value* q) {
  const Shape &own = *kv->type.shape, &other = *q->type.shape;
  if (own[1] == other[1]) return kv;
  auto heads = other[1].constant(), kv_heads = own[1].constant();
  if (!heads || !kv_heads) return rewrite.bad("how many heads share one of keys is unknown");
  Value* apart = TRY(rewrite.add("Unsqueeze", {kv, rewrite.ints({2})}));
  Value* repeated = TRY(rewrite.add("Tile", {apart, rewrite.ints({1, 1, *heads / *kv_heads, 1, 1})}));
  Value* dims = TRY(rewrite.add(
      "Concat", {TRY(rewrite.size(kv, 0)), rewrite.ints({*heads}), TRY(rewrite.size(kv, 2)), TRY(rewrite.size(kv, 3))},
      {{"axis", std::int64_t{0}}}));
  return rewrite.add("Reshape", {repeated, dims});
}

Result<Value*> cast(Rewrite& rewrite, Value* value, DType type) {
  if (value->type.element == type) return value;
  return rewrite.add("Cast", {value}, {{"to", static_cast<std::int64_t>(type)}});
}

Result<void> decompose(Node& node) {
  Rewrite rewrite(node);
  Value *q = node.input(0), *k = node.input(1), *v = node.input(2);
  DType type = q->type.element, fallback = type == DType::f64 ? DType::f64 : DType::f32;
  auto precision =
      static_cast<DType>(node.attributes.integer("softmax_precision", static_cast<std::int64_t>(fallback)));
  if (!holds<Floats>(precision)) return rewrite.bad("softmax_precision must be a type of floats");
  // Nothing stands between the products: Attention has a fused kernel and takes fewer key heads as they are.
  if (node.subgraphs.empty()) {
    Attributes attributes{{"softmax_precision", static_cast<std::int64_t>(precision)}};
    if (node.attributes.has("scale")) attributes.set("scale", node.attributes.number("scale"));
    rewrite.finish({TRY(rewrite.add("Attention", {q, k, v}, std::move(attributes)))});
    return {};
  }
  if (!q->type.shape || !k->type.shape || !v->type.shape) return rewrite.bad("the ranks of Q, K and V are unknown");
  // The root of the scale goes to both sides, so that halves do not overflow.
  // Without the attribute it is (1 / sqrt(D))^(1/2), computed in the run, where D may be dynamic.
  Value *root = nullptr, *root_of_q = nullptr;
  if (node.attributes.has("scale")) {
    double scale = node.attributes.number("scale"), size = std::sqrt(std::fabs(scale));
    root = rewrite.number(type, size);
    root_of_q = rewrite.number(type, std::copysign(size, scale));
  } else {
    Value* size = TRY(cast(rewrite, TRY(rewrite.size(q, 3)), DType::f32));
    Value* scale = TRY(rewrite.add("Reciprocal", {TRY(rewrite.add("Sqrt", {size}))}));
    root = root_of_q = TRY(cast(rewrite, TRY(rewrite.add("Sqrt", {scale})), type));
  }
  k = TRY(aligned(rewrite, k, q));
  v = TRY(aligned(rewrite, v, q));
  // The scores and the softmax are in the softmax's precision, which is f32 for types of 16 bits unless the model says
  // otherwise.
  Value* left = TRY(rewrite.add("Mul", {q, root_of_q}));
  Value* right = TRY(rewrite.add("Transpose", {TRY(rewrite.add("Mul", {k, root}))}, {{"perm", Ints{0, 1, 3, 2}}}));
  Value* scores = TRY(cast(rewrite, TRY(rewrite.add("MatMul", {left, right})), precision));
  scores = TRY(changed_by(rewrite, node, "score_mod", scores));
  Value* weights = TRY(rewrite.add("Softmax", {scores}, {{"axis", std::int64_t{-1}}}));
  weights = TRY(changed_by(rewrite, node, "prob_mod", weights));
  Value* y = TRY(rewrite.add("MatMul", {weights, TRY(cast(rewrite, v, precision))}));
  rewrite.finish({TRY(cast(rewrite, y, type))});
  return {};
}

constexpr AttributeDef attributes[] = {
    {"prob_mod", AttributeType::graph, "from weights to other weights; none if absent"},
    {"scale", AttributeType::number, "of the products; 1/sqrt(size of a head) if absent"},
    {"score_mod", AttributeType::graph, "from scores to other scores; none if absent"},
    {"softmax_precision", AttributeType::integer, "the scores' element type; f32 if absent, or f64 for f64"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.preview",
        .name = "FlexAttention",
        .since = 1,
        .summary = "Attention whose scores and weights graphs of the model's own may change.",
        .inputs = "Q K V",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
        .examples =
            [] {
              return Examples{
                  {"two query heads to one of keys",
                   {f32({1, 2, 1, 2}, {0, 0, 0, 0}), f32({1, 1, 2, 2}, {1, 2, 3, 4}), f32({1, 1, 2, 1}, {2, 4})},
                   {},
                   {f32({1, 2, 1, 1}, {3, 3})}},
                  {"a negative scale, and scores that a graph negates again",
                   {f32({1, 1, 1, 1}, {1}), f32({1, 1, 2, 1}, {0, 0.6931472f}), f32({1, 1, 2, 1}, {3, 0})},
                   {{"scale", -1.0f}},
                   {f32({1, 1, 1, 1}, {1})},
                   1e-6,
                   {{"score_mod", "graph \"negate\" {\n  input s: f32[?]\n  y = Neg(s)\n  output y\n}"}}}};
            },
    },
};

}  // namespace

std::span<const OpDef> flex_attention_ops() { return defs; }
std::span<const OpRun> flex_attention_runs() { return {}; }

}  // namespace modelctl::ops
