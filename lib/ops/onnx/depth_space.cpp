// DepthToSpace and SpaceToDepth: channels become blocks of pixels, and back. modelctl::DepthToSpace is the form with
// channels last that passes/move_transposes.cpp introduces.
#include "kernels/transpose.hpp"
#include "ops/reference/broadcast.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// So that its square, by which sizes are multiplied, is at most 2^30.
constexpr std::int64_t largest_block = std::int64_t{1} << 15;

// The block size must divide what is split. The run checks that; the quotient of a symbolic size is an expression.
template <bool to_space, bool last>
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 4, 4));
  std::int64_t block = call.attributes().integer("blocksize");
  if (block < 1 || block > largest_block) return call.bad("blocksize cannot be " + std::to_string(block));
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    Expr b(block), bb(block * block);
    if (last) shape = Shape{(*x)[0], (*x)[1] * b, (*x)[2] * b, floor_div((*x)[3], bb)};
    else if (to_space) shape = Shape{(*x)[0], floor_div((*x)[1], bb), (*x)[2] * b, (*x)[3] * b};
    else shape = Shape{(*x)[0], (*x)[1] * bb, floor_div((*x)[2], b), floor_div((*x)[3], b)};
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// The kernel's name for the form of a node.
std::string form_of(const Attributes& attributes, bool to_space, bool last) {
  if (!to_space) return "space_to_depth";
  return std::string(attributes.text("mode", "DCR") == "CRD" ? "crd" : "dcr") + (last ? "_last" : "");
}

// A reshape to six axes, a permutation of them and a reshape to four.
//
// With block size b and c = C / b^2 (kernels::view_of_blocks has the same for the kernel, and with channels last):
//
//   DepthToSpace DCR  [N, b, b, c, H, W]          permuted by 0 3 4 1 5 2 to [N, c, H, b, W, b]
//   DepthToSpace CRD  [N, c, b, b, H, W]          permuted by 0 1 4 2 5 3 to the same
//   SpaceToDepth      [N, C, H / b, b, W / b, b]  permuted by 0 3 5 1 2 4 to [N, b, b, C, H / b, W / b]
//
// DCR stands for depth, column, row, and CRD for column, row, depth. SpaceToDepth inverts DCR. Opset 11 added the
// attribute `mode`; older nodes are DCR, its default. Elements are only moved, so one loop for each width serves all
// types.
template <bool to_space, bool last>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  std::int64_t block = call.attributes.integer("blocksize");
  if (block < 1 || block > largest_block) return refuse("blocksize cannot be " + std::to_string(block));
  if (x.rank() != 4) return refuse("the input must have rank 4");
  // Each product that view_of_blocks forms of a size and the block, before it forms it.
  for (std::int64_t size : x.dims) TRY(checked_multiply(size, block * block));
  auto view = kernels::view_of_blocks(form_of(call.attributes, to_space, last), x.dims, block);
  if (!view) {
    return refuse(to_space ? "the square of blocksize does not divide the channels"
                           : "blocksize does not divide height and width");
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, view->out));
  Dims own = strides_of(view->split), permuted, strides;
  for (std::int64_t axis : view->order) {
    permuted.push_back(view->split[static_cast<std::size_t>(axis)]);
    strides.push_back(own[static_cast<std::size_t>(axis)]);
  }
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for_each_index<1>(permuted, {strides},
                      [&](std::int64_t i, const std::array<std::int64_t, 1>& at) { out[i] = in[at[0]]; });
    return {};
  });
}

// The kernel moves elements of 1, 2, 4 and 8 bytes; strings and complex numbers of 16 bytes stay with evaluate.
template <bool to_space, bool last>
Result<bool> lower(Lowering& call) {
  const int width = bits(call.element(0));
  if (call.shape(0) == nullptr || (width != 8 && width != 16 && width != 32 && width != 64)) return false;
  call.emit("blocks", {call.node().input(0)},
            {{"block", call.attributes().integer("blocksize")}, {"form", form_of(call.attributes(), to_space, last)}});
  return true;
}

constexpr AttributeDef block = {"blocksize", AttributeType::integer, "height and width of a block", true};
constexpr AttributeDef of_to_space[] = {
    block, text_choice("mode", "DCR CRD", "the place of blocks in the channels, outermost or innermost")};
constexpr AttributeDef of_to_depth[] = {block};

constexpr OpDef defs[] = {
    {
        .name = "DepthToSpace",
        .since = 13,
        .summary = "Channels become blocks of pixels.",
        .inputs = "input",
        .outputs = "output",
        .types = any_type,
        .attributes = of_to_space,
        .traits = {.data_movement = DataMovement::rearrange},
        .infer = infer<true, false>,
        .short_floats = ShortFloats::follow,
        .lower = lower<true, false>,
        .examples =
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
            },
    },
    {
        .name = "SpaceToDepth",
        .since = 13,
        .summary = "Blocks of pixels become channels.",
        .inputs = "input",
        .outputs = "output",
        .types = any_type,
        .attributes = of_to_depth,
        .traits = {.data_movement = DataMovement::rearrange},
        .infer = infer<false, false>,
        .short_floats = ShortFloats::follow,
        .lower = lower<false, false>,
        .examples =
            [] {
              return Examples{{"one channel becomes four",
                               {f32({1, 1, 2, 2}, {1, 2, 3, 4})},
                               {{"blocksize", std::int64_t{2}}},
                               {f32({1, 4, 1, 1}, {1, 2, 3, 4})},
                               0}};
            },
    },
    {
        .domain = "modelctl",
        .name = "DepthToSpace",
        .since = 1,
        .summary = "Channels become blocks of pixels, with channels last.",
        .inputs = "input",
        .outputs = "output",
        .types = any_type,
        .attributes = of_to_space,
        .traits = {.data_movement = DataMovement::rearrange, .channels_last = true},
        .infer = infer<true, true>,
        .lower = lower<true, true>,
        .examples =
            [] {
              Tensor x = f32({1, 1, 1, 8}, {1, 2, 3, 4, 5, 6, 7, 8});
              return Examples{{"blocks outermost",
                               {x},
                               {{"blocksize", std::int64_t{2}}},
                               {f32({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})},
                               0},
                              {"blocks innermost",
                               {x},
                               {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}},
                               {f32({1, 2, 2, 2}, {1, 5, 2, 6, 3, 7, 4, 8})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "DepthToSpace", evaluate<true, false>},
                          {"", "SpaceToDepth", evaluate<false, false>},
                          {"modelctl", "DepthToSpace", evaluate<true, true>}};

}  // namespace

std::span<const OpDef> depth_space_ops() { return defs; }
std::span<const OpRun> depth_space_runs() { return runs; }

}  // namespace modelctl::ops
