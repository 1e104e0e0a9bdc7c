// GroupNorm and SkipGroupNorm, of diffusion models: group normalization of images whose channels come last, after the
// sum with a skip and a bias, followed by an activation. They are decomposed into ONNX's GroupNormalization between two
// Transposes, which the passes cancel against neighboring ones.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Node;
using graph::Value;

// Group normalization (Wu and He, 2018) cuts the C channels into groups of neighbors, C / groups each. Over all
// elements of a group, pixels and channels, of one image:
//   y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with gamma and beta [C] for each channel.

bool channels_last(const Attributes& attributes) { return attributes.integer("channels_last", 1) != 0; }

Result<void> infer(Inference& call) {
  std::int64_t activation = call.attributes().integer("activation");
  if (activation != 0 && activation != 1) return call.bad("activation must be 0 or 1");
  TRY(need_rank(call, 0, 3));
  for (std::size_t index = 0; index < call.node().outputs().size(); ++index) {
    if (call.type(0) != nullptr) call.set_type(index, *call.type(0));
  }
  return {};
}

// A bias [C] or a skip [N, C], reshaped so that it broadcasts over the spatial axes of x, which has `rank` axes.
// Numpy's broadcasting aligns the last axes, so that a bias [C] fits channels that come last as it is; all other cases
// need axes of size 1 for the pixels.
Result<Value*> over_channels(Rewrite& to, const Node& node, Value* value, std::size_t rank) {
  if (channels_last(node.attributes) && value->type.shape->size() == 1) return value;
  std::vector<std::int64_t> axes;
  std::size_t own = value->type.shape->size();  // 1: the channels; 2: the batch before them
  for (std::size_t i = 0; i < rank - 2; ++i) {
    axes.push_back(static_cast<std::int64_t>((channels_last(node.attributes) ? 1 : own) + i));
  }
  return to.add("Unsqueeze", {value, to.ints(axes)});
}

// Inputs: X, gamma, beta, skip, bias. Output 1 is the sum before the normalization. gamma and beta may be f32 while X
// is f16. Activation 1 is SiLU, x * sigmoid(x).
Result<void> decompose(Node& node) {
  Rewrite to(node);
  Value* x = node.input(0);
  if (!x->type.shape) return to.bad("the rank of its input is unknown");
  std::size_t rank = x->type.shape->size();
  for (std::size_t index : {3u, 4u}) {
    Value* added = node.input(index);
    if (added == nullptr) continue;
    if (!added->type.shape) return to.bad("the rank of what it adds is unknown");
    if (added->type.shape->size() < rank) added = TRY(over_channels(to, node, added, rank));
    x = TRY(to.add("Add", {x, added}));
  }
  // Output 1 has the layout of X, so that the sum is taken before the transposition.
  Value* sum = x;
  bool moves = channels_last(node.attributes);
  // The permutations for channels first, 0, rank - 1, 1, …, rank - 2, and back, 0, 2, …, rank - 1, 1.
  std::vector<std::int64_t> first{0, static_cast<std::int64_t>(rank) - 1}, last{0};
  for (std::size_t axis = 1; axis + 1 < rank; ++axis) {
    first.push_back(static_cast<std::int64_t>(axis));
    last.push_back(static_cast<std::int64_t>(axis) + 1);
  }
  last.push_back(1);
  if (moves) x = TRY(to.add("Transpose", {x}, {{"perm", first}}));
  std::vector<Value*> parameters;
  for (std::size_t index : {1u, 2u}) {
    Value* one = node.input(index);
    bool differs = one->type.element != x->type.element;
    parameters.push_back(differs ? TRY(to.add("CastLike", {one, x})) : one);
  }
  Value* y = TRY(to.add(
      "GroupNormalization", {x, parameters[0], parameters[1]},
      {{"epsilon", node.attributes.number("epsilon", 1e-5f)}, {"num_groups", node.attributes.integer("groups")}}));
  if (node.attributes.integer("activation") == 1) y = TRY(to.add("Mul", {y, TRY(to.add("Sigmoid", {y}))}));
  if (moves) y = TRY(to.add("Transpose", {y}, {{"perm", last}}));
  to.finish({y, sum});
  return {};
}

constexpr AttributeDef attributes[] = {
    {"activation", AttributeType::integer, "0: none; 1: x times its sigmoid", true},
    {"channels_last", AttributeType::integer, "1 if absent; 0: the channels come after the batch"},
    {"epsilon", AttributeType::number, "added to the variance; 1e-5 if absent"},
    {"groups", AttributeType::integer, "how many groups the channels are cut into", true}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "GroupNorm",
        .since = 1,
        .summary = "Normalization over groups of channels, which come last.",
        .inputs = "X gamma:f32,f16 beta:gamma",
        .outputs = "Y",
        .types = "f32 f16",
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
        .examples =
            [] {
              return Examples{{"two groups of one channel",
                               {f32({1, 1, 2, 2}, {1, 0, 3, 4}), f32({2}, {1, 2}), f32({2}, {0, 1})},
                               {{"activation", std::int64_t{0}}, {"groups", std::int64_t{2}}, {"epsilon", 0.0f}},
                               {f32({1, 1, 2, 2}, {-1, -1, 1, 3})}},
                              {"an activation",
                               {f32({1, 1, 2, 1}, {1, 3}), f32({1}, {1}), f32({1}, {1})},
                               {{"activation", std::int64_t{1}}, {"groups", std::int64_t{1}}, {"epsilon", 0.0f}},
                               {f32({1, 1, 2, 1}, {0, 1.7615942f})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "SkipGroupNorm",
        .since = 1,
        .summary = "GroupNorm of a sum, which is the optional second output.",
        .inputs = "X gamma:f32,f16 beta:gamma skip:X bias?:X",
        .outputs = "Y S?",
        .types = "f32 f16",
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
        .examples =
            [] {
              return Examples{{"a skip for each channel, a bias, and the sum as an output",
                               {f32({1, 1, 2, 2}, {1, 0, 3, 4}), f32({2}, {1, 2}), f32({2}, {0, 1}),
                                f32({1, 2}, {5, 6}), f32({2}, {1, 0})},
                               {{"activation", std::int64_t{0}}, {"groups", std::int64_t{2}}, {"epsilon", 0.0f}},
                               {f32({1, 1, 2, 2}, {-1, -1, 1, 3}), f32({1, 1, 2, 2}, {7, 6, 9, 10})}}};
            },
    },
};

}  // namespace

std::span<const OpDef> group_norm_ops() { return defs; }
std::span<const OpRun> group_norm_runs() { return {}; }

}  // namespace modelctl::ops
