// MaxUnpool and Col2Im: the inverses of pooling and of unfolding into columns.
//
// Smallest runner: regular, since only segmentation networks like SegNet have them.
#include "ops/family/window.hpp"
#include "ops/reference/broadcast.hpp"
#include "ops/reference/elementwise.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The size of an axis before pooling, if every window was full: (places - 1) * stride + kernel - begin - end. Pooling
// rounds down, so that a larger input may have given the same number of places; output_shape says which.
Result<std::int64_t> unpooled(const Window& window, std::int64_t places) {
  std::int64_t size = TRY(checked_multiply(places - 1, window.stride));
  size = TRY(checked_add(size, window.kernel - window.begin - window.end));
  if (size < 0) return refuse("pads are larger than the output");
  return size;
}

Result<void> infer_unpool(Inference& call) {
  TRY(need_rank(call, 0, 3));
  const Shape* x = call.shape(0);
  if (x == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  auto windows = read_windows(call.attributes(), {}, x->size() - 2);
  if (!windows) return call.bad(windows.error().what);
  Shape shape;
  auto requested = call.contents(2);
  if (call.present(2) && requested && requested->size() == x->size()) {
    shape.assign(requested->begin(), requested->end());
  } else if (call.present(2)) {
    shape = unknown_shape(call, x->size());
  } else {
    shape = {(*x)[0], (*x)[1]};
    for (std::size_t axis = 0; axis < windows->axes.size(); ++axis) {
      const Window& window = windows->axes[axis];
      auto known = (*x)[axis + 2].constant();
      Result<std::int64_t> size = known ? unpooled(window, *known) : Result<std::int64_t>(0);
      if (!size) return call.bad(size.error().what);
      Expr symbolic =
          ((*x)[axis + 2] - Expr(1)) * Expr(window.stride) + Expr(window.kernel - window.begin - window.end);
      shape.push_back(known ? Expr(*size) : symbolic);
    }
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// The indices refer to the elements of the tensor that was pooled, which starts at the beginning of each of the
// output's axes. They count through that whole tensor in row-major order, as MaxPool's do, so that a larger output
// needs each index taken apart by the pooled sizes and put together with the output's strides. Indices are data and are
// checked one by one; repeated ones, of windows that overlap, hold the same element.
Result<void> max_unpool(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &picks = call.input(1);
  TRY(need_rank(x, 3, "X"));
  if (picks.type != DType::i64) return refuse("the indices must be i64");
  if (!std::equal(x.dims.begin(), x.dims.end(), picks.dims.begin(), picks.dims.end())) {
    return refuse("the indices must have the dimensions of X");
  }
  Windows windows = TRY(read_windows(call.attributes, {}, x.rank() - 2));
  Dims pooled{x.dim(0), x.dim(1)};
  std::int64_t all = x.dim(0) * x.dim(1);
  for (std::size_t axis = 0; axis < windows.axes.size(); ++axis) {
    pooled.push_back(x.dim(axis + 2) == 0 ? 0 : TRY(unpooled(windows.axes[axis], x.dim(axis + 2))));
    all = TRY(checked_multiply(all, pooled.back()));
  }
  Dims dims = pooled;
  if (call.input(2).present()) {
    dims = TRY(integers(call.input(2), "output_shape"));
    if (dims.size() != x.rank()) return refuse("output_shape must have one size for each axis");
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      if (dims[axis] < pooled[axis]) return refuse("output_shape is smaller than what was pooled");
    }
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  Dims strides = strides_of(dims);
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    auto out = y.as<T>();
    std::fill(out.begin(), out.end(), T{});
    for (std::int64_t index : picks.as<std::int64_t>()) {
      if (index < 0 || index >= all) {
        return refuse("index " + std::to_string(index) + " is outside a tensor of " + std::to_string(all) +
                      " elements");
      }
      std::int64_t at = 0;
      for (std::size_t axis = dims.size(); axis-- > 0; index /= pooled[axis])
        at += index % pooled[axis] * strides[axis];
      out[static_cast<std::size_t>(at)] = *in++;
    }
    return {};
  });
}

// col2im walks two axes for each of the image's, 16 at most.
constexpr std::size_t most_axes = 8;

// Blocks of an image: the attributes of read_windows with the block as the kernel.
Result<Windows> blocks_of(const Attributes& attributes, DimsView image, DimsView block) {
  if (image.size() != block.size() || image.empty() || image.size() > most_axes) {
    return refuse("image_shape and block_shape must have one size for each of up to " + std::to_string(most_axes) +
                  " axes");
  }
  return read_windows(attributes, block, block.size());
}

// [N, C * taps, places] becomes [N, C, image]: the block's size divides the rows into channels. image_shape's length
// alone gives the rank.
Result<void> infer_col2im(Inference& call) {
  TRY(need_rank(call, 0, 3, 3));
  TRY(need_rank(call, 1, 1, 1));
  TRY(need_rank(call, 2, 1, 1));
  const Shape* x = call.shape(0);
  auto image = call.contents(1);
  auto block = known_integers(call, 2);
  auto axes = image ? std::optional(static_cast<std::int64_t>(image->size())) : known_length(call, 1);
  if (!axes) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  if (*axes < 1 || *axes > static_cast<std::int64_t>(most_axes)) return call.bad("image_shape has too many axes");
  Shape shape = unknown_shape(call, static_cast<std::size_t>(*axes) + 2);
  if (x != nullptr) shape[0] = (*x)[0];
  std::int64_t taps = 1;
  if (block) {
    for (std::int64_t size : *block) {
      if (size < 1 || __builtin_mul_overflow(taps, size, &taps)) {
        return call.bad("block_shape cannot hold " + std::to_string(size));
      }
    }
  }
  if (x != nullptr && block) shape[1] = floor_div((*x)[1], Expr(taps));
  if (image) std::copy(image->begin(), image->end(), shape.begin() + 2);
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// Each column is added to the image where it was taken from; overlapping columns add up. Indices cannot leave the
// image, since they follow from checked geometry and not from data. This is the transpose of the unfolding that turns a
// convolution into a product, not its inverse: an element that k blocks share comes out k times.
Result<void> col2im(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.rank() != 3) return refuse("the input must have rank 3, not " + std::to_string(x.rank()));
  if (!holds<Numbers>(x.type)) return refuse_type(x.type);
  Dims image = TRY(integers(call.input(1), "image_shape")), block = TRY(integers(call.input(2), "block_shape"));
  Windows windows = TRY(blocks_of(call.attributes, image, block));
  std::int64_t taps = 1, places = 1, plane = 1;
  Dims walked(block), counts;
  for (std::size_t axis = 0; axis < image.size(); ++axis) {
    counts.push_back(TRY(window_count(windows, axis, image[axis])));
    taps = TRY(checked_multiply(taps, block[axis]));
    places = TRY(checked_multiply(places, counts.back()));
    plane = TRY(checked_multiply(plane, image[axis]));
  }
  if (x.dim(1) % taps != 0 || x.dim(2) != places) {
    return refuse("the input must have a multiple of " + std::to_string(taps) + " rows and " + std::to_string(places) +
                  " columns");
  }
  std::int64_t channels = x.dim(1) / taps;
  Dims dims{x.dim(0), channels};
  dims.insert(dims.end(), image.begin(), image.end());
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (std::uint64_t size = *byte_size(x.type, dims); size > 0) std::memset(y.data, 0, size);
  if (x.elements() == 0) return {};
  // The offset in its plane of each element of one batch and channel: the taps' axes first, then those of the
  // positions.
  std::vector<std::int64_t> to;
  walked.insert(walked.end(), counts.begin(), counts.end());
  Dims index(walked.size(), 0);
  for (std::int64_t i = 0; i < taps * places; ++i) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < image.size() && at >= 0; ++axis) {
      const Window& window = windows.axes[axis];
      std::int64_t pixel = index[image.size() + axis] * window.stride - window.begin + index[axis] * window.dilation;
      at = pixel < 0 || pixel >= image[axis] ? -1 : at * image[axis] + pixel;
    }
    to.push_back(at);
    for (std::size_t axis = walked.size(); axis-- > 0 && ++index[axis] == walked[axis];) index[axis] = 0;
  }
  // Sums are kept in the wide type and stored once, so that f16 and bf16 round once for an element of the image.
  with_wide<Numbers>(x.type, [&]<class W>() {
    auto load = load_of<W>(x.type);
    auto store = store_of<W>(x.type);
    std::vector<W> sums(static_cast<std::size_t>(plane));
    std::int64_t each = taps * places;
    for (std::int64_t n = 0; n < x.dim(0) * channels; ++n) {
      std::fill(sums.begin(), sums.end(), W{0});
      for (std::int64_t i = 0; i < each; ++i) {
        std::int64_t at = to[static_cast<std::size_t>(i)];
        if (at < 0) continue;
        W& sum = sums[static_cast<std::size_t>(at)];
        sum = wrap_add(sum, load(x.data, n * each + i));
      }
      for (std::int64_t at = 0; at < plane; ++at) store(y.data, n * plane + at, sums[static_cast<std::size_t>(at)]);
    }
  });
  return {};
}

constexpr AttributeDef of_unpool[] = {
    {"kernel_shape", AttributeType::integers, "the pooling window's sizes", true}, pads_attribute, strides_attribute};
constexpr AttributeDef of_col2im[] = {dilations_attribute, pads_attribute, strides_attribute};

constexpr OpDef defs[] = {
    {
        .name = "MaxUnpool",
        .since = 22,
        .summary = "Pooled elements where MaxPool found them, zeros elsewhere.",
        .inputs = "X I:i64 output_shape?:I",
        .outputs = "output",
        .types = float_types,
        .attributes = of_unpool,
        .infer = infer_unpool,
        .examples =
            [] {
              Tensor pooled = f32({1, 1, 2, 2}, {5, 6, 7, 8}), places = i64({1, 1, 2, 2}, {5, 7, 13, 15});
              return Examples{{"windows of two",
                               {pooled, places},
                               {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}},
                               {f32({1, 1, 4, 4}, {0, 0, 0, 0, 0, 5, 0, 6, 0, 0, 0, 0, 0, 7, 0, 8})},
                               0},
                              {"a larger output",
                               {f32({1, 1, 1}, {5}), i64({1, 1, 1}, {1}), i64({3}, {1, 1, 3})},
                               {{"kernel_shape", Ints{2}}},
                               {f32({1, 1, 3}, {0, 5, 0})},
                               0}};
            },
    },
    {
        .name = "Col2Im",
        .since = 18,
        .summary = "Columns of blocks added up to an image.",
        .inputs = "input image_shape:i64 block_shape:i64",
        .outputs = "output",
        .types = number_types,
        .attributes = of_col2im,
        .infer = infer_col2im,
        .examples =
            [] {
              return Examples{{"blocks that overlap",
                               {f32({1, 2, 2}, {1, 2, 3, 4}), i64({1}, {3}), i64({1}, {2})},
                               {},
                               {f32({1, 1, 3}, {1, 5, 4})},
                               0},
                              {"two channels, padding falls away",
                               {i32({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), i64({1}, {2}), i64({1}, {2})},
                               {{"pads", Ints{1, 1}}, {"strides", Ints{2}}},
                               {i32({1, 2, 2}, {3, 2, 7, 6})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "MaxUnpool", max_unpool}, {"", "Col2Im", col2im}};

}  // namespace

std::span<const OpDef> unpool_ops() { return defs; }
std::span<const OpRun> unpool_runs() { return runs; }

}  // namespace modelctl::ops
