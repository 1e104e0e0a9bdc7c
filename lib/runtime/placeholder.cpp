// What a text must be shows in the step that reads it: one that decodes images, or one that looks up categories.
#include "runtime/placeholder.hpp"

#include <algorithm>

namespace modelctl::runtime {
namespace {

// A black image as a portable graymap, of the size that is taken if it is not resized.
std::string image_for(const Attributes& attributes) {
  constexpr std::int64_t usual = 64, largest = 4096;
  const std::vector<std::int64_t>& wanted = attributes.integers("wanted");
  bool exact = attributes.text("fit", "none") == "none" && wanted.size() == 2 && !attributes.has("crop");
  std::int64_t height = exact ? wanted[0] : usual, width = exact ? wanted[1] : usual;
  if (height < 1 || width < 1 || height > largest || width > largest) return "";
  return "P5 " + std::to_string(width) + " " + std::to_string(height) + " 255\n" +
         std::string(static_cast<std::size_t>(height * width), '\0');
}

std::string text_for(const artifact::Plan& plan, std::int32_t value) {
  for (const artifact::Step& step : plan.steps) {
    if (step.inputs.empty() || step.inputs[0] != value) continue;
    if (step.routine == "op:modelctl:DecodeImages") return image_for(step.attributes);
    const std::vector<std::string>& categories = step.attributes.texts("categories");
    if (step.routine == "op:modelctl:CategoryIndex" && !categories.empty()) return categories[0];
  }
  return "";
}

}  // namespace

Tensor placeholder(const artifact::Plan& plan, std::size_t input, Dims dims) {
  Tensor tensor(plan.signature.inputs[input].type, std::move(dims));
  if (tensor.type() == DType::string)
    std::ranges::fill(tensor.mutable_view().as<std::string>(), text_for(plan, plan.inputs[input]));
  return tensor;
}

}  // namespace modelctl::runtime
