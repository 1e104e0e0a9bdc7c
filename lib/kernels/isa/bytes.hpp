// The inner loops of products of 8-bit integers, exact, in 32 bits that wrap. As for simd.hpp: a table for each
// instruction set, and the files that make them include nothing but the loops of this folder.
#pragma once

#include <cstdint>

namespace modelctl::kernels {

struct Cpu;

// Weights come in panels of 16 columns, four values of a column side by side: [ceil(N / 16)][ceil(K / 4)][16][4], i8,
// zero-padded, the same bytes for every instruction set.
inline constexpr std::int64_t byte_columns = 16;

// What becomes of a tile of sums: of row r and column c, with wrapping arithmetic,
//     sum = sums[r][c] - row_sums[r] * zeros[c] - zero * column_sums[c] + bias[c]
// is stored, or rounded after it is multiplied by factors[c].
struct ByteFinish {
  const std::int32_t* sums;  // [rows][16]
  std::int64_t rows;
  std::int64_t columns;  // at most 16
  const std::int32_t* row_sums;
  const std::int32_t* zeros;
  const std::int32_t* column_sums;
  std::int32_t zero;         // of the rows, as far as their values still have it
  const std::int32_t* bias;  // or null
  const float* factors;      // null: the sums themselves
  float low, high;           // bounds before `shift` is added
  std::int32_t shift;
  void* out;                           // i32, or bytes if there are factors
  std::int64_t row_step, column_step;  // in elements
};

// A few rows of floats times a panel of 16 columns of 4 or 8 bits: out[r][c] = sum over k of
//     rows[r][k] * (element(k, c) - zeros[k / block][c]) * scales[k / block][c].
// Of 4 bits, byte c of a step along K holds column c, and above it column c + 8.
struct FewBits {
  static constexpr int row_limit = 4;
  const float* rows;
  std::int64_t row_step;
  int count;
  const std::uint8_t* panel;
  int bits;
  std::int64_t k, block;
  const float* scales;
  const float* zeros;
  float* out;  // [count][16]
};

struct ByteSimd {
  static constexpr int row_limit = 12;
  int max_rows;
  // A prepared value takes two bytes and is less its zero point, or one byte and still has it.
  bool centered;

  // Prepares n bytes of a row, each of them ^ flip and then less `zero`, if prepared values are centred; fills up to
  // a multiple of four. Returns their sum, less n times the zero point.
  std::int32_t (*prepare)(const std::uint8_t* from, std::int64_t n, std::uint8_t flip, std::int32_t zero, void* to);
  // sums[r][c] = row r times column c, for `rows` prepared rows that are row_step bytes apart.
  void (*tile)(const void* rows, std::int64_t row_step, int count, const std::int8_t* panel, std::int64_t quads,
               std::int32_t* sums);
  void (*finish)(const ByteFinish& finish);

  // y = round(x / scale) + zero, to even and kept within u8 or i8; NaN becomes the zero point.
  void (*quantize)(const float* x, std::int64_t n, float scale, std::int32_t zero, bool is_signed, std::uint8_t* y);
  // y = ((x ^ flip) - zero) * scale
  void (*dequantize)(const std::uint8_t* x, std::int64_t n, std::uint8_t flip, std::int32_t zero, float scale,
                     float* y);
  // The least and the greatest of x and 0.
  void (*range)(const float* x, std::int64_t n, float& low, float& high);

  void (*few_bits)(const FewBits& product);
};

const ByteSimd& byte_simd(const Cpu& cpu);
const ByteSimd& byte_simd_portable();
const ByteSimd& byte_simd_avx2();
const ByteSimd& byte_simd_vnni();

}  // namespace modelctl::kernels
