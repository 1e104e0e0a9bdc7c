// BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot and BitShift, of integers, with broadcasting.
//
// Smallest runner: regular, since hardly any graph has arithmetic on bits.
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// Elements arrive widened to 64 bits, signed ones with their sign, and the store drops the upper bits
// (reference/element.hpp). The functions work bit by bit, so the bits of the element are right at any width.
struct And {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
struct Not {
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(~x);
  }
};
// A shift by the width or more gives 0. C++ leaves it undefined and x86 takes the count modulo the width. ONNX shifts
// unsigned types alone, so there is never a sign to extend. T is u64 for all of them: a narrow element that is shifted
// left beyond its width has only bits that the store drops.
struct Shift {
  explicit Shift(const Attributes& attributes) : left(attributes.text("direction") == "LEFT") {}
  template <class T>
  T operator()(T x, T by) const {
    if (by >= sizeof(T) * 8) return 0;  // all bits are shifted out
    auto wide = static_cast<std::uint64_t>(x);
    return static_cast<T>(left ? wide << by : wide >> by);
  }
  bool left;
};

using Unsigned = TypeList<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;

constexpr AttributeDef of_shift[] = {text_choice("direction", "LEFT RIGHT", "where the bits move", true)};

constexpr OpDef defs[] = {
    {
        .name = "BitwiseAnd",
        .since = 18,
        .summary = "The bits that are set in both.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = integer_types,
        .traits = broadcasting,
        .infer = infer_broadcast,
        .examples =
            [] {
              return Examples{{"two numbers", {u8({2}, {6, 3}), u8({1}, {5})}, {}, {u8({2}, {4, 1})}, 0}};
            },
    },
    {
        .name = "BitwiseOr",
        .since = 18,
        .summary = "The bits that are set in either.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = integer_types,
        .traits = broadcasting,
        .infer = infer_broadcast,
        .examples =
            [] {
              return Examples{{"two numbers", {u8({2}, {6, 3}), u8({1}, {5})}, {}, {u8({2}, {7, 7})}, 0}};
            },
    },
    {
        .name = "BitwiseXor",
        .since = 18,
        .summary = "The bits in which they differ.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = integer_types,
        .traits = broadcasting,
        .infer = infer_broadcast,
        .examples =
            [] {
              return Examples{{"two numbers", {u8({2}, {6, 3}), u8({1}, {5})}, {}, {u8({2}, {3, 6})}, 0}};
            },
    },
    {
        .name = "BitwiseNot",
        .since = 18,
        .summary = "All bits inverted.",
        .inputs = "X",
        .outputs = "Y",
        .types = integer_types,
        .traits = unary_elementwise,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"one number", {i32({1}, {5})}, {}, {i32({1}, {-6})}, 0}};
            },
    },
    {
        .name = "BitShift",
        .since = 11,
        .summary = "Bits moved to the left or to the right.",
        .inputs = "X Y:X",
        .outputs = "Z",
        .types = "u8 u16 u32 u64",
        .attributes = of_shift,
        .traits = broadcasting,
        .infer = infer_broadcast,
        .examples =
            [] {
              return Examples{{"to the left",
                               {u8({3}, {1, 3, 255}), u8({3}, {1, 2, 9})},
                               {{"direction", std::string("LEFT")}},
                               {u8({3}, {2, 12, 0})},
                               0},
                              {"to the right",
                               {u8({3}, {1, 12, 255}), u8({1}, {2})},
                               {{"direction", std::string("RIGHT")}},
                               {u8({3}, {0, 3, 63})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "BitwiseAnd", binary<Integers, And>},
                          {"", "BitwiseOr", binary<Integers, Or>},
                          {"", "BitwiseXor", binary<Integers, Xor>},
                          {"", "BitwiseNot", unary<Integers, Not>},
                          {"", "BitShift", binary<Unsigned, Shift>}};

}  // namespace

std::span<const OpDef> bitwise_ops() { return defs; }
std::span<const OpRun> bitwise_runs() { return runs; }

}  // namespace modelctl::ops
