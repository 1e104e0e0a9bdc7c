// Plain C++: values less their zero point, in 16 bits.
#include "kernels/isa/byte_loops.hpp"

namespace modelctl::kernels {
namespace {

void tile(const void* rows, std::int64_t row_step, int count, const std::int8_t* panel, std::int64_t quads,
          std::int32_t* sums) {
  for (int r = 0; r < count; ++r) {
    const auto* row = reinterpret_cast<const std::int16_t*>(static_cast<const char*>(rows) + r * row_step);
    std::uint32_t lanes[byte_columns] = {};
    const std::int8_t* b = panel;
    for (std::int64_t q = 0; q < quads; ++q, row += 4, b += 4 * byte_columns) {
      for (std::int64_t c = 0; c < byte_columns; ++c) {
        const std::int8_t* four = b + 4 * c;
        lanes[c] +=
            static_cast<std::uint32_t>(row[0] * four[0] + row[1] * four[1] + row[2] * four[2] + row[3] * four[3]);
      }
    }
    for (std::int64_t c = 0; c < byte_columns; ++c) {
      sums[r * byte_columns + c] = static_cast<std::int32_t>(lanes[c]);
    }
  }
}

struct PanelVector {
  struct V {
    float of[byte_columns];
  };
  static V load(const float* from) {
    V v{};
    for (std::int64_t c = 0; c < byte_columns && from != nullptr; ++c) v.of[c] = from[c];
    return v;
  }
  static void store(float* to, const V& v) {
    for (std::int64_t c = 0; c < byte_columns; ++c) to[c] = v.of[c];
  }
  static V halves(const std::uint8_t* bytes) {
    V v;
    for (std::int64_t c = 0; c < byte_columns / 2; ++c) {
      v.of[c] = static_cast<float>(bytes[c] & 15);
      v.of[c + byte_columns / 2] = static_cast<float>(bytes[c] >> 4);
    }
    return v;
  }
  static V whole(const std::uint8_t* bytes) {
    V v;
    for (std::int64_t c = 0; c < byte_columns; ++c) v.of[c] = static_cast<float>(bytes[c]);
    return v;
  }
  static V scaled(V v, const V& zero, const V& scale) {
    for (std::int64_t c = 0; c < byte_columns; ++c) v.of[c] = (v.of[c] - zero.of[c]) * scale.of[c];
    return v;
  }
  static V add_product(V sum, float a, const V& b) {
    for (std::int64_t c = 0; c < byte_columns; ++c) sum.of[c] += a * b.of[c];
    return sum;
  }
};

}  // namespace

const ByteSimd& byte_simd_portable() {
  static constexpr ByteSimd table = make_bytes<std::int16_t, PanelVector>(4, &tile);
  return table;
}

}  // namespace modelctl::kernels
