// Vectors at any address. memcpy, which is one instruction here, and not a vector type of smaller alignment, which
// clang takes for an aligned one. Always inlined, since g++ prefers a call of smaller code. In an unnamed namespace,
// because each instruction set needs a copy of its own.
#pragma once

#include <cstring>

namespace modelctl::kernels {
namespace {

template <class Vector>
[[gnu::always_inline]] inline Vector load_unaligned(const void* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class Vector>
[[gnu::always_inline]] inline void store_unaligned(void* to, Vector value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace
}  // namespace modelctl::kernels
