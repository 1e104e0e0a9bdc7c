// DepthToSpace and SpaceToDepth: channels become blocks of pixels, and back.
#include "ops/broadcast.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"
#include "ops/storage.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

constexpr std::int64_t largest_block = std::int64_t{1} << 15;

Result<void> infer(Inference& call, bool to_space) {
  TRY(need_rank(call, 0, 4, 4));
  std::int64_t block = call.attributes().integer("blocksize");
  if (block < 1 || block > largest_block) return call.bad("blocksize cannot be " + std::to_string(block));
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    Expr b(block), bb(block * block);
    if (to_space) shape = Shape{(*x)[0], floor_div((*x)[1], bb), (*x)[2] * b, (*x)[3] * b};
    else shape = Shape{(*x)[0], (*x)[1] * bb, floor_div((*x)[2], b), floor_div((*x)[3], b)};
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// Both are a reshape to six axes, a permutation of them and a reshape to four.
Result<void> permute(const TensorView& x, Outputs& outputs, const Dims& dims, const std::array<std::int64_t, 6>& split,
                     const std::array<std::size_t, 6>& order) {
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  Dims own = strides_of(split), walked, strides;
  for (std::size_t axis : order) {
    walked.push_back(split[axis]);
    strides.push_back(own[axis]);
  }
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    walk<1>(walked, {strides}, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) { out[i] = in[at[0]]; });
    return {};
  });
}

Result<std::int64_t> block_of(const Call& call) {
  std::int64_t block = call.attributes.integer("blocksize");
  if (block < 1 || block > largest_block) return refuse("blocksize cannot be " + std::to_string(block));
  if (call.input(0).rank() != 4) return refuse("the input must have rank 4");
  return block;
}

Result<void> depth_to_space(const Call& call, Outputs& outputs) {
  std::int64_t b = TRY(block_of(call));
  const TensorView& x = call.input(0);
  std::int64_t n = x.dim(0), c = x.dim(1) / (b * b), h = x.dim(2), w = x.dim(3);
  if (x.dim(1) % (b * b) != 0) return refuse("the square of blocksize does not divide the channels");
  Dims dims{n, c, TRY(checked_multiply(h, b)), TRY(checked_multiply(w, b))};
  if (call.attributes.text("mode", "DCR") == "CRD")
    return permute(x, outputs, dims, {n, c, b, b, h, w}, {0, 1, 4, 2, 5, 3});
  return permute(x, outputs, dims, {n, b, b, c, h, w}, {0, 3, 4, 1, 5, 2});
}

Result<void> space_to_depth(const Call& call, Outputs& outputs) {
  std::int64_t b = TRY(block_of(call));
  const TensorView& x = call.input(0);
  std::int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2) / b, w = x.dim(3) / b;
  if (x.dim(2) % b != 0 || x.dim(3) % b != 0) return refuse("blocksize does not divide height and width");
  Dims dims{n, TRY(checked_multiply(c, b * b)), h, w};
  return permute(x, outputs, dims, {n, c, h, b, w, b}, {0, 3, 5, 1, 2, 4});
}

constexpr AttributeDef block = {"blocksize", AttributeType::integer, "height and width of a block", true};
constexpr AttributeDef of_to_space[] = {
    block, {"mode", AttributeType::text, "DCR, where absent: blocks outermost in the channels; CRD: innermost"}};
constexpr AttributeDef of_to_depth[] = {block};

constexpr OpDef defs[] = {
    {"", "DepthToSpace", 13, "Channels become blocks of pixels.", "input", "output", any_type, of_to_space,
     [](Inference& call) { return infer(call, true); },
     [] {
       return Examples{{"four channels become one",
                        {f32({1, 4, 1, 1}, {1, 2, 3, 4})},
                        {{"blocksize", std::int64_t{2}}},
                        {f32({1, 1, 2, 2}, {1, 2, 3, 4})},
                        0},
                       {"CRD",
                        {f32({1, 8, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8})},
                        {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}},
                        {f32({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})},
                        0},
                       {"DCR",
                        {f32({1, 8, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8})},
                        {{"blocksize", std::int64_t{2}}},
                        {f32({1, 2, 2, 2}, {1, 3, 5, 7, 2, 4, 6, 8})},
                        0}};
     }},
    {"", "SpaceToDepth", 13, "Blocks of pixels become channels.", "input", "output", any_type, of_to_depth,
     [](Inference& call) { return infer(call, false); },
     [] {
       return Examples{{"one channel becomes four",
                        {f32({1, 1, 2, 2}, {1, 2, 3, 4})},
                        {{"blocksize", std::int64_t{2}}},
                        {f32({1, 4, 1, 1}, {1, 2, 3, 4})},
                        0}};
     }},
};
constexpr OpRun runs[] = {{"", "DepthToSpace", depth_to_space}, {"", "SpaceToDepth", space_to_depth}};

}  // namespace

std::span<const OpDef> depth_space_ops() { return defs; }
std::span<const OpRun> depth_space_runs() { return runs; }

}  // namespace modelctl::ops
