// Vectors of 16 bytes by the compiler's extensions alone: SSE2 on x86-64, NEON on aarch64.
#include "kernels/isa/table.hpp"

namespace modelctl::kernels {
namespace {

struct Portable {
  static constexpr int width = 4;
  using V = float __attribute__((vector_size(16)));
  using I = std::int32_t __attribute__((vector_size(16)));
  using N = std::uint32_t __attribute__((vector_size(16)));
  using S = std::uint16_t __attribute__((vector_size(8)));
  static V minimum(V a, V b) { return a < b ? a : b; }
  static V maximum(V a, V b) { return a > b ? a : b; }
  static V square_root(V v) {
    MODELCTL_UNROLL
    for (int i = 0; i < width; ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
  }
  static V from_half(const std::uint16_t* from) {
    return half_from_bits<Portable>(__builtin_convertvector(load_unaligned<S>(from), N));
  }
  static void to_half(V value, std::uint16_t* to) {
    store_unaligned(to, __builtin_convertvector(half_to_bits<Portable>(value), S));
  }
  static V load_partial(const float* from, int count) {
    V value{};
    for (int i = 0; i < count; ++i) value[i] = from[i];
    return value;
  }
  static void store_partial(float* to, V value, int count) {
    for (int i = 0; i < count; ++i) to[i] = value[i];
  }
};

}  // namespace

const Simd& simd_portable() {
  static constexpr Simd table = make_table<Portable, 3, 1, 1, 2, 4>();
  return table;
}

}  // namespace modelctl::kernels
