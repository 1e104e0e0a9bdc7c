// The table of element types: one row per type, from which names, widths and parsing follow.
#include "tensor/dtype.hpp"

namespace modelctl {
namespace {

struct Row {
  DType type;
  std::string_view name;
  int bits;
};

constexpr Row rows[] = {
    {DType::undefined, "undefined", 0},
    {DType::f32, "f32", 32},
    {DType::u8, "u8", 8},
    {DType::i8, "i8", 8},
    {DType::u16, "u16", 16},
    {DType::i16, "i16", 16},
    {DType::i32, "i32", 32},
    {DType::i64, "i64", 64},
    {DType::string, "string", 0},
    {DType::boolean, "bool", 8},
    {DType::f16, "f16", 16},
    {DType::f64, "f64", 64},
    {DType::u32, "u32", 32},
    {DType::u64, "u64", 64},
    {DType::c64, "c64", 64},
    {DType::c128, "c128", 128},
    {DType::bf16, "bf16", 16},
    {DType::f8e4m3fn, "f8e4m3fn", 8},
    {DType::f8e4m3fnuz, "f8e4m3fnuz", 8},
    {DType::f8e5m2, "f8e5m2", 8},
    {DType::f8e5m2fnuz, "f8e5m2fnuz", 8},
    {DType::u4, "u4", 4},
    {DType::i4, "i4", 4},
    {DType::f4e2m1, "f4e2m1", 4},
    {DType::f8e8m0, "f8e8m0", 8},
    {DType::u2, "u2", 2},
    {DType::i2, "i2", 2},
    {DType::sequence, "sequence", 0},
    {DType::optional, "optional", 0},
    {DType::map, "map", 0},
};

// A linear search: the table has 30 rows, and artifacts may contain any number as a type, so indexing would need a
// check.
constexpr const Row& row(DType type) {
  for (const Row& candidate : rows) {
    if (candidate.type == type) return candidate;
  }
  return rows[0];
}

}  // namespace

int bits(DType type) { return row(type).bits; }
std::string_view name(DType type) { return row(type).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const Row& candidate : rows) {
    if (candidate.name == name && candidate.type != DType::undefined) return candidate.type;
  }
  return std::nullopt;
}

// By the width alone: strings and collections have none in the table, and so has what is not known.
bool is_plain(DType type) { return bits(type) > 0; }

bool is_float(DType type) {
  switch (type) {
    case DType::f32:
    case DType::f16:
    case DType::f64:
    case DType::bf16:
    case DType::f8e4m3fn:
    case DType::f8e4m3fnuz:
    case DType::f8e5m2:
    case DType::f8e5m2fnuz:
    case DType::f4e2m1:
    case DType::f8e8m0: return true;
    default: return false;
  }
}

bool is_integer(DType type) {
  switch (type) {
    case DType::u8:
    case DType::i8:
    case DType::u16:
    case DType::i16:
    case DType::i32:
    case DType::i64:
    case DType::u32:
    case DType::u64:
    case DType::u4:
    case DType::i4:
    case DType::u2:
    case DType::i2: return true;
    default: return false;
  }
}

}  // namespace modelctl
