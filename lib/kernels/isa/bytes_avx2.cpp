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

struct PanelVector {
  struct V {
    __m256 low, high;
  };
  static V load(const float* from) {
    if (from == nullptr) return {_mm256_setzero_ps(), _mm256_setzero_ps()};
    return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
  static void store(float* to, V v) {
    _mm256_storeu_ps(to, v.low);
    _mm256_storeu_ps(to + 8, v.high);
  }
  static __m256 wide(__m128i bytes) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)); }
  static V halves(const std::uint8_t* bytes) {
    const __m128i both = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)), mask = _mm_set1_epi8(15);
    return {wide(_mm_and_si128(both, mask)), wide(_mm_and_si128(_mm_srli_epi16(both, 4), mask))};
  }
  static V whole(const std::uint8_t* bytes) {
    const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    return {wide(all), wide(_mm_srli_si128(all, 8))};
  }
  static V scaled(V v, V zero, V scale) {
    return {_mm256_mul_ps(_mm256_sub_ps(v.low, zero.low), scale.low),
            _mm256_mul_ps(_mm256_sub_ps(v.high, zero.high), scale.high)};
  }
  static V add_product(V sum, float a, V b) {
    const __m256 each = _mm256_set1_ps(a);
    return {_mm256_fmadd_ps(each, b.low, sum.low), _mm256_fmadd_ps(each, b.high, sum.high)};
  }
};

}  // namespace

const ByteSimd& byte_simd_avx2() {
  static constexpr ByteSimd table = make_bytes<std::int16_t, PanelVector>(2, &tile);
  return table;
}

}  // namespace modelctl::kernels
#else
namespace modelctl::kernels {
const ByteSimd& byte_simd_avx2() { return byte_simd_portable(); }
}  // namespace modelctl::kernels
#endif
