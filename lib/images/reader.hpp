// Reads numbers from a file in memory one after the other. Past the end they are zeros and `good` is false, so that
// decoders check once per part instead of after every number.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace modelctl::images {

struct Reader {
  ByteSpan rest;
  bool good = true;

  std::uint8_t byte() {
    if (rest.empty()) {
      good = false;
      return 0;
    }
    auto value = static_cast<std::uint8_t>(rest.front());
    rest = rest.subspan(1);
    return value;
  }
  std::uint32_t little(int bytes) {
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= std::uint32_t{byte()} << (8 * i);
    return value;
  }
  void skip(std::size_t bytes) {
    good = good && bytes <= rest.size();
    rest = rest.subspan(std::min(bytes, rest.size()));
  }
};

}  // namespace modelctl::images
