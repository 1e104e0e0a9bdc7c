// AVX2 with FMA: two vectors a panel, 6 rows by one panel.
#include "kernels/isa/table.hpp"

#if defined(__AVX2__)
#include <immintrin.h>

namespace modelctl::kernels {
namespace {

struct Avx2 {
  static constexpr int width = 8;
  using V = float __attribute__((vector_size(32)));
  using I = std::int32_t __attribute__((vector_size(32)));
  using N = std::uint32_t __attribute__((vector_size(32)));
  using S = std::uint16_t __attribute__((vector_size(16)));
  static V minimum(V a, V b) { return _mm256_min_ps(a, b); }
  static V maximum(V a, V b) { return _mm256_max_ps(a, b); }
  static V square_root(V v) { return _mm256_sqrt_ps(v); }
  static V from_half(const std::uint16_t* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static void to_half(V value, std::uint16_t* to) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  static __m256i first(int count) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
  }
  static V load_partial(const float* from, int count) { return _mm256_maskload_ps(from, first(count)); }
  static void store_partial(float* to, V value, int count) { _mm256_maskstore_ps(to, first(count), value); }
};

}  // namespace

const Simd& simd_avx2() {
  static constexpr Simd table = make_table<Avx2, 6, 1, 1, 4, 6>();
  return table;
}

}  // namespace modelctl::kernels
#else
namespace modelctl::kernels {
const Simd& simd_avx2() { return simd_portable(); }
}  // namespace modelctl::kernels
#endif
