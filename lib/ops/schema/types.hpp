// A set of element types, written as words that the compiler reads: "f32 f64", "numbers bool", "any -string". An
// unknown word in a constexpr table does not compile.
#pragma once

#include "tensor/dtype.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace modelctl::ops {

class Types {
 public:
  constexpr Types() = default;
  constexpr Types(const char* words) : Types(std::string_view(words)) {}
  // Names of types and groups, from left to right; '-' before a word takes it away.
  constexpr Types(std::string_view words) {
    for (std::size_t at = 0; at < words.size();) {
      std::size_t end = std::min(words.find_first_of(" ,", at), words.size());
      std::string_view word = words.substr(at, end - at);
      bool takes = word.starts_with('-');
      if (takes) word.remove_prefix(1);
      if (!word.empty()) members_ = takes ? members_ & ~of(word) : members_ | of(word);
      at = end + 1;
    }
  }

  constexpr bool has(DType type) const { return (members_ & bit(type)) != 0; }
  constexpr bool none() const { return members_ == 0; }
  // "f32 f64", "any", "any but i4 u4".
  std::string text() const;

  struct Name {
    std::string_view word;
    DType type;
  };
  // Every type that a set may hold, in the order in which messages list them.
  static constexpr Name names[] = {{"f32", DType::f32},
                                   {"f64", DType::f64},
                                   {"f16", DType::f16},
                                   {"bf16", DType::bf16},
                                   {"i8", DType::i8},
                                   {"i16", DType::i16},
                                   {"i32", DType::i32},
                                   {"i64", DType::i64},
                                   {"u8", DType::u8},
                                   {"u16", DType::u16},
                                   {"u32", DType::u32},
                                   {"u64", DType::u64},
                                   {"bool", DType::boolean},
                                   {"string", DType::string},
                                   {"f8e4m3fn", DType::f8e4m3fn},
                                   {"f8e4m3fnuz", DType::f8e4m3fnuz},
                                   {"f8e5m2", DType::f8e5m2},
                                   {"f8e5m2fnuz", DType::f8e5m2fnuz},
                                   {"f8e8m0", DType::f8e8m0},
                                   {"f4e2m1", DType::f4e2m1},
                                   {"i4", DType::i4},
                                   {"u4", DType::u4},
                                   {"i2", DType::i2},
                                   {"u2", DType::u2},
                                   {"c64", DType::c64},
                                   {"c128", DType::c128},
                                   {"sequence", DType::sequence},
                                   {"optional", DType::optional},
                                   {"map", DType::map}};
  struct Group {
    std::string_view word, members;
  };
  static constexpr Group groups[] = {
      {"floats", "f32 f64 f16 bf16"},
      {"integers", "i8 i16 i32 i64 u8 u16 u32 u64"},
      {"numbers", "floats integers"},
      {"small", "f4e2m1 i4 u4 i2 u2"},  // several to a byte
      {"f8", "f8e4m3fn f8e4m3fnuz f8e5m2 f8e5m2fnuz f8e8m0"},
      {"any", "numbers bool string f8 small c64 c128"},  // of a tensor
  };

 private:
  // Collections are numbered from 64 on: they follow the tensors' types.
  static constexpr std::uint64_t bit(DType type) {
    auto number = static_cast<unsigned>(type);
    return std::uint64_t{1} << (number < 60 ? number : number - 4);
  }
  static constexpr std::uint64_t of(std::string_view word) {
    for (const Name& name : names) {
      if (name.word == word) return bit(name.type);
    }
    for (const Group& group : groups) {
      if (group.word == word) return Types(group.members).members_;
    }
    return unknown_word();
  }
  static std::uint64_t unknown_word();  // not a constant expression: the compiler stops there

  std::uint64_t members_ = 0;
};

}  // namespace modelctl::ops
