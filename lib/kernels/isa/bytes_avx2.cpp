// AVX2: weights widened to 16 bits in registers, and products added in pairs into 32 bits. Multiplying bytes at once
// (vpmaddubsw) would saturate.
#include "kernels/isa/byte_loops.hpp"

#if defined(__AVX2__)
#include <immintrin.h>

namespace modelctl::kernels {
namespace {

template <int rows>
void tile_of(const char* a, std::int64_t row_step, const std::int8_t* b, std::int64_t quads, std::int32_t* sums) {
  // Of each row four vectors, each of four columns with the sums of its even and of its odd pairs.
  __m256i sum[rows][4];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sum[r][j] = _mm256_setzero_si256();
  }
  for (std::int64_t q = 0; q < quads; ++q, b += 64, a += 8) {
    __m256i four[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      four[r] = _mm256_castpd_si256(_mm256_broadcast_sd(reinterpret_cast<const double*>(a + r * row_step)));
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 16 * j)));
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) sum[r][j] = _mm256_add_epi32(sum[r][j], _mm256_madd_epi16(wide, four[r]));
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < 4; j += 2) {
      const __m256i mixed = _mm256_hadd_epi32(sum[r][j], sum[r][j + 1]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * byte_columns + 4 * j),
                          _mm256_permute4x64_epi64(mixed, 0xd8));
    }
  }
}

void tile(const void* rows, std::int64_t row_step, int count, const std::int8_t* panel, std::int64_t quads,
          std::int32_t* sums) {
  const auto* a = static_cast<const char*>(rows);
  if (count == 2) tile_of<2>(a, row_step, panel, quads, sums);
  else tile_of<1>(a, row_step, panel, quads, sums);
}

}  // namespace

const ByteSimd& byte_simd_avx2() {
  static constexpr ByteSimd table = make_bytes<std::int16_t>(2, &tile);
  return table;
}

}  // namespace modelctl::kernels
#else
namespace modelctl::kernels {
const ByteSimd& byte_simd_avx2() { return byte_simd_portable(); }
}  // namespace modelctl::kernels
#endif
