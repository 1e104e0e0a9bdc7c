// Dropout: the input unchanged, unless the model is in training form: then elements are set to zero at random.
#include "ops/reference/element.hpp"
#include "ops/reference/random_samples.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// Type and shape of the mask follow from the data, at inference as well; most nodes do not name that output.
Result<void> infer(Inference& call) {
  TRY(infer_same(call));
  if (call.node().outputs().size() > 1) {
    const graph::Shape* shape = call.shape(0);
    call.set_output(1, DType::boolean, shape == nullptr ? std::nullopt : std::optional(*shape));
  }
  return {};
}

// The ratio may be of any float type, those of 8 bits included.
Result<double> ratio_of(const TensorView& ratio) {
  if (!ratio.present()) return 0.5;
  if (!is_float(ratio.type)) return refuse_type(ratio.type);
  if (ratio.elements() != 1) return refuse("ratio must have one element");
  return load_of<double>(ratio.type)(ratio.data, 0);
}

// Each element is kept with probability 1 - ratio and divided by it, so that the expected value does not change. Sample
// i is a function of the seed and i, so the same elements are dropped in each run and on each machine. RandomSamples
// takes the seed as an f32: two integers beyond 2^24 may be the same seed.
Result<void> drop(const Call& call, Outputs& outputs, double ratio) {
  const TensorView& x = call.input(0);
  if (!(ratio >= 0 && ratio < 1)) return refuse("the ratio must be from 0 to less than 1");
  if (!is_float(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  bool* kept = nullptr;
  if (outputs.wanted(1)) kept = TRY(outputs.allocate(1, DType::boolean, x.dims)).as<bool>().data();
  // The attribute is an integer here, a float elsewhere.
  RandomSamples samples({{"seed", static_cast<float>(call.attributes.integer("seed"))}});
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  for (std::int64_t i = 0, count = x.elements(); i < count; ++i) {
    bool keep = samples.uniform(i) >= ratio;
    store(y.data, i, keep ? load(x.data, i) / (1 - ratio) : 0);
    if (kept != nullptr) kept[i] = keep;
  }
  return {};
}

// The mask output exists in inference too, and is then all true. Outside of training the ratio is not read, whatever it
// holds; in training a ratio of 0 drops nothing, and is a copy as well.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &training = call.input(2), &ratio = call.input(1);
  if (training.present() && TRY(one_number(training, "training_mode")) != 0) {
    double part = TRY(ratio_of(ratio));
    if (part != 0) return drop(call, outputs, part);
  }
  TRY(output_copy(call, outputs, call.input(0).dims));
  if (!outputs.wanted(1)) return {};
  MutableTensorView mask = TRY(outputs.allocate(1, DType::boolean, call.input(0).dims));
  auto kept = mask.as<bool>();
  std::fill(kept.begin(), kept.end(), true);
  return {};
}

// Until opset 11 the ratio was an attribute, which only matters in training; until 9 the mask was of the data's type.
// Training became an input, training_mode, with opset 12: what older nodes mean is inference, and their mask is all
// ones.
Result<void> upgrade(const Upgrade& upgrade) {
  upgrade.node.attributes.erase("ratio");
  graph::Value *mask = upgrade.node.output(1), *x = upgrade.node.input(0);
  if (upgrade.opset >= 10 || mask == nullptr) return {};
  graph::Value* ones = upgrade.insert("ConstantOfShape", {upgrade.insert("Shape", {x})}, {{"value", f32({1}, {1})}});
  upgrade.node.graph().replace_uses(mask, upgrade.insert("CastLike", {ones, x}));
  return {};
}

constexpr AttributeDef attributes[] = {
    {"seed", AttributeType::integer,
     "of training: the same one drops the same elements; made of the node's name if absent"}};

// Impure because of training: the node is neither folded nor shared. passes/erase_identities.cpp removes it if it is
// known to be at inference.
constexpr OpDef defs[] = {
    {
        .name = "Dropout",
        .since = 22,
        .summary = "The input, unchanged; in training, some elements are set to zero at random.",
        .inputs = "data ratio?:floats,f8e4m3fn,f8e4m3fnuz,f8e5m2,f8e5m2fnuz training_mode?:bool",
        .outputs = "output mask?",
        .types = all_float_types,
        .attributes = attributes,
        .infer = infer,
        .upgrade = upgrade,
        .impure = true,
        .examples =
            [] {
              return Examples{{"nothing is dropped",
                               {f32({2}, {1, 2}), f32({}, {0.5f})},
                               {},
                               {f32({2}, {1, 2}), boolean({2}, {true, true})},
                               0},
                              {"training, with a ratio of 8 bits",
                               {f32({2}, {1, 2}), small(DType::f8e4m3fn, {}, {0x30}), boolean({}, {true})},
                               {},
                               {f32({2}, {2, 0}), boolean({2}, {true, false})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Dropout", evaluate}};

}  // namespace

std::span<const OpDef> dropout_ops() { return defs; }
std::span<const OpRun> dropout_runs() { return runs; }

}  // namespace modelctl::ops
