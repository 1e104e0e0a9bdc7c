// Sets of element types: how schemas write them, and how messages name them.
#include "ops/schema/types.hpp"

#include <doctest/doctest.h>

namespace modelctl::ops {
namespace {

TEST_CASE("a set of types is made of names and groups, from which words may be taken away") {
  constexpr Types set = "floats i64 -f64";
  static_assert(set.has(DType::f32) && set.has(DType::i64) && !set.has(DType::f64) && !set.has(DType::i8));
  static_assert(Types("any").has(DType::string) && !Types("any").has(DType::sequence));
  static_assert(Types("sequence map").has(DType::map) && !Types("sequence map").has(DType::optional));
  static_assert(Types("").none() && !Types("").has(DType::undefined));
}

TEST_CASE("a set of types is described by names, a large one by the missing types") {
  CHECK(Types("i64 f32").text() == "f32 i64");
  CHECK(Types("any").text() == "any");
  CHECK(Types("any -i4 -u4").text() == "any but i4 u4");
  CHECK(Types("any -string sequence").text() == "any but string, sequence");
  CHECK(Types("").text().empty());
}

TEST_CASE("the words of a set are the names that types have everywhere") {
  for (const Types::Name& each : Types::names) CHECK(each.word == name(each.type));
}

}  // namespace
}  // namespace modelctl::ops
