// Conv: a sliding dot product over one to three spatial axes, in groups of channels. X is [N, C, spatial...], W is [M,
// C / group, kernel...], Y is [N, M, spatial...]. The geometry is that of reference/window.hpp. The fast path is not
// lowered from here: passes/channels_last.cpp rewrites f32 convolutions as modelctl::Conv, whose kernel has channels
// last.
#include "ops/family/cost.hpp"
#include "ops/family/window.hpp"
#include "ops/reference/convolve.hpp"
#include "ops/schema/example.hpp"

namespace modelctl::ops {
namespace {

// out = floor((in + pads - dilation (kernel - 1) - 1) / stride) + 1 along each axis, as an expression of the input's
// size.
Result<void> infer(Inference& call) {
  DType element = TRY(common_element(call));
  call.set_output(0, element, TRY(convolution_shape(call, 0, 1, 2)));
  return {};
}

// Y[n, m, p] = B[m] + sum over c, k of X[n, g C / group + c, p stride - begin + k dilation] W[m, c, k], where g = m /
// (M / group) is the group of output channel m. A place in the padding adds nothing. As everywhere in neural networks
// this is a correlation: the kernel is not flipped. The product of two f32 is exact in f64, so that only the additions
// round, and the result once more. The loops read typed memory instead of calling load_of, since they read each element
// many times.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &w = call.input(1), &b = call.input(2);
  TRY(same_type(x, w));
  Convolution conv = TRY(convolution_of(call.attributes, x.dims, w.dims));
  if (b.present()) {
    TRY(same_type(x, b));
    if (b.rank() != 1 || b.dim(0) != conv.maps) return refuse("B must have one element for each of W's outputs");
  }
  return for_type<Floats>(x.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, x.type, conv.dims));
    if (y.elements() == 0) return {};
    T* out = y.as<T>().data();
    // Through compute_t, since f16 and bf16 convert to f32 alone. The double sum is rounded after the bias is added.
    auto bias = [&](std::int64_t map) {
      return b.present() ? static_cast<double>(static_cast<compute_t<T>>(b.as<T>()[static_cast<std::size_t>(map)])) : 0;
    };
    convolve(call, conv, x.as<T>().data(), w.as<T>().data(), [&](std::int64_t i, std::int64_t map, double sum) {
      out[i] = static_cast<T>(static_cast<compute_t<T>>(sum + bias(map)));
    });
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    auto_pad_attribute, dilations_attribute,
    group_attribute,    {"kernel_shape", AttributeType::integers, "the kernel's sizes; W's if absent"},
    pads_attribute,     strides_attribute};

constexpr OpDef defs[] = {
    {
        .name = "Conv",
        .since = 22,
        .summary = "A sliding dot product over the spatial axes, in groups of channels.",
        .inputs = "X W:X B?:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = attributes,
        .traits = {.multiplications = product_of_operands},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .examples =
            [] {
              return Examples{{"a 1x1 kernel keeps the image's size",
                               {f32({1, 1, 2, 2}, {1, 2, 3, 4}), f32({1, 1, 1, 1}, {2}), f32({1}, {1})},
                               {},
                               {f32({1, 1, 2, 2}, {3, 5, 7, 9})}},
                              {"padding, strides and dilation",
                               {f32({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), f32({1, 1, 2, 2}, {1, 1, 1, 1})},
                               {{"pads", Ints{1, 1, 0, 0}}, {"strides", Ints{1, 2}}, {"dilations", Ints{1, 2}}},
                               {f32({1, 1, 3, 1}, {2, 7, 13})}},
                              {"one group for each channel",
                               {f32({1, 2, 2}, {1, 2, 3, 4}), f32({2, 1, 2}, {1, 1, 1, -1})},
                               {{"group", std::int64_t{2}}},
                               {f32({1, 2, 1}, {3, -1})}},
                              {"as large as the input",
                               {f32({1, 1, 3}, {1, 2, 3}), f32({1, 1, 2}, {1, 1})},
                               {{"auto_pad", std::string("SAME_UPPER")}},
                               {f32({1, 1, 3}, {3, 5, 3})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Conv", evaluate}};

}  // namespace

std::span<const OpDef> conv_ops() { return defs; }
std::span<const OpRun> conv_runs() { return runs; }

}  // namespace modelctl::ops
