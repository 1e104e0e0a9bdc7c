// AVX-512 VNNI: four products of bytes at once, added into 32 bits with nothing lost. Rows keep their zero point, which
// the sums of the columns make good.
#include "kernels/isa/byte_loops.hpp"

#if defined(__AVX512VNNI__)
// g++ 12 warns of its own header: an operand that the intrinsics leave undefined on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace modelctl::kernels {
namespace {

std::int32_t four_bytes(const char* at) {
  std::int32_t value;
  __builtin_memcpy(&value, at, sizeof(value));
  return value;
}

template <int rows>
void tile_of(const char* a, std::int64_t row_step, const std::int8_t* b, std::int64_t quads, std::int32_t* sums) {
  __m512i sum[rows];
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r) sum[r] = _mm512_setzero_si512();
  for (std::int64_t q = 0; q < quads; ++q, b += 64, a += 4) {
    const __m512i weights = _mm512_loadu_si512(b);
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      sum[r] = _mm512_dpbusd_epi32(sum[r], _mm512_set1_epi32(four_bytes(a + r * row_step)), weights);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r) _mm512_storeu_si512(sums + r * byte_columns, sum[r]);
}

using Function = void (*)(const char*, std::int64_t, const std::int8_t*, std::int64_t, std::int32_t*);
constexpr Function tiles[ByteSimd::row_limit + 1] = {nullptr,      &tile_of<1>,  &tile_of<2>, &tile_of<3>, &tile_of<4>,
                                                     &tile_of<5>,  &tile_of<6>,  &tile_of<7>, &tile_of<8>, &tile_of<9>,
                                                     &tile_of<10>, &tile_of<11>, &tile_of<12>};

void tile(const void* rows, std::int64_t row_step, int count, const std::int8_t* panel, std::int64_t quads,
          std::int32_t* sums) {
  tiles[count](static_cast<const char*>(rows), row_step, panel, quads, sums);
}

struct PanelVector {
  using V = __m512;
  static V load(const float* from) { return from == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(from); }
  static void store(float* to, V v) { _mm512_storeu_ps(to, v); }
  static V halves(const std::uint8_t* bytes) {
    const __m128i both = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)), mask = _mm_set1_epi8(15);
    const __m128i apart = _mm_unpacklo_epi64(both, _mm_srli_epi16(both, 4));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(apart, mask)));
  }
  static V whole(const std::uint8_t* bytes) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))));
  }
  static V scaled(V v, V zero, V scale) { return _mm512_mul_ps(_mm512_sub_ps(v, zero), scale); }
  static V add_product(V sum, float a, V b) { return _mm512_fmadd_ps(_mm512_set1_ps(a), b, sum); }
};

}  // namespace

const ByteSimd& byte_simd_vnni() {
  static constexpr ByteSimd table = make_bytes<std::uint8_t, PanelVector>(12, &tile);
  return table;
}

}  // namespace modelctl::kernels
#else
namespace modelctl::kernels {
const ByteSimd& byte_simd_vnni() { return byte_simd_avx2(); }
}  // namespace modelctl::kernels
#endif
