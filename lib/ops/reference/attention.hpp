// Scaled dot-product attention, as Attention and its relatives of com.microsoft share it: the reference, and what their
// inference and lowering have in common.
#pragma once

#include "ops/reference/run.hpp"

#include <optional>

namespace modelctl::ops {

// A tensor as heads: row s of head h of batch b begins at b * batch + h * head + s * row.
struct Heads {
  TensorView view;
  std::int64_t batches = 0, heads = 0, length = 0, size = 0;
  std::int64_t batch = 0, head = 0, row = 0;
  std::int64_t at(std::int64_t b, std::int64_t h, std::int64_t s) const { return b * batch + h * head + s * row; }
};
// [B, heads, S, D], or [B, S, heads * D].
Result<Heads> heads_of(const TensorView& view, std::int64_t heads, std::string_view what);

// What the queries of one batch have before them: rows of the past, new rows, and the first query's position.
struct AttentionWindow {
  std::int64_t past = 0, fresh = 0, offset = 0;
};

struct Attend {
  Heads q, k, v;
  Heads past_k, past_v;                  // without a view if there is no past
  std::vector<AttentionWindow> windows;  // of each batch
  TensorView mask;  // absent, bool, or numbers to add; broadcasts to [B, H, S, T], beyond its last axis is nothing
  double scale = 1, softcap = 0;
  bool causal = false;
  std::int64_t left = -1, right = -1;    // how far from its own position a query sees; -1: as far as there is
  std::vector<double> sinks;             // of each head, or empty: a score that takes weight and has no value
  DType precision = DType::undefined;    // of the softmax, if it is not Q's
  std::int64_t keys() const;             // T: of the batch that has most
  const Interrupt* interrupt = nullptr;  // of the call
};
// Q, K, V and the past fit together.
Result<void> check(const Attend& attend);
// How far Attend::windows goes without lengths: all of the past, all that is new.
std::vector<AttentionWindow> full_window(const Attend& attend);

// Which scores are a second output: the products, capped, masked, or the weights.
enum class Stage { products, capped, masked, weights };
struct Scores {
  Stage stage = Stage::products;
  MutableTensorView view;  // [B, H, S, T]
};
// Y has Q's dimensions, except for V's size of a head. Halves are rounded where the specification's graph would hold
// them.
Result<void> attend(const Attend& attend, const MutableTensorView& y, const std::optional<Scores>& scores = {});

// [B, heads, rows, D]: the past's rows, then the new ones, then zeros. If it is the memory of the past, the past's rows
// stay where they are.
void keep(const Heads& past, const Heads& fresh, std::span<const AttentionWindow> windows,
          const MutableTensorView& present);

}  // namespace modelctl::ops
