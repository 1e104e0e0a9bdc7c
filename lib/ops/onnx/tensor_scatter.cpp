// TensorScatter: new rows written into a key-value cache, for each batch at its own position; circular mode wraps
// around.
//
// The cache is [batch, ..., rows, ...] and update the same with fewer rows: row i of update is row start[b] + i of the
// output, modulo the number of rows in circular mode. ONNX defines it so that a runtime can keep one buffer for all
// steps of generation, instead of a Concat that copies the past for each token.
//
// Smallest runner: regular, since it belongs to decoders.
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer(Inference& call) {
  TRY(common_element(call, {0, 1}));
  const graph::Shape *cache = call.shape(0), *update = call.shape(1);
  if (cache != nullptr) {
    std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis", -2), cache->size()));
    if (axis == 0) return call.bad("the axis cannot be the batch's");
    if (update != nullptr && update->size() != cache->size()) return call.bad("cache and update differ in rank");
    for (std::size_t other = 0; update != nullptr && other < cache->size(); ++other) {
      if (other != axis) TRY(same_size(call, (*cache)[other], (*update)[other]));
    }
  }
  return infer_same(call);
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &cache = call.input(0), &update = call.input(1), &places = call.input(2);
  TRY(need_rank(cache, 2, "past_cache"));
  TRY(same_type(cache, update));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis", -2), cache.rank()));
  if (axis == 0) return refuse("the axis cannot be the batch's");
  const bool circular = call.attributes.text("mode") == "circular";
  if (update.rank() != cache.rank()) return refuse("past_cache and update differ in rank");
  // More new rows than the cache has would overwrite each other, even in circular mode.
  for (std::size_t other = 0; other < cache.rank(); ++other) {
    bool fits = other == axis ? update.dim(other) <= cache.dim(other) : update.dim(other) == cache.dim(other);
    if (!fits) return refuse("update does not fit past_cache along axis " + std::to_string(other));
  }
  std::int64_t rows = cache.dim(axis), fresh = update.dim(axis);
  Dims starts(static_cast<std::size_t>(cache.dim(0)), 0);
  if (places.present()) starts = TRY(integers(places, "write_indices"));
  if (static_cast<std::int64_t>(starts.size()) != cache.dim(0)) {
    return refuse("write_indices must have one element for each batch");
  }
  for (std::int64_t start : starts) {
    // Linear mode must end within the cache; circular mode may start at any row.
    bool inside = start >= 0 && (circular ? start < std::max<std::int64_t>(rows, 1) : start <= rows - fresh);
    if (!inside)
      return refuse("write_indices has " + std::to_string(start) + ", from where the update does not fit the cache");
  }
  MutableTensorView y = TRY(outputs.allocate(0, cache.type, cache.dims));
  // If the output updates the cache in place, only the new rows are written.
  if (y.data != cache.data) copy_elements(cache, y);
  // [outer, rows, width] around the axis; `per_batch` of the outer indices belong to one batch, whose start they share.
  std::int64_t outer = product(cache.dims.first(axis)), per_batch = product(cache.dims.first(axis).subspan(1));
  std::int64_t width = product(cache.dims.subspan(axis + 1));
  return for_storage(cache.type, [&]<class T>() -> Result<void> {
    const T* from = update.as<T>().data();
    T* to = y.as<T>().data();
    for (std::int64_t i = 0; i < outer && width > 0; ++i) {
      std::int64_t start = starts[static_cast<std::size_t>(i / per_batch)];
      for (std::int64_t row = 0; row < fresh; ++row, from += width) {
        // The remainder matters in circular mode only: the positions of linear mode were checked.
        std::copy_n(from, width, to + (i * rows + (start + row) % rows) * width);
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"axis", AttributeType::integer, "the axis of rows; -2 if absent"},
    text_choice("mode", "linear circular", "whether the first row follows the last")};

constexpr OpDef defs[] = {
    {
        .name = "TensorScatter",
        .since = 24,
        .summary = "A cache with new rows in it, each batch's at a place of its own.",
        .inputs = "past_cache update:past_cache write_indices?:i64",
        .outputs = "present_cache",
        .types = "any",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"one row for each of two batches",
                               {f32({2, 2, 1}, {1, 2, 3, 4}), f32({2, 1, 1}, {10, 20}), i64({2}, {1, 0})},
                               {},
                               {f32({2, 2, 1}, {1, 10, 20, 4})},
                               0},
                              {"round the end",
                               {f32({1, 3, 1}, {1, 2, 3}), f32({1, 2, 1}, {10, 20}), i64({1}, {2})},
                               {{"mode", std::string("circular")}},
                               {f32({1, 3, 1}, {20, 2, 10})},
                               0},
                              {"texts",
                               {strings({1, 2, 1}, {"a", "b"}), strings({1, 1, 1}, {"c"}), i64({1}, {1})},
                               {},
                               {strings({1, 2, 1}, {"a", "c"})},
                               0}};
            },
    },
};
constexpr kernels::Continuation continues[] = {{0, 0, -2}};
constexpr OpRun runs[] = {{"", "TensorScatter", packed_too<evaluate>, continues}};

}  // namespace

std::span<const OpDef> tensor_scatter_ops() { return defs; }
std::span<const OpRun> tensor_scatter_runs() { return runs; }

}  // namespace modelctl::ops
