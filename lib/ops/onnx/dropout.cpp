// Dropout: the input, unchanged, since models here are run and not trained.
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/run.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer(Inference& call) {
  TRY(infer_same(call));
  if (call.node().outputs().size() > 1) {
    const graph::Shape* shape = call.shape(0);
    call.set_output(1, DType::boolean, shape == nullptr ? std::nullopt : std::optional(*shape));
  }
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &training = call.input(2), &ratio = call.input(1);
  bool drops = training.present() && TRY(one_number(training, "training_mode")) != 0;
  if (drops && ratio.present()) drops = TRY(one_number(ratio, "ratio")) != 0;
  if (drops) return Error(Kind::unsupported, "unsupported-form", "training_mode is not supported");
  TRY(output_copy(call, outputs, call.input(0).dims));
  if (!outputs.wanted(1)) return {};
  MutableTensorView mask = TRY(outputs.allocate(1, DType::boolean, call.input(0).dims));
  auto kept = mask.as<bool>();
  std::fill(kept.begin(), kept.end(), true);
  return {};
}

// Until opset 11 the ratio was an attribute, which matters in training alone; until 9 the mask was of the data's type.
Result<void> upgrade(const Upgrade& upgrade) {
  upgrade.node.attributes.erase("ratio");
  graph::Value *mask = upgrade.node.output(1), *x = upgrade.node.input(0);
  if (upgrade.opset >= 10 || mask == nullptr) return {};
  graph::Value* ones = upgrade.insert("ConstantOfShape", {upgrade.insert("Shape", {x})}, {{"value", f32({1}, {1})}});
  upgrade.node.graph().replace_uses(mask, upgrade.insert("CastLike", {ones, x}));
  return {};
}

constexpr AttributeDef attributes[] = {{"seed", AttributeType::integer, "of training alone"}};

constexpr OpDef defs[] = {
    {"", "Dropout", 22, "The input, unchanged: nothing is dropped outside of training.", "data ratio? training_mode?",
     "output mask?", all_float_types, attributes, infer,
     [] {
       return Examples{{"nothing is dropped",
                        {f32({2}, {1, 2}), f32({}, {0.5f})},
                        {},
                        {f32({2}, {1, 2}), boolean({2}, {true, true})},
                        0}};
     },
     upgrade},
};
constexpr OpRun runs[] = {{"", "Dropout", evaluate}};

}  // namespace

std::span<const OpDef> dropout_ops() { return defs; }
std::span<const OpRun> dropout_runs() { return runs; }

}  // namespace modelctl::ops
