// What the tables of bytes.hpp have in common: plain loops that each compiler flag makes its own vectors of.
#pragma once

#include "kernels/isa/bytes.hpp"

namespace modelctl::kernels {
namespace {

template <class Prepared>
std::int32_t prepare_bytes(const std::uint8_t* from, std::int64_t n, std::uint8_t flip, std::int32_t zero, void* to) {
  auto* out = static_cast<Prepared*>(to);
  constexpr bool centred = sizeof(Prepared) == 2;
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t value = from[i] ^ flip;
    sum += value - zero;
    out[i] = static_cast<Prepared>(centred ? value - zero : value);
  }
  for (std::int64_t i = n; i % 4 != 0; ++i) out[i] = 0;
  return sum;
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
      // Adding and taking away 1.5 * 2^23 rounds to the nearest whole number, to the even one of two.
      constexpr float magic = 12582912.0f;
      bytes[c] = static_cast<std::uint8_t>(static_cast<std::int32_t>((value + magic) - magic) + f.shift);
    }
    auto* out = static_cast<std::uint8_t*>(f.out) + r * f.row_step;
    for (std::int64_t c = 0; c < f.columns; ++c) out[c * f.column_step] = bytes[c];
  }
}

}  // namespace
}  // namespace modelctl::kernels
