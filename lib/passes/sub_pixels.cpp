// y = ConvTranspose(x, w), stride s  ->  y = DepthToSpace(Conv(x, w')), blocks of s x s pixels
// What a transposed convolution puts s apart are s * s plain convolutions of the input, one for each place in a block:
// as channels of one, they run at the speed of convolutions. A Slice cuts what padding takes away. Not for groups,
// dilations, strides that differ, or weights that are computed.
#include "ops/reference/window.hpp"
#include "ops/schema/operator.hpp"
#include "passes/match.hpp"
#include "passes/pass.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace modelctl::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using Ints = std::vector<std::int64_t>;

// w [C, M, kh, kw] as the weights of the convolution, [s * s * M, C, taps, taps]: its tap t is tap
// s * (taps - 1 - t) + p of the transposed one for place p in the block; zeros where that is beyond.
Tensor spread(const Tensor& w, std::int64_t s, const std::array<std::int64_t, 2>& taps) {
  const Dims& from = w.dims();
  const std::int64_t channels = from[0], maps = from[1];
  Tensor made(DType::f32, {s * s * maps, channels, taps[0], taps[1]});
  const float* in = w.as<float>().data();
  float* out = made.mutable_view().as<float>().data();
  for (std::int64_t place = 0; place < s * s; ++place) {
    for (std::int64_t m = 0; m < maps; ++m) {
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t th = 0; th < taps[0]; ++th) {
          for (std::int64_t tw = 0; tw < taps[1]; ++tw) {
            const std::int64_t h = s * (taps[0] - 1 - th) + place / s, v = s * (taps[1] - 1 - tw) + place % s;
            *out++ = h < from[2] && v < from[3] ? in[((c * maps + m) * from[2] + h) * from[3] + v] : 0.0f;
          }
        }
      }
    }
  }
  return made;
}

Tensor repeated(const Tensor& bias, std::int64_t times) {
  Tensor made(DType::f32, {bias.elements() * times});
  float* out = made.mutable_view().as<float>().data();
  for (std::int64_t i = 0; i < times; ++i) out = std::copy_n(bias.as<float>().data(), bias.elements(), out);
  return made;
}

bool convert(Node& node) {
  if (!node.is("ConvTranspose") || !plain_f32(node.input(0)) || node.output(0) == nullptr) return false;
  const Tensor *w = constant(node.input(1)), *bias = constant(node.input(2));
  if (w == nullptr || w->dims().size() != 4 || w->elements() == 0 || (node.input(2) != nullptr && bias == nullptr)) {
    return false;
  }
  const Attributes& attributes = node.attributes;
  if (attributes.integer("group", 1) != 1 || attributes.has("output_shape")) return false;
  const DimsView kernel = DimsView(w->dims()).subspan(2);
  auto windows = ops::read_windows(attributes, kernel, 2);
  if (!windows || (windows->auto_pad != ops::AutoPad::none && windows->auto_pad != ops::AutoPad::valid)) return false;
  Ints more = attributes.integers("output_padding");
  if (more.empty()) more = {0, 0};
  const std::int64_t s = windows->axes[0].stride;
  if (windows->axes[1].stride != s || s < 2 || s > 64 || more.size() != 2) return false;

  std::array<std::int64_t, 2> taps{};
  Ints pads(4, 0), starts, ends;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const ops::Window& window = windows->axes[axis];
    if (window.kernel != kernel[axis] || window.dilation != 1) return false;
    taps[axis] = (window.kernel + s - 1) / s;
    pads[axis] = pads[axis + 2] = taps[axis] - 1;
    // The blocks give taps * s - kernel more than the transposed convolution, which then adds and cuts.
    const std::int64_t surplus = taps[axis] * s - window.kernel - more[axis] + window.end;
    if (surplus < 0 || window.begin < 0) return false;
    starts.push_back(window.begin);
    ends.push_back(surplus == 0 ? std::numeric_limits<std::int64_t>::max() : -surplus);
  }
  Graph& graph = node.graph();
  const std::string name = node.output(0)->name;
  std::vector<Value*> inputs{node.input(0), graph.add_constant(node.input(1)->name + ".blocks", spread(*w, s, taps))};
  if (bias != nullptr) inputs.push_back(graph.add_constant(node.input(2)->name + ".blocks", repeated(*bias, s * s)));
  auto add = [&](std::string_view op, std::vector<Value*> operands, Attributes given) {
    Node* made = graph.add_node("", op, std::move(operands), {name + "." + std::string(op)}, &node);
    made->name = node.name;
    made->attributes = std::move(given);
    (void)ops::infer(*made);  // what it takes was checked above
    return made->output(0);
  };
  Value* y = add("Conv", std::move(inputs), {{"pads", pads}});
  y = add("DepthToSpace", {y}, {{"blocksize", s}});
  const bool cuts = std::any_of(starts.begin(), starts.end(), [](std::int64_t start) { return start != 0; }) ||
                    std::any_of(ends.begin(), ends.end(), [](std::int64_t end) { return end < 0; });
  if (cuts) {
    auto list = [&](const Ints& numbers) { return graph.add_constant(name + ".cut", Tensor::of_ints(numbers)); };
    y = add("Slice", {y, list(starts), list(ends), list({2, 3})}, {});
  }
  Value* weights = node.input(1);
  replace(node, y);
  release_if_unused(weights);
  return true;
}

constexpr PassDef defs[] = {
    {"sub-pixels", "Writes transposed convolutions as convolutions of blocks of pixels.", at_each_node<convert>}};

}  // namespace

std::span<const PassDef> sub_pixels_pass() { return defs; }

}  // namespace modelctl::passes
