// Binary: one probability for each row becomes one of two labels, by a threshold.
//
//   [batch] or [batch,1] -> Sigmoid, if asked -> p -> GreaterOrEqual -> Gather -> label string[batch]
//                                                  -> p, or 1 - p of the first label -> probability f32[batch]
#include "processing/kind.hpp"

#include <fmt/format.h>

namespace modelctl::processing {
namespace {

using graph::Value;

constexpr std::string_view activations[] = {"none", "sigmoid"};

constexpr Key keys[] = {
    {.name = "labels",
     .type = KeyType::labels,
     .meaning = "Two names: of what is below the threshold, and of the rest",
     .required = true},
    {"activation", KeyType::text, "none", "What makes a probability of what the model returns", activations},
    {"threshold", KeyType::number, "0.5", "The least probability of the second label", {}, 0, 1}};

Result<void> build(OutputCall& call) {
  const graph::Type& type = call.tensor->type;
  bool column = type.shape && type.shape->size() == 2 && (*type.shape)[1].constant() == 1;
  bool vector = type.shape && type.shape->size() == 1;
  if (!is_float(type.element) || (!column && !vector)) {
    return call.bad(fmt::format("the model returns {}, and one probability for each row would be [batch,1] of floats",
                                graph::describe(type)));
  }
  const std::vector<std::string>& texts = call.settings.texts("labels");
  if (texts.size() != 2) return call.bad(fmt::format("there are {} labels instead of two", texts.size()), "labels");
  Value* p = TRY(call.nodes.cast(call.tensor, DType::f32));
  if (column) p = TRY(call.nodes.add("Squeeze", {p, call.nodes.ints({1})}));
  if (call.settings.text("activation") == "sigmoid") p = TRY(call.nodes.add("Sigmoid", {p}));
  double threshold = call.settings.number("threshold");
  Value* second = TRY(call.nodes.add("GreaterOrEqual", {p, call.nodes.floats({threshold})}));
  Value* labels = call.nodes.constant(Tensor::of_strings({2}, texts));
  Value* label = TRY(call.nodes.add("Gather", {labels, TRY(call.nodes.cast(second, DType::i64))}));
  Value* other = TRY(call.nodes.add("Sub", {call.nodes.floats({1}), p}));
  Value* probability = TRY(call.nodes.add("Where", {second, p, other}));
  call.outputs = {
      {label,
       "label",
       {Content::label, fmt::format("'{}' from a probability of {} on, else '{}'", texts[1], threshold, texts[0])}},
      {probability, "probability", {Content::probability, "of the label"}}};
  return {};
}

constexpr OutputKind kind[] = {
    {"binary", "One probability for each row, which a threshold makes one of two labels", keys, build}};

}  // namespace

std::span<const OutputKind> binary_output() { return kind; }

}  // namespace modelctl::processing
