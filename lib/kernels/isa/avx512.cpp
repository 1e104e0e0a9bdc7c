// AVX-512: one vector a panel, 14 rows by two panels.
#include "kernels/isa/table.hpp"

#if defined(__AVX512F__)
// g++ 12 warns of its own header: an operand that the intrinsics leave undefined on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace modelctl::kernels {
namespace {

struct Avx512 {
  static constexpr int width = 16;
  using V = float __attribute__((vector_size(64)));
  using I = std::int32_t __attribute__((vector_size(64)));
  using N = std::uint32_t __attribute__((vector_size(64)));
  using S = std::uint16_t __attribute__((vector_size(32)));
  static V minimum(V a, V b) { return _mm512_min_ps(a, b); }
  static V maximum(V a, V b) { return _mm512_max_ps(a, b); }
  static V square_root(V v) { return _mm512_sqrt_ps(v); }
  static V from_half(const std::uint16_t* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static void to_half(V value, std::uint16_t* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  static __mmask16 first(int count) { return static_cast<__mmask16>((1u << count) - 1); }
  static V load_partial(const float* from, int count) { return _mm512_maskz_loadu_ps(first(count), from); }
  static void store_partial(float* to, V value, int count) { _mm512_mask_storeu_ps(to, first(count), value); }
};

}  // namespace

const Simd& simd_avx512() {
  static constexpr Simd table = make_table<Avx512, 14, 2, 3, 8, 6>();
  return table;
}

}  // namespace modelctl::kernels
#else
namespace modelctl::kernels {
const Simd& simd_avx512() { return simd_avx2(); }
}  // namespace modelctl::kernels
#endif
