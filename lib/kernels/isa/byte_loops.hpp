// What the tables of bytes.hpp have in common: plain loops that each compiler flag makes its own vectors of.
#pragma once

#include "kernels/isa/bytes.hpp"

namespace modelctl::kernels {
namespace {

template <class Prepared>
std::int32_t prepare_bytes(const std::uint8_t* from, std::int64_t n, std::uint8_t flip, std::int32_t zero, void* to) {
  auto* out = static_cast<Prepared*>(to);
  constexpr bool centered = sizeof(Prepared) == 2;
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t value = from[i] ^ flip;
    sum += value - zero;
    out[i] = static_cast<Prepared>(centered ? value - zero : value);
  }
  for (std::int64_t i = n; i % 4 != 0; ++i) out[i] = 0;
  return sum;
}

// Adding and taking away 1.5 * 2^23 rounds what is below 2^22 to the nearest whole number, to the even one of two.
inline float round_even(float value) {
  constexpr float magic = 12582912.0f;
  return (value + magic) - magic;
}

inline void finish_tile(const ByteFinish& f) {
  for (std::int64_t r = 0; r < f.rows; ++r) {
    std::uint32_t totals[byte_columns];
    const std::int32_t* sums = f.sums + r * byte_columns;
    const auto row_sum = static_cast<std::uint32_t>(f.row_sums[r]), zero = static_cast<std::uint32_t>(f.zero);
    for (std::int64_t c = 0; c < f.columns; ++c) {
      totals[c] = static_cast<std::uint32_t>(sums[c]) - row_sum * static_cast<std::uint32_t>(f.zeros[c]) -
                  zero * static_cast<std::uint32_t>(f.column_sums[c]);
    }
    if (f.bias != nullptr) {
      for (std::int64_t c = 0; c < f.columns; ++c) totals[c] += static_cast<std::uint32_t>(f.bias[c]);
    }
    if (f.factors == nullptr) {
      auto* out = static_cast<std::int32_t*>(f.out) + r * f.row_step;
      for (std::int64_t c = 0; c < f.columns; ++c) out[c * f.column_step] = static_cast<std::int32_t>(totals[c]);
      continue;
    }
    std::uint8_t bytes[byte_columns];
    for (std::int64_t c = 0; c < f.columns; ++c) {
      float value = static_cast<float>(static_cast<std::int32_t>(totals[c])) * f.factors[c];
      value = value < f.low ? f.low : value;
      value = value > f.high ? f.high : value;
      bytes[c] = static_cast<std::uint8_t>(static_cast<std::int32_t>(round_even(value)) + f.shift);
    }
    auto* out = static_cast<std::uint8_t*>(f.out) + r * f.row_step;
    for (std::int64_t c = 0; c < f.columns; ++c) out[c * f.column_step] = bytes[c];
  }
}

inline void quantize_bytes(const float* x, std::int64_t n, float scale, std::int32_t zero, bool is_signed,
                           std::uint8_t* y) {
  const std::int32_t least = is_signed ? -128 : 0;
  const auto low = static_cast<float>(least - zero), high = static_cast<float>(least + 255 - zero);
  for (std::int64_t i = 0; i < n; ++i) {
    float value = x[i] / scale;
    value = value == value ? value : 0.0f;
    value = value < low ? low : value;
    value = value > high ? high : value;
    y[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(round_even(value)) + zero);
  }
}

inline void dequantize_bytes(const std::uint8_t* x, std::int64_t n, std::uint8_t flip, std::int32_t zero, float scale,
                             float* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>((x[i] ^ flip) - zero) * scale;
}

inline void range_of(const float* x, std::int64_t n, float& low, float& high) {
  constexpr std::int64_t lanes = 16;  // compared side by side: the order of comparisons does not matter
  float lows[lanes] = {}, highs[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (std::int64_t j = 0; j < lanes; ++j) {
      lows[j] = x[i + j] < lows[j] ? x[i + j] : lows[j];
      highs[j] = x[i + j] > highs[j] ? x[i + j] : highs[j];
    }
  }
  for (; i < n; ++i) {
    lows[0] = x[i] < lows[0] ? x[i] : lows[0];
    highs[0] = x[i] > highs[0] ? x[i] : highs[0];
  }
  low = high = 0.0f;
  for (std::int64_t j = 0; j < lanes; ++j) {
    low = lows[j] < low ? lows[j] : low;
    high = highs[j] > high ? highs[j] : high;
  }
}

// T gives a vector of 16 floats and what is done with it.
template <class T, int rows, int bits>
void few_bits_of(const FewBits& p) {
  typename T::V sums[rows];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) sums[r] = T::load(nullptr);
  const std::uint8_t* bytes = p.panel;
  for (std::int64_t first = 0, block = 0; first < p.k; first += p.block, ++block) {
    const typename T::V scale = T::load(p.scales + block * byte_columns),
                        zero = T::load(p.zeros + block * byte_columns);
    const std::int64_t end = first + p.block < p.k ? first + p.block : p.k;
    for (std::int64_t k = first; k < end; ++k, bytes += 2 * bits) {
      const typename T::V weights = T::scaled(bits == 4 ? T::halves(bytes) : T::whole(bytes), zero, scale);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) sums[r] = T::add_product(sums[r], p.rows[r * p.row_step + k], weights);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) T::store(p.out + r * byte_columns, sums[r]);
}

template <class T>
void few_bits(const FewBits& p) {
  using Function = void (*)(const FewBits&);
  static constexpr Function table[2][FewBits::row_limit] = {
      {&few_bits_of<T, 1, 4>, &few_bits_of<T, 2, 4>, &few_bits_of<T, 3, 4>, &few_bits_of<T, 4, 4>},
      {&few_bits_of<T, 1, 8>, &few_bits_of<T, 2, 8>, &few_bits_of<T, 3, 8>, &few_bits_of<T, 4, 8>}};
  table[p.bits == 8][p.count - 1](p);
}

template <class Prepared, class PanelVector>
constexpr ByteSimd make_bytes(int rows, void (*tile)(const void*, std::int64_t, int, const std::int8_t*, std::int64_t,
                                                     std::int32_t*)) {
  return {rows,
          sizeof(Prepared) == 2,
          &prepare_bytes<Prepared>,
          tile,
          &finish_tile,
          &quantize_bytes,
          &dequantize_bytes,
          &range_of,
          &few_bits<PanelVector>};
}

}  // namespace
}  // namespace modelctl::kernels
