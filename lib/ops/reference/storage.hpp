// Moving elements without reading their values: one instantiation per width instead of one per type.
#pragma once

#include "ops/reference/run.hpp"

namespace modelctl::ops {

struct Bits128 {
  std::uint64_t halves[2];
};

// As for_type, with the unsigned type (or std::string) that is as wide as the element. Types below a byte are refused:
// packed_too is for them.
template <class F>
Result<void> for_storage(DType type, F&& body) {
  if (type == DType::string) return body.template operator()<std::string>();
  switch (bits(type)) {
    case 8: return body.template operator()<std::uint8_t>();
    case 16: return body.template operator()<std::uint16_t>();
    case 32: return body.template operator()<std::uint32_t>();
    case 64: return body.template operator()<std::uint64_t>();
    case 128: return body.template operator()<Bits128>();
    default: return refuse_type(type);
  }
}

// Runs `evaluate`, which only moves elements, on packed inputs too: it sees them as u8, an element to each.
Result<void> through_bytes(const Call& call, Outputs& outputs, runtime::Evaluate evaluate);

template <runtime::Evaluate evaluate>
Result<void> packed_too(const Call& call, Outputs& outputs) {
  return through_bytes(call, outputs, evaluate);
}

}  // namespace modelctl::ops
