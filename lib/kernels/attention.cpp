// Attention with an online softmax (Dao et al., "FlashAttention", 2022): for each block of keys, the scores of a few
// queries are computed, and the sums so far are scaled down if the block has a greater maximum. The matrix of all
// scores never exists, so memory grows with the number of queries, not with its product with the number of keys.
#include "kernels/attention.hpp"

#include "kernels/product/product.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t block_keys = 256;   // of a block: its scores stay in the first-level cache
constexpr std::int64_t most_queries = 56;  // of a tile
constexpr std::int64_t few_queries = 8;    // of one KV head: packing would cost more than it saves
constexpr float infinity = __builtin_inff();

// An operand as heads: row s of head h of batch b is at b * batch + h * head + s * row.
struct Heads {
  std::int64_t batches = 0, heads = 0, length = 0, size = 0;
  std::int64_t batch = 0, head = 0, row = 0;
  std::int64_t at(std::int64_t b, std::int64_t h, std::int64_t s) const { return b * batch + h * head + s * row; }
};

Result<Heads> heads_of(const Operands& operands, std::string_view name, const TensorView& view, std::int64_t heads) {
  if (view.rank() == 4) {
    const std::int64_t row = view.dim(3), head = row * view.dim(2);
    return Heads{view.dim(0), view.dim(1), view.dim(2), row, head * view.dim(1), head, row};
  }
  if (view.rank() != 3) return operands.refuse(std::string(name) + " has neither three nor four axes");
  if (heads < 1 || view.dim(2) % heads != 0) return operands.refuse(std::string(name) + " is not of so many heads");
  const std::int64_t size = view.dim(2) / heads;
  return Heads{view.dim(0), heads, view.dim(1), size, view.dim(1) * view.dim(2), size, view.dim(2)};
}

// Some rows one after the other.
struct Rows {
  const float* first = nullptr;
  std::int64_t step = 0;
  std::int64_t count = 0;
};

// The keys (or values) of one head: those of the past, then the new ones.
struct Stored {
  Rows parts[2];
  // Calls body(rows, at) for the stretches of rows [first, end), `at` counting from `first`.
  template <class Body>
  void each(std::int64_t first, std::int64_t end, Body body) const {
    std::int64_t begin = 0;
    for (const Rows& part : parts) {
      const std::int64_t from = std::max(first - begin, std::int64_t{0}), to = std::min(end - begin, part.count);
      if (from < to) body(Rows{part.first + from * part.step, part.step, to - from}, begin + from - first);
      begin += part.count;
    }
  }
};

enum class Lengths { none, valid, total };

struct Shape {
  Heads q, k, v, y;
  Heads past_k, past_v, present_k, present_v;  // length 0 if absent
  bool past = false, present = false, boolean_mask = false, wide_lengths = false;
  std::int64_t mask_step[3] = {0, 0, 0}, mask_length = -1;  // -1: no mask
  Lengths lengths = Lengths::none;
  float scale = 1, softcap = 0;
  bool causal = false;
  std::int64_t left = -1, right = -1;
  std::int64_t keys = 0;  // as many as there can be
  std::int64_t group() const { return q.heads / k.heads; }
};

// What a batch's queries have before them.
struct AttentionWindow {
  std::int64_t past = 0, fresh = 0, offset = 0;  // rows of the past, of K; the position of the first query
  bool good = true;
  std::int64_t total() const { return past + fresh; }
};

class Attention final : public Bound {
 public:
  Attention(const Simd& simd, const Shape& shape) : simd_(simd), shape_(shape) {
    packs_ = shape.group() * shape.q.length > few_queries;
    k_panels_ = packed_size(shape.k.size, shape.keys);
    v_panels_ = packed_size(shape.keys, shape.v.size);
    queries_ = std::max<std::int64_t>(most_queries / simd.max_rows, 1) * simd.max_rows;
  }

  std::size_t scratch_bytes() const override {
    if (!packs_) return 0;
    return static_cast<std::size_t>(shape_.k.batches * shape_.k.heads * (k_panels_ + v_panels_)) * sizeof(float);
  }

  void run(const RunCall& call) const override {
    if (shape_.present) {
      call.workers.for_each_tile(shape_.k.batches * shape_.k.heads, [&](std::int64_t index) {
        const std::int64_t b = index / shape_.k.heads, h = index % shape_.k.heads;
        keep(call, b, h, shape_.k, shape_.past_k, shape_.present_k, 1, 4, 1);
        keep(call, b, h, shape_.v, shape_.past_v, shape_.present_v, 2, 5, 2);
      });
    }
    if (shape_.q.length == 0 || shape_.v.size == 0) return;
    if (!packs_) {
      call.workers.for_each_tile(shape_.k.batches * shape_.k.heads, [&](std::int64_t index) {
        for (std::int64_t i = 0; i < shape_.group(); ++i) {
          attend(call, index / shape_.k.heads, index % shape_.k.heads * shape_.group() + i, 0, shape_.q.length);
        }
      });
      return;
    }
    const std::int64_t blocks = ceil_div(shape_.keys, block_keys);
    call.workers.for_each_tile(shape_.k.batches * shape_.k.heads * blocks,
                               [&](std::int64_t index) { pack(call, index / blocks, index % blocks); });
    const std::int64_t tiles = ceil_div(shape_.q.length, queries_);
    call.workers.for_each_tile(shape_.q.batches * shape_.q.heads * tiles, [&](std::int64_t index) {
      const std::int64_t head = index / tiles, first = index % tiles * queries_;
      attend(call, head / shape_.q.heads, head % shape_.q.heads, first, std::min(first + queries_, shape_.q.length));
    });
  }

 private:
  AttentionWindow window_of(const RunCall& call, std::int64_t b) const {
    AttentionWindow window{shape_.past_k.length, shape_.k.length, shape_.past_k.length};
    if (shape_.lengths == Lengths::none) return window;
    const std::int64_t count = shape_.wide_lengths ? static_cast<const std::int64_t*>(call.inputs[6])[b]
                                                   : static_cast<const std::int32_t*>(call.inputs[6])[b];
    if (shape_.lengths == Lengths::valid) {
      return {0, count, count - shape_.q.length, count >= 0 && count <= shape_.k.length};
    }
    // A first call may be padded at its end: fewer keys than there are new rows.
    const std::int64_t past = std::max(count - shape_.k.length, std::int64_t{0});
    const bool good = count >= 0 && past <= shape_.past_k.length &&
                      (!shape_.present || past + shape_.k.length <= shape_.present_k.length);
    return {past, std::min(count, shape_.k.length), past, good};
  }

  // Writes one head's present.
  void keep(const RunCall& call, std::int64_t b, std::int64_t h, const Heads& fresh, const Heads& past,
            const Heads& present, std::size_t fresh_input, std::size_t past_input, std::size_t output) const {
    const AttentionWindow window = window_of(call, b);
    auto* to = static_cast<float*>(call.outputs[output]) + present.at(b, h, 0);
    const auto bytes = [&](std::int64_t rows) { return static_cast<std::size_t>(rows * present.size) * sizeof(float); };
    if (!window.good) {
      std::fill(to, to + present.length * present.size, __builtin_nanf(""));
      return;
    }
    const bool in_place = shape_.past && call.inputs[past_input] == call.outputs[output] && past.head == present.head;
    if (!in_place && window.past > 0) {
      std::memcpy(to, static_cast<const float*>(call.inputs[past_input]) + past.at(b, h, 0), bytes(window.past));
    }
    const float* from = static_cast<const float*>(call.inputs[fresh_input]) + fresh.at(b, h, 0);
    for (std::int64_t s = 0; s < fresh.length; ++s) {
      std::memcpy(to + (window.past + s) * present.size, from + s * fresh.row, bytes(1));
    }
    const std::int64_t end = window.past + fresh.length;
    if (!in_place && end < present.length) std::memset(to + end * present.size, 0, bytes(present.length - end));
  }

  Stored stored(const RunCall& call, const AttentionWindow& window, std::int64_t b, std::int64_t h, bool values) const {
    const auto rows = [&](const void* data, const Heads& heads, std::int64_t count) {
      return Rows{static_cast<const float*>(data) + heads.at(b, h, 0), heads.row, count};
    };
    const std::size_t i = values ? 1 : 0;
    if (shape_.present) {
      return {{rows(call.outputs[1 + i], values ? shape_.present_v : shape_.present_k, window.total()), {}}};
    }
    const Rows fresh = rows(call.inputs[1 + i], values ? shape_.v : shape_.k, window.fresh);
    if (!shape_.past) return {{fresh, {}}};
    return {{rows(call.inputs[4 + i], values ? shape_.past_v : shape_.past_k, window.past), fresh}};
  }

  // The panels of one KV head: K's, by 16 keys; V's, by block of keys, each of which is a matrix of its own.
  float* panels(const RunCall& call, std::int64_t head) const {
    return reinterpret_cast<float*>(call.scratch) + head * (k_panels_ + v_panels_);
  }
  static std::int64_t keys_of_block(std::int64_t total, std::int64_t block) {
    return std::min(block_keys, total - block * block_keys);
  }

  void pack(const RunCall& call, std::int64_t head, std::int64_t block) const {
    const std::int64_t b = head / shape_.k.heads, h = head % shape_.k.heads;
    const AttentionWindow window = window_of(call, b);
    const std::int64_t first = block * block_keys, end = std::min(first + block_keys, window.total());
    if (!window.good || first >= end) return;
    float* k_to = panels(call, head);
    const Stored keys = stored(call, window, b, h, false), values = stored(call, window, b, h, true);
    const std::int64_t depth = shape_.k.size;
    for (std::int64_t at = first; at < end; at += panel_columns) {
      float* to = k_to + at * depth;
      keys.each(at, std::min(at + panel_columns, end), [&](Rows rows, std::int64_t column) {
        if (column == 0) return pack_panel(rows.first, 1, rows.step, depth, rows.count, 0, factor(), to);
        // The panel in which the past ends.
        for (std::int64_t j = 0; j < rows.count; ++j) {
          for (std::int64_t i = 0; i < depth; ++i) {
            to[i * panel_columns + column + j] = rows.first[j * rows.step + i] * factor();
          }
        }
      });
    }
    const std::int64_t wide = ceil_div(shape_.v.size, panel_columns);
    float* v_to = k_to + k_panels_ + first * wide * panel_columns;
    values.each(first, end, [&](Rows rows, std::int64_t at) {
      for (std::int64_t panel = 0; panel < wide; ++panel) {
        pack_panel(rows.first, rows.step, 1, rows.count, shape_.v.size, panel, 1.0f,
                   v_to + (panel * (end - first) + at) * panel_columns);
      }
    });
  }

  // What the scores are multiplied with before the softcap's tanh.
  float factor() const { return shape_.softcap > 0 ? shape_.scale / shape_.softcap : shape_.scale; }

  static Blocks whole(std::int64_t m, std::int64_t k, std::int64_t n) {
    return {m, k, n, m, ceil_div(n, panel_columns), 1, 1};
  }

  // Queries [first, end) of one head.
  void attend(const RunCall& call, std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t end) const {
    const std::int64_t rows = end - first, kv = h / shape_.group(), v_size = shape_.v.size;
    const AttentionWindow window = window_of(call, b);
    const float* q = static_cast<const float*>(call.inputs[0]) + shape_.q.at(b, h, first);
    float* y = static_cast<float*>(call.outputs[0]) + shape_.y.at(b, h, first);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::fill_n(y + r * shape_.y.row, v_size, window.good ? 0.0f : __builtin_nanf(""));
    }
    if (!window.good) return;
    const Stored keys = stored(call, window, b, kv, false), values = stored(call, window, b, kv, true);
    const float* packed = packs_ ? panels(call, b * shape_.k.heads + kv) : nullptr;

    alignas(64) float scores[most_queries * block_keys];
    float most[most_queries], sums[most_queries];
    const auto* sinks = call.inputs.size() > 7 ? static_cast<const float*>(call.inputs[7]) : nullptr;
    std::fill_n(most, rows, sinks ? sinks[h] : -infinity);
    std::fill_n(sums, rows, sinks ? 1.0f : 0.0f);
    const std::int64_t low = range(window, first).first, high = range(window, end - 1).second;
    for (std::int64_t block = low / block_keys; block * block_keys < high; ++block) {
      const std::int64_t begin = block * block_keys, n = keys_of_block(window.total(), block);
      const std::int64_t padded = ceil_div(n, panel_columns) * panel_columns;
      if (packs_) {
        const Product product{q, shape_.q.row, packed + begin * shape_.k.size, scores, padded};
        run_block(simd_, whole(rows, shape_.k.size, n), product, {}, 0);
      } else {
        keys.each(begin, begin + n, [&](Rows part, std::int64_t at) {
          for (std::int64_t r = 0; r < rows; ++r) {
            simd_.dots(q + r * shape_.q.row, part.first, part.step, part.count, shape_.k.size, factor(),
                       scores + r * padded + at);
          }
        });
      }
      if (shape_.softcap > 0) cap(scores, rows, padded, n);
      for (std::int64_t r = 0; r < rows; ++r) {
        const float fade = weigh(call, window, b, h, first + r, begin, n, scores + r * padded, most[r], sums[r]);
        float* row = y + r * shape_.y.row;
        if (fade != 1) simd_.binary(Binary::mul, row, 1, &fade, 0, row, v_size);
      }
      if (packs_) {
        const std::int64_t wide = ceil_div(v_size, panel_columns) * panel_columns;
        const Product product{scores, padded,      packed + k_panels_ + begin * wide, y, shape_.y.row, nullptr,
                              y,      shape_.y.row};
        run_block(simd_, whole(rows, n, v_size), product, {}, 0);
      } else {
        values.each(begin, begin + n, [&](Rows part, std::int64_t at) {
          for (std::int64_t r = 0; r < rows; ++r) {
            simd_.add_rows(scores + r * padded + at, part.first, part.step, part.count, v_size, y + r * shape_.y.row);
          }
        });
      }
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      const float inverse = sums[r] == 0 ? 0 : 1 / sums[r];
      float* row = y + r * shape_.y.row;
      simd_.binary(Binary::mul, row, 1, &inverse, 0, row, v_size);
    }
  }

  void cap(float* scores, std::int64_t rows, std::int64_t step, std::int64_t n) const {
    simd_.unary(Unary::tanh, 0, 0, scores, step, scores, step, rows, n);
    for (std::int64_t r = 0; r < rows; ++r) {
      simd_.binary(Binary::mul, scores + r * step, 1, &shape_.softcap, 0, scores + r * step, n);
    }
  }

  // The keys that query s may see, before the mask: [first, second).
  std::pair<std::int64_t, std::int64_t> range(const AttentionWindow& window, std::int64_t s) const {
    const std::int64_t position = window.offset + s;
    std::int64_t low = 0, high = window.total();
    if (shape_.causal) high = std::min(high, position + 1);
    if (shape_.right >= 0) high = std::min(high, position + shape_.right + 1);
    if (shape_.left >= 0) low = std::max(low, position - shape_.left);
    if (shape_.mask_length >= 0) high = std::min(high, shape_.mask_length);
    return {low, std::max(high, std::int64_t{0})};
  }

  // Turns a row's n scores from key `begin` on into weights, relative to the greatest score so far. Returns what the
  // weights of the blocks before must be multiplied with.
  float weigh(const RunCall& call, const AttentionWindow& window, std::int64_t b, std::int64_t h, std::int64_t s,
              std::int64_t begin, std::int64_t n, float* row, float& most, float& sum) const {
    auto [low, high] = range(window, s);
    low = std::clamp(low - begin, std::int64_t{0}, n);
    high = std::clamp(high - begin, low, n);
    if (high > low && shape_.mask_length >= 0) {
      const std::int64_t at = b * shape_.mask_step[0] + h * shape_.mask_step[1] + s * shape_.mask_step[2] + begin + low;
      if (shape_.boolean_mask) simd_.select(row + low, static_cast<const bool*>(call.inputs[3]) + at, high - low);
      else simd_.add_mask(row + low, static_cast<const float*>(call.inputs[3]) + at, high - low);
    }
    const float top = high > low ? simd_.largest(row + low, high - low) : -infinity;
    if (top == -infinity) {
      std::fill_n(row, n, 0.0f);
      return 1;
    }
    const float before = most;
    if (!(top <= most)) most = top;  // NaN stays
    const float fade = before == most ? 1.0f : std::exp(before - most);
    sum = sum * fade + simd_.exponentials(row + low, most, high - low);
    std::fill_n(row, low, 0.0f);
    std::fill_n(row + high, n - high, 0.0f);
    return fade;
  }

  const Simd& simd_;
  Shape shape_;
  bool packs_ = false;
  std::int64_t k_panels_ = 0, v_panels_ = 0, queries_ = 1;
};

Result<void> read_mask(const Operands& operands, const TensorView& mask, Shape& shape) {
  if (mask.type != DType::boolean && mask.type != DType::f32) return operands.refuse("the mask is of another type");
  TRY(operands.operand("the mask", mask, mask.type));
  if (mask.rank() == 0 || mask.rank() > 4) return operands.refuse("the mask has not one to four axes");
  shape.boolean_mask = mask.type == DType::boolean;
  shape.mask_length = mask.dims.back();
  const std::int64_t full[3] = {shape.q.batches, shape.q.heads, shape.q.length};
  std::int64_t step = shape.mask_length;
  for (std::size_t back = 1; back < mask.rank(); ++back) {
    const std::int64_t dim = mask.dim(mask.rank() - 1 - back);
    if (dim != 1 && dim != full[3 - back]) return operands.refuse("the mask does not broadcast to the scores");
    shape.mask_step[3 - back] = dim == 1 ? 0 : step;
    step *= dim;
  }
  return {};
}

Result<void> read_cache(const Operands& operands, const BindCall& call, Shape& shape) {
  shape.past = operands.has(4);
  shape.present = call.outputs.size() > 1 && call.outputs[1].present();
  const bool second = call.outputs.size() > 2 && call.outputs[2].present();
  if (shape.past != operands.has(5) || shape.present != second) {
    return operands.refuse("there is a cache of keys or values alone");
  }
  const auto read = [&](std::string_view name, const TensorView& view, const Heads& fresh,
                        Heads& into) -> Result<void> {
    TRY(operands.operand(name, view, DType::f32));
    if (view.rank() != 4) return operands.refuse(std::string(name) + " has not four axes");
    TRY(operands.dims(name, view, {fresh.batches, fresh.heads, view.dim(2), fresh.size}));
    into = TRY(heads_of(operands, name, view, fresh.heads));
    if (call.capacity > 0) {
      into.head = call.capacity * into.size;
      into.batch = into.head * into.heads;
    }
    return {};
  };
  if (shape.past) {
    TRY(read("the past key", call.inputs[4], shape.k, shape.past_k));
    TRY(read("the past value", call.inputs[5], shape.v, shape.past_v));
    if (shape.past_k.length != shape.past_v.length) return operands.refuse("the past's lengths differ");
  }
  if (shape.present) {
    TRY(read("the present key", call.outputs[1], shape.k, shape.present_k));
    TRY(read("the present value", call.outputs[2], shape.v, shape.present_v));
    const bool enough = shape.lengths == Lengths::total
                            ? shape.present_k.length >= shape.k.length
                            : shape.present_k.length == shape.past_k.length + shape.k.length;
    if (!enough || shape.present_k.length != shape.present_v.length) {
      return operands.refuse("the present is not as long as past and new");
    }
  }
  return {};
}

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("attention_f32", call);
  if (call.inputs.size() < 3 || call.inputs.size() > 8 || call.outputs.empty() || call.outputs.size() > 3) {
    return operands.refuse("it takes three to eight inputs and gives one to three outputs");
  }
  constexpr std::string_view names[] = {"Q", "K", "V"};
  for (std::size_t i = 0; i < 3; ++i) TRY(operands.operand(names[i], call.inputs[i], DType::f32));
  TRY(operands.operand("Y", call.outputs[0], DType::f32));
  const std::int64_t heads = TRY(operands.integer("heads", 0)), kv_heads = TRY(operands.integer("kv_heads", heads));
  Shape shape;
  shape.q = TRY(heads_of(operands, "Q", call.inputs[0], heads));
  shape.k = TRY(heads_of(operands, "K", call.inputs[1], kv_heads));
  shape.v = TRY(heads_of(operands, "V", call.inputs[2], kv_heads));
  shape.y = TRY(heads_of(operands, "Y", call.outputs[0], heads));
  if (shape.k.heads == 0 || shape.q.heads % shape.k.heads != 0 || shape.k.heads != shape.v.heads) {
    return operands.refuse("the heads of Q, K and V do not fit");
  }
  if (shape.k.batches != shape.q.batches || shape.v.batches != shape.q.batches || shape.k.size != shape.q.size ||
      shape.v.length != shape.k.length) {
    return operands.refuse("the dimensions of Q, K and V do not fit");
  }
  if (shape.y.batches != shape.q.batches || shape.y.heads != shape.q.heads || shape.y.length != shape.q.length ||
      shape.y.size != shape.v.size) {
    return operands.refuse("Y has other dimensions");
  }
  const auto size = static_cast<float>(std::max<std::int64_t>(shape.q.size, 1));
  shape.scale = TRY(operands.number("scale", 1 / std::sqrt(size)));
  shape.softcap = TRY(operands.number("softcap", 0.0f));
  shape.causal = TRY(operands.integer("causal", 0)) != 0;
  shape.left = std::clamp(TRY(operands.integer("left", -1)), std::int64_t{-1}, largest_size);
  shape.right = std::clamp(TRY(operands.integer("right", -1)), std::int64_t{-1}, largest_size);
  if (operands.has(3)) TRY(read_mask(operands, call.inputs[3], shape));
  if (operands.has(6)) {
    const TensorView& lengths = call.inputs[6];
    shape.wide_lengths = lengths.type == DType::i64;
    TRY(operands.operand("the lengths", lengths, shape.wide_lengths ? DType::i64 : DType::i32));
    if (lengths.elements() != shape.q.batches) return operands.refuse("there must be one length for each batch");
    const std::string counts = TRY(operands.text("lengths", "valid"));
    if (counts != "valid" && counts != "total") return operands.refuse("lengths cannot be '" + counts + "'");
    shape.lengths = counts == "valid" ? Lengths::valid : Lengths::total;
  }
  if (operands.has(7)) {
    TRY(operands.operand("the sinks", call.inputs[7], DType::f32));
    TRY(operands.dims("the sinks", call.inputs[7], {shape.q.heads}));
  }
  TRY(read_cache(operands, call, shape));
  if (shape.lengths == Lengths::valid && (shape.past || shape.present)) {
    return operands.refuse("there is a cache inside and outside");
  }
  shape.keys = std::max(shape.past_k.length + shape.k.length, shape.present_k.length);
  constexpr std::int64_t most = std::int64_t{1} << 40;
  if (shape.q.batches * shape.q.heads > most / std::max<std::int64_t>(shape.q.length, 1)) {
    return operands.refuse("there are too many queries");
  }
  return std::make_unique<Attention>(simd(call.cpu.isa), shape);
}

class Rotary final : public Bound {
 public:
  Rotary(const Simd& simd, Heads x, std::int64_t half, std::int64_t positions, bool neighbors)
      : simd_(simd), x_(x), half_(half), positions_(positions), neighbors_(neighbors) {}

  void run(const RunCall& call) const override {
    const auto* from = static_cast<const float*>(call.inputs[0]);
    const auto* cosines = static_cast<const float*>(call.inputs[1]);
    const auto* sines = static_cast<const float*>(call.inputs[2]);
    const auto* ids = call.inputs.size() > 3 ? static_cast<const std::int64_t*>(call.inputs[3]) : nullptr;
    auto* to = static_cast<float*>(call.outputs[0]);
    call.workers.for_each_tile(x_.batches * x_.length, [&](std::int64_t token) {
      const std::int64_t position = ids ? ids[token] : token, b = token / x_.length, s = token % x_.length;
      const bool good = position >= 0 && position < positions_;
      for (std::int64_t h = 0; h < x_.heads; ++h) {
        const float* x = from + x_.at(b, h, s);
        float* y = to + x_.at(b, h, s);
        if (!good) {
          std::fill_n(y, x_.size, __builtin_nanf(""));
          continue;
        }
        simd_.rotate(x, cosines + position * half_, sines + position * half_, half_, neighbors_, y);
        std::copy_n(x + 2 * half_, x_.size - 2 * half_, y + 2 * half_);
      }
    });
  }

 private:
  const Simd& simd_;
  Heads x_;
  std::int64_t half_, positions_;
  bool neighbors_;
};

Result<std::unique_ptr<Bound>> bind_rotary(const BindCall& call) {
  const Operands operands("rotary_f32", call);
  if (call.inputs.size() < 3 || call.inputs.size() > 4 || call.outputs.size() != 1) {
    return operands.refuse("it takes three or four inputs and gives one output");
  }
  const TensorView &x = call.inputs[0], &cosines = call.inputs[1];
  TRY(operands.operand("X", x, DType::f32));
  TRY(operands.operand("the cosines", cosines, DType::f32));
  TRY(operands.operand("the sines", call.inputs[2], DType::f32));
  TRY(operands.operand("Y", call.outputs[0], DType::f32));
  TRY(operands.dims("Y", call.outputs[0], x.dims));
  TRY(operands.dims("the sines", call.inputs[2], cosines.dims));
  const Heads heads = TRY(heads_of(operands, "X", x, TRY(operands.integer("heads", 0))));
  const bool ids = operands.has(3);
  if (cosines.rank() != (ids ? 2u : 3u)) return operands.refuse("the cosines have the wrong number of axes");
  const std::int64_t half = cosines.dims.back();
  if (2 * half > heads.size) return operands.refuse("there are more angles than pairs");
  if (ids) {
    TRY(operands.operand("the position ids", call.inputs[3], DType::i64));
    TRY(operands.dims("the position ids", call.inputs[3], {heads.batches, heads.length}));
  } else {
    TRY(operands.dims("the cosines", cosines, {heads.batches, heads.length, half}));
  }
  const std::int64_t positions = ids ? cosines.dim(0) : heads.batches * heads.length;
  return std::make_unique<Rotary>(simd(call.cpu.isa), heads, half, positions,
                                  TRY(operands.integer("interleaved", 0)) != 0);
}

constexpr Continuation continues[] = {{1, 4, 2}, {2, 5, 2}};
constexpr KernelDef table[] = {{"attention_f32", bind, continues}, {"rotary_f32", bind_rotary}};

}  // namespace

std::span<const KernelDef> attention_kernels() { return table; }

}  // namespace modelctl::kernels
