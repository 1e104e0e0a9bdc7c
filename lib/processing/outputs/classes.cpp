// Classes: an output with a score for each class becomes the names of the best ones and their probabilities; an output
// with the index of a class becomes its name.
//
//   [batch, classes] -> Softmax or Sigmoid, if asked -> TopK -> probability f32[batch, top]
//                                                            -> Gather from the names -> label string[batch, top]
#include "processing/kind.hpp"

#include <fmt/format.h>

namespace modelctl::processing {
namespace {

using graph::Shape;
using graph::Value;

constexpr std::string_view activations[] = {"none", "softmax", "sigmoid"};

constexpr Key keys[] = {
    {"labels",
     KeyType::labels,
     "",
     "Names of the classes, by index: a list, or a file with one per line",
     {},
     0,
     0,
     true},
    {"activation", KeyType::text, "none", "What makes probabilities of what the model returns", activations},
    {"top", KeyType::count, "1", "How many classes to return, the most probable first", {}, 1, 1000}};

Result<void> check_labels(const OutputCall& call, std::int64_t classes) {
  auto names = static_cast<std::int64_t>(call.settings.texts("labels").size());
  if (names == classes) return {};
  return call.bad(fmt::format("there are {} labels, and the model has {} classes", names, classes), "labels");
}

// The classes that an output of integers may have, as exporters of classifiers list them: in an attribute of the
// classifier, or as the constant that the class is taken from. Empty if it is not known.
std::vector<std::int64_t> classes_of(const Value* value) {
  for (const graph::Node* node = value->producer(); node != nullptr; node = value->producer()) {
    for (const char* attribute : {"classlabels_ints", "classlabels_int64s"}) {
      if (node->attributes.has(attribute)) return node->attributes.integers(attribute);
    }
    value = node->input(0);
    if (value == nullptr) break;
    bool takes = node->is("ArrayFeatureExtractor", "ai.onnx.ml") || node->is("Gather");
    if (takes && value->is_constant() && value->constant.type() == DType::i64) {
      auto classes = value->constant.as<std::int64_t>();
      return {classes.begin(), classes.end()};
    }
    if (!node->is("Cast") && !node->is("Reshape") && !node->is("Squeeze") && !node->is("Identity")) break;
  }
  return {};
}

// The class alone: an integer for each row.
Result<void> name_indices(OutputCall& call, Value* labels) {
  for (std::string_view key : {"activation", "top"}) {
    if (call.settings.has(key))
      return call.bad("the model returns the class itself and no scores", key, fmt::format("remove '{}'", key));
  }
  for (std::int64_t number : classes_of(call.tensor)) {
    auto count = static_cast<std::int64_t>(call.settings.texts("labels").size());
    if (number < 0 || number >= count) {
      return call.bad(
          fmt::format("the model returns the class {}, and {} labels are for 0 to {}", number, count, count - 1),
          "labels", "if the model has an output of scores, name the classes there; else leave it as it is");
    }
  }
  Value* names = TRY(call.nodes.add("Gather", {labels, call.tensor}));
  call.outputs = {{names, "label", {Content::label, "the class"}}};
  return {};
}

Result<void> build(OutputCall& call) {
  const graph::Type& type = call.tensor->type;
  const std::vector<std::string>& texts = call.settings.texts("labels");
  Value* labels = call.nodes.constant(Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts));
  if (is_integer(type.element)) return name_indices(call, labels);
  bool has_axis = type.shape && !type.shape->empty();
  std::int64_t classes = has_axis ? type.shape->back().constant().value_or(0) : 0;
  if (!is_float(type.element) || classes == 0) {
    return call.bad(fmt::format("the model returns {}, and a score for each class would be [batch,{}] of floats",
                                graph::describe(type), texts.size()));
  }
  TRY(check_labels(call, classes));
  std::int64_t top = call.settings.count("top");
  if (top > classes) return call.bad(fmt::format("the model has {} classes", classes), "top");
  Value* scores = TRY(call.nodes.cast(call.tensor, DType::f32));
  std::string activation = call.settings.text("activation");
  if (activation == "softmax") scores = TRY(call.nodes.add("Softmax", {scores}, {{"axis", std::int64_t{-1}}}));
  if (activation == "sigmoid") scores = TRY(call.nodes.add("Sigmoid", {scores}));
  graph::Node* best = TRY(call.nodes.add_node("", "TopK", {scores, call.nodes.ints({top})}, {}, 2));
  Value* names = TRY(call.nodes.add("Gather", {labels, best->output(1)}));
  std::string what = fmt::format("the most probable of {} classes", classes);
  if (top > 1) what = fmt::format("the {} most probable of {} classes", top, classes);
  std::string how = activation == "none" ? "as the model returns it" : activation;
  call.outputs = {{names, "label", {Content::label, what}},
                  {best->output(0), "probability", {Content::probability, "of the label, " + how}}};
  return {};
}

constexpr OutputKind kind[] = {{"classes", "A score for each class, or the index of the class", keys, build}};

}  // namespace

std::span<const OutputKind> classes_output() { return kind; }

}  // namespace modelctl::processing
