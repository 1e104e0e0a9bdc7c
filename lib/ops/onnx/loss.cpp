// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: how far scores are from labels, with optional class weights
// and a label to ignore.
//
//    loss[i] = -weight[label[i]] log p[i, label[i]]; sum = sum of loss[i]; mean = sum / sum of weight[label[i]]
//
// Ignored labels are in neither sum. If all are ignored, the mean is 0 / 0, NaN, as in PyTorch.
//
// Smallest runner: regular, since losses belong to training.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

// mean is weighted, and without ignored labels.
enum class Reduction : std::uint8_t { mean, sum, none };
constexpr std::string_view reductions = "mean sum none";

// reduction none keeps one number for each label; sum and mean give a scalar. mean divides by the sum of the weights
// used.
Result<void> infer(Inference& call) {
  auto reduction = choice_of<Reduction>(call.attributes(), "reduction", reductions);
  DType element = TRY(common_element(call, {0, 2}));
  TRY(need_rank(call, 0, 2));
  TRY(need_rank(call, 1, 1));
  TRY(need_rank(call, 2, 1, 1));
  const Shape *x = call.shape(0), *target = call.shape(1);
  std::optional<Shape> loss;
  if (target != nullptr) loss = *target;
  if (x != nullptr) {
    if (target != nullptr && target->size() + 1 != x->size()) return call.bad("the labels do not fit the scores");
    if (call.shape(2) != nullptr) TRY(same_size(call, (*x)[1], (*call.shape(2))[0]));
    loss = *x;
    loss->erase(loss->begin() + 1);
    for (std::size_t axis = 0; target != nullptr && axis < loss->size(); ++axis) {
      (*loss)[axis] = TRY(same_size(call, (*loss)[axis], (*target)[axis]));
    }
  }
  // Sizes are compared for all reductions, although only none keeps them.
  if (reduction != Reduction::none) loss = Shape();
  call.set_output(0, element, loss);
  if (call.node().outputs().size() > 1) {
    call.set_output(1, element, x == nullptr ? std::nullopt : std::optional(*x));
  }
  return {};
}

// Scores [batch, classes, inner…] and labels [batch, inner…]: a place is one label with its classes' scores. ONNX
// ignores no label unless ignore_index is given, unlike PyTorch, whose default is -100.
struct Places {
  Dims dims;  // of the labels
  std::int64_t count, classes, inner;
  bool ignores;
  std::int64_t ignored;
  Reduction reduction;

  bool counts(std::int64_t label) const { return !(ignores && label == ignored); }
  // The first class's score of a place; the next class's is `inner` further.
  std::int64_t base(std::int64_t place) const { return place / inner * classes * inner + place % inner; }
};

Result<Places> places_of(const Call& call) {
  const TensorView &x = call.input(0), &target = call.input(1), &weight = call.input(2);
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  TRY(need_rank(x, 2, "the scores"));
  Dims dims(x.dims.begin(), x.dims.end());
  const std::int64_t classes = dims[1];
  dims.erase(dims.begin() + 1);
  if (Dims(target.dims.begin(), target.dims.end()) != dims) {
    return refuse("labels of " + describe(target.type, target.dims) + " do not fit scores of " +
                  describe(x.type, x.dims));
  }
  if (weight.present()) {
    TRY(same_type(x, weight));
    if (weight.rank() != 1 || weight.dim(0) != classes) return refuse("there must be one weight for each class");
  }
  Places places{dims,
                product(dims),
                classes,
                product(x.dims.subspan(2)),
                call.attributes.has("ignore_index"),
                call.attributes.integer("ignore_index"),
                choice_of<Reduction>(call.attributes, "reduction", reductions)};
  if (target.type != DType::i32 && target.type != DType::i64) return refuse_type(target.type);
  // Labels index memory, so all of them are checked before anything is computed. The ignored one may be outside of the
  // classes, as -1 or 255 for unlabeled pixels; it is never used as an index.
  auto label_of = load_of<std::int64_t>(target.type);
  for (std::int64_t i = 0; i < places.count; ++i) {
    std::int64_t label = label_of(target.data, i);
    if ((label < 0 || label >= classes) && places.counts(label)) {
      return refuse("label " + std::to_string(label) + " is none of " + std::to_string(classes) + " classes");
    }
  }
  return places;
}

// What is subtracted from each of these scores to make it the logarithm of a probability. Scores are shifted by the
// greatest first, so that no exponential overflows. One exponential is then exp(0) = 1, so that the sum is at least 1
// and never 0, even if all the others underflow.
template <class Score>
double log_of_sum(std::int64_t classes, Score score) {
  double top = score(0), total = 0;
  for (std::int64_t c = 1; c < classes; ++c) top = std::max(top, score(c));
  for (std::int64_t c = 0; c < classes; ++c) total += std::exp(score(c) - top);
  return top + std::log(total);
}

// `softmax`: the first input has scores, to which LogSoftmax along axis 1 is applied; otherwise it has log
// probabilities.
template <bool softmax>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &target = call.input(1), &weight = call.input(2);
  const Places places = TRY(places_of(call));
  const bool whole = places.reduction == Reduction::none;
  void* loss = TRY(outputs.allocate(0, x.type, whole ? DimsView(places.dims) : DimsView())).data;
  void* logarithms = nullptr;
  if (softmax && outputs.wanted(1)) logarithms = TRY(outputs.allocate(1, x.type, x.dims)).data;

  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  auto label_of = load_of<std::int64_t>(target.type);
  double sum = 0, all_weights = 0;
  for (std::int64_t i = 0; i < places.count; ++i) {
    const std::int64_t base = places.base(i), label = label_of(target.data, i);
    auto score = [&](std::int64_t of) { return load(x.data, base + of * places.inner); };
    // Without classes there is no score to begin with; labels cannot exist then, except ignored ones.
    const double shift = softmax && places.classes > 0 ? log_of_sum(places.classes, score) : 0;
    for (std::int64_t c = 0; logarithms != nullptr && c < places.classes; ++c) {
      store(logarithms, base + c * places.inner, score(c) - shift);
    }
    const bool counts = places.counts(label);
    double factor = !counts ? 0 : weight.present() ? load(weight.data, label) : 1;
    double each = counts ? -(score(label) - shift) * factor : 0;
    sum += each;
    all_weights += factor;
    if (whole) store(loss, i, each);
  }
  if (!whole) store(loss, 0, places.reduction == Reduction::mean ? sum / all_weights : sum);
  return {};
}

constexpr AttributeDef attributes[] = {
    {"ignore_index", AttributeType::integer, "a label that does not count, whether or not it is a class"},
    text_choice("reduction", reductions, "of all losses; the mean is weighted, and without ignored labels")};

Tensor labels() { return i64({3}, {1, 0, 7}); }
Tensor scores() { return f32({3, 2}, {-1, -0.5f, -2, -0.25f, -3, -4}); }

constexpr OpDef defs[] = {
    {
        .name = "NegativeLogLikelihoodLoss",
        .since = 22,
        .summary = "The mean, sum or list of the labels' negative log probabilities.",
        .inputs = "input target:i32,i64 weight?:input",
        .outputs = "loss",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"a label that is ignored does not count in the mean",
                               {scores(), labels()},
                               {{"ignore_index", std::int64_t{7}}},
                               {f32({}, {1.25f})}},
                              {"classes of different weight",
                               {scores(), labels(), f32({2}, {3, 1})},
                               {{"ignore_index", std::int64_t{7}}},
                               {f32({}, {1.625f})}},
                              {"each loss by itself, in two places of one image",
                               {f32({1, 2, 2}, {-1, -2, -3, -4}), i32({1, 2}, {1, 0})},
                               {{"reduction", std::string("none")}},
                               {f32({1, 2}, {3, 2})}}};
            },
    },
    {
        .name = "SoftmaxCrossEntropyLoss",
        .since = 13,
        .summary = "The loss of scores whose softmax is the probability of each class.",
        .inputs = "scores labels:i32,i64 weights?:scores",
        .outputs = "output log_prob?",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"two equal scores",
                               {f32({1, 2}, {5, 5}), i64({1}, {0})},
                               {},
                               {f32({}, {0.69314718f}), f32({1, 2}, {-0.69314718f, -0.69314718f})}},
                              {"the sum, weighted",
                               {f32({2, 2}, {0, 0, 100, 0}), i32({2}, {0, 1}), f32({2}, {1, 2})},
                               {{"reduction", std::string("sum")}},
                               {f32({}, {200.69314718f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "NegativeLogLikelihoodLoss", evaluate<false>},
                          {"", "SoftmaxCrossEntropyLoss", evaluate<true>}};

}  // namespace

std::span<const OpDef> loss_ops() { return defs; }
std::span<const OpRun> loss_runs() { return runs; }

}  // namespace modelctl::ops
