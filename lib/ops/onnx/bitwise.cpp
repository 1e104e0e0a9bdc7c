// BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot and BitShift.
#include "ops/elementwise.hpp"
#include "ops/example.hpp"
#include "ops/infer.hpp"

namespace modelctl::ops {
namespace {

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
struct Shift {
  explicit Shift(const Attributes& attributes) : left(attributes.text("direction") == "LEFT") {}
  template <class T>
  T operator()(T x, T by) const {
    if (by >= sizeof(T) * 8) return 0;  // nothing is left
    auto wide = static_cast<std::uint64_t>(x);
    return static_cast<T>(left ? wide << by : wide >> by);
  }
  bool left;
};

using Unsigned = TypeList<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;

constexpr AttributeDef of_shift[] = {{"direction", AttributeType::text, "LEFT or RIGHT", true}};

constexpr OpDef defs[] = {
    {"",
     "BitwiseAnd",
     18,
     "The bits that both have.",
     "A B:A",
     "C",
     integer_types,
     {},
     infer_broadcast,
     [] {
       return Examples{{"two numbers", {u8({2}, {6, 3}), u8({1}, {5})}, {}, {u8({2}, {4, 1})}, 0}};
     }},
    {"",
     "BitwiseOr",
     18,
     "The bits that one has.",
     "A B:A",
     "C",
     integer_types,
     {},
     infer_broadcast,
     [] {
       return Examples{{"two numbers", {u8({2}, {6, 3}), u8({1}, {5})}, {}, {u8({2}, {7, 7})}, 0}};
     }},
    {"",
     "BitwiseXor",
     18,
     "The bits in which they differ.",
     "A B:A",
     "C",
     integer_types,
     {},
     infer_broadcast,
     [] {
       return Examples{{"two numbers", {u8({2}, {6, 3}), u8({1}, {5})}, {}, {u8({2}, {3, 6})}, 0}};
     }},
    {"",
     "BitwiseNot",
     18,
     "All bits turned.",
     "X",
     "Y",
     integer_types,
     {},
     infer_same,
     [] {
       return Examples{{"one number", {i32({1}, {5})}, {}, {i32({1}, {-6})}, 0}};
     }},
    {"", "BitShift", 11, "Bits moved to the left or to the right.", "X Y:X", "Z", "u8 u16 u32 u64", of_shift,
     infer_broadcast,
     [] {
       return Examples{{"to the left",
                        {u8({3}, {1, 3, 255}), u8({3}, {1, 2, 9})},
                        {{"direction", std::string("LEFT")}},
                        {u8({3}, {2, 12, 0})},
                        0}};
     }},
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
