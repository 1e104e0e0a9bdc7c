// Case mapping of single code points.
#include "tensor/letter_case.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace modelctl {
namespace {

TEST_CASE("letters of any script change their case, one for one") {
  CHECK(upper_case('a') == 'A');
  CHECK(upper_case('z') == 'Z');
  CHECK(lower_case('Q') == 'q');
  CHECK(upper_case(U'é') == U'É');
  CHECK(lower_case(U'Ё') == U'ё');
  CHECK(upper_case(U'ÿ') == U'Ÿ');
  CHECK(upper_case(U'ś') == U'Ś');
  CHECK(lower_case(0x10400) == 0x10428);
}

TEST_CASE("what has no other case, or one of two letters, stays") {
  for (char32_t letter : {U'A', U'1', U' ', U'ß', U'中', char32_t{0}, char32_t{0x10ffff}}) {
    CHECK(upper_case(letter) == letter);
  }
  CHECK(lower_case(U'ś') == U'ś');
}

}  // namespace
}  // namespace modelctl
