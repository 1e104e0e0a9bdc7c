// What each instruction set provides: the inner loops of all kernels, as a table of functions over plain pointers.
// The algorithms are templates in this folder, written once; avx512.cpp, avx2.cpp and portable.cpp instantiate them
// with their compiler flags. So those three include nothing but the templates: an inline function of the standard
// library, compiled with AVX there, could be the copy that the linker keeps for everyone.
#pragma once

#include <cstdint>

namespace modelctl::kernels {

enum class Isa;

// Packed weights come in panels of this many output columns: [ceil(N / 16)][K][16], zero-padded, the same bytes for
// every instruction set, so that an artifact runs on each CPU.
inline constexpr std::int64_t panel_columns = 16;

// One stretch of the sum that a tile computes: of row i, `depth` values at first + row_offsets[i]. Rows whose bit is
// not set are zeros there (a convolution's padding) and are not read.
struct Segment {
  const float* first;
  std::uint32_t rows;
};

// A block of `out` of a few rows by a few panels: out = clip(rows x panels + bias + residual).
struct Tile {
  const Segment* segments;
  std::int64_t segment_count;
  std::int64_t depth;  // values per segment
  const std::int64_t* row_offsets;
  const float* zeros;   // `depth` of them; unused if every segment has all rows
  const float* panels;  // the weights of segment 0, of segment 1, …
  std::int64_t panel_step;
  float* out;
  std::int64_t out_step;
  std::int64_t columns;   // of `out`; the rest of the last panel is padding
  const float* bias;      // [columns] or null
  const float* residual;  // as out, or null
  std::int64_t residual_step;
  float low, high;
};
using TileFunction = void (*)(const Tile&);

// A block of output pixels of a depthwise convolution, whose every tap lies inside the image for all of them:
// out[i][c] = clip(sum over taps of (first + offset + i * row_step)[c] * weight[c] + bias[c] + residual[i][c]).
struct Tap {
  const float* first;
  std::int64_t weight;  // where the tap's 16 weights lie in a panel
};
struct DepthwiseTile {
  const Tap* taps;
  std::int64_t tap_count;
  std::int64_t offset;
  std::int64_t row_step;
  const float* panels;  // [ceil(C / 16)][all taps of the window][16]
  std::int64_t panel_step;
  float* out;
  std::int64_t out_step;  // of `out` and `residual`
  std::int64_t columns;
  const float* bias;      // or null
  const float* residual;  // or null
  float low, high;
};
using DepthwiseFunction = void (*)(const DepthwiseTile&);

// y = f(x), with at most two parameters, alpha and beta: a row of unary.def each.
enum class Unary : std::uint8_t {
#define ACTIVATION(name, ...) name,
#define FUNCTION(name, ...) name,
#include "kernels/unary.def"
};
enum class Binary : std::uint8_t { add, sub, mul, div, max, min };

// Floating-point types of 16 bits, which are storage: numbers are widened to f32 before anything is computed.
enum class ShortFloat : std::uint8_t { f16, bf16 };

// Rows that a pool folds: at first, first + row_step, …
struct Stretch {
  const float* first;
  std::int64_t rows;
};

// A function of a recurrent layer's gate: its argument is bounded by -clip and clip first.
struct GateActivation {
  Unary function;  // sigmoid, tanh, relu, leaky_relu, hard_sigmoid
  float alpha, beta, clip;
};
// One row of a step of LSTM: n values of the gates i, o, f, c before their functions.
struct LstmCell {
  std::int64_t n;
  GateActivation f, g, h;
  bool coupled;            // the forget gate is 1 less the input gate
  const float* peepholes;  // of i, o, f; or null
  const float* gates;
  float* c;      // in and out
  float* state;  // out
  float* y;      // the same again, or null
};
// One row of a step of GRU. `gru_gates` applies the functions of z and r, in place, and writes r * state to `hidden`;
// `gru_cell` makes the new state of `candidate`, which is x + r * candidate if x is there: linear_before_reset.
struct GruCell {
  std::int64_t n;
  GateActivation f, g;
  float* gates;
  const float* x;
  float* hidden;
  const float* candidate;
  float* state;
  float* y;  // or null
};

struct Simd {
  // Tiles of 1 … max_rows rows: `tile[rows][0]` of one panel, `tile[rows][1]` of `wide` panels; and for a few rows
  // `flat` panels at once, which is how a matrix-vector product keeps enough loads under way. Null if rows has none.
  static constexpr int row_limit = 14;
  int max_rows;
  int wide_panels;
  int flat_rows;
  int flat_panels;
  TileFunction tile[row_limit + 1][2];
  TileFunction flat[row_limit + 1];

  // Of 1 … depthwise_rows pixels.
  int depthwise_rows;
  DepthwiseFunction depthwise[row_limit + 1];

  // n numbers, exact one way and rounded to nearest even the other.
  void (*widen)(ShortFloat format, const std::uint16_t* from, float* to, std::int64_t n);
  void (*narrow)(ShortFloat format, const float* from, std::uint16_t* to, std::int64_t n);

  // For each of `rows` rows of n: y = f(x). x and y may be the same memory.
  void (*unary)(Unary f, float alpha, float beta, const float* x, std::int64_t x_step, float* y, std::int64_t y_step,
                std::int64_t rows, std::int64_t n);
  // y[i] = f(a[i * a_step], b[i * b_step]), steps 0 or 1.
  void (*binary)(Binary f, const float* a, int a_step, const float* b, int b_step, float* y, std::int64_t n);

  // Over one row of n.
  void (*softmax)(const float* x, float* y, std::int64_t n, bool logarithm);
  void (*layer_normalization)(const float* x, const float* scale, const float* bias, float epsilon, float* y,
                              std::int64_t n, float* mean, float* inverse_deviation);
  float (*sum)(const float* x, std::int64_t n);

  // Attention's softmax, a block of a row at a time.
  float (*largest)(const float* x, std::int64_t n);
  // x = exp(x - shift); returns the sum.
  float (*exponentials)(float* x, float shift, std::int64_t n);
  // x += mask; minus infinity where the mask is, whatever x is. And where `keep` is false.
  void (*add_mask)(float* x, const float* mask, std::int64_t n);
  void (*select)(float* x, const bool* keep, std::int64_t n);
  // out[j] = factor * sum over i of x[i] * rows[j * step + i], for n values and `count` rows.
  void (*dots)(const float* x, const float* rows, std::int64_t step, std::int64_t count, std::int64_t n, float factor,
               float* out);
  // out += sum over j of weights[j] * row j.
  void (*add_rows)(const float* weights, const float* rows, std::int64_t step, std::int64_t count, std::int64_t n,
                   float* out);
  // Pairs of x turned by angles: (x, x') becomes (x cos - x' sin, x sin + x' cos). A pair is `half` apart, or
  // (neighbors) side by side.
  void (*rotate)(const float* x, const float* cosines, const float* sines, std::int64_t half, bool neighbors, float* y);

  // out[c] = the largest, or scale times the sum, of column c over all rows of the stretches.
  void (*largest_row)(const Stretch* stretches, std::int64_t count, std::int64_t row_step, float* out, std::int64_t n);
  void (*sum_of_rows)(const Stretch* stretches, std::int64_t count, std::int64_t row_step, float scale, float* out,
                      std::int64_t n);

  // out[i] = the sum of rows[j][i] * weights[j] over `count` rows.
  void (*blend)(const float* const* rows, const float* weights, std::int64_t count, float* out, std::int64_t n);
  // out[i] = the sum of x[at[j * n + i]] * weights[j * n + i] over `count` taps j.
  void (*sample)(const float* x, const std::int32_t* at, const float* weights, std::int64_t count, float* out,
                 std::int64_t n);

  void (*lstm_cell)(const LstmCell& cell);
  void (*gru_gates)(const GruCell& cell);
  void (*gru_cell)(const GruCell& cell);
};

// Falls back to the next lower one if this build has no code for `isa` (another architecture).
const Simd& simd(Isa isa);

const Simd& simd_portable();
const Simd& simd_avx2();
const Simd& simd_avx512();

}  // namespace modelctl::kernels
