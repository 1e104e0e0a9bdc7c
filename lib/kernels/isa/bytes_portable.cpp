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

}  // namespace

const ByteSimd& byte_simd_portable() {
  static constexpr ByteSimd table = make_bytes<std::int16_t>(4, &tile);
  return table;
}

}  // namespace modelctl::kernels
