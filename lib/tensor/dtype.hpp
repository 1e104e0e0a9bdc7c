// Element types. The numbers are ONNX's (TensorProto.DataType), so that readers convert by a cast, and they are stored
// in artifacts: they must not change.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace modelctl {

enum class DType : std::uint8_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  c64 = 14,
  c128 = 15,
  bf16 = 16,
  f8e4m3fn = 17,
  f8e4m3fnuz = 18,
  f8e5m2 = 19,
  f8e5m2fnuz = 20,
  u4 = 21,
  i4 = 22,
  f4e2m1 = 23,
  f8e8m0 = 24,
  u2 = 25,
  i2 = 26,
  // Collections (tensor/collection.hpp): values that are not tensors, held in a rank-0 view whose data points to the
  // object.
  sequence = 64,
  optional = 65,
  map = 66,
};

// Bits of one element; 0 for types without a fixed size (string, sequence, …) and for numbers that are not types, as a
// damaged artifact may have them.
int bits(DType type);
// Short name as printed and parsed everywhere: "f32", "i64", "bool", "string".
std::string_view name(DType type);
std::optional<DType> dtype_from_name(std::string_view name);
bool is_float(DType type);    // f16 bf16 f32 f64 and the f8 and f4 forms
bool is_integer(DType type);  // signed and unsigned, any width; not bool
// Sequences, optionals and maps (tensor/collection.hpp).
constexpr bool is_collection(DType type) {
  return type == DType::sequence || type == DType::optional || type == DType::map;
}
// True if a tensor's bytes are its whole value; false for strings and collections, which own objects.
bool is_plain(DType type);

}  // namespace modelctl
