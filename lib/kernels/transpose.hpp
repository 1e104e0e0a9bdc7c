// kernel:transpose — Y = X with its axes in another order.
//
//   inputs      X of any type of 1, 2, 4 or 8 bytes
//   outputs     Y of the same type: axis i of Y is axis perm[i] of X
//   attributes  perm (required)
//
// Axes that stay neighbors are one. What is left copies runs if the last axis stays last, and otherwise turns
// blocks that fit the first-level cache; between NCHW and NHWC that is one turn of [C, H*W] per image.
//
// kernel:blocks — Y = X with blocks of channels moved into the image, or back.
//
//   inputs      X of any type of 1, 2, 4 or 8 bytes, of four dimensions
//   outputs     Y of the same type
//   attributes  block (integer: a block's height and width), form (view_of_blocks())
#pragma once

#include "tensor/tensor.hpp"

#include <optional>
#include <string_view>

namespace modelctl::kernels {

// DepthToSpace and its like as a permutation of six axes: X of dimensions `split`, axes in `order`, is Y of `out`.
// Forms: dcr and crd (blocks outermost or innermost in the channels), the same with _last if X is channels last, and
// space_to_depth, which undoes dcr. Nothing if sizes do not divide. Sizes times `b` must fit.
struct BlockView {
  Dims split, order, out;
};
std::optional<BlockView> view_of_blocks(std::string_view form, DimsView x, std::int64_t b);

}  // namespace modelctl::kernels
