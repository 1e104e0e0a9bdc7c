// Result, Error and the TRY macros.
#include "base/result.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

namespace {
Result<int> half(int number) {
  if (number % 2 != 0) return Error(Kind::bad_input, "odd", "cannot halve an odd number");
  return number / 2;
}
Result<int> quarter(int number) { return TRY(half(TRY_BECAUSE(half(number), "halving once"))); }
}  // namespace

TEST_CASE("TRY gives the value if there is one") { CHECK(quarter(8).value() == 2); }

TEST_CASE("TRY_BECAUSE adds its reason in front of the others") {
  auto failed = quarter(3);
  REQUIRE(!failed);
  CHECK(failed.error().code == "odd");
  CHECK(failed.error().why == std::vector<std::string>{"halving once"});
}

TEST_CASE("faults are summed up into one error that keeps each") {
  Faults faults;
  faults.add(Error(Kind::bad_input, "a", "first"));
  faults.add(Error(Kind::bad_input, "b", "second"));
  Error all = std::move(faults).sum("cannot read the model");
  CHECK(all.faults.size() == 2);
  CHECK(all.what == "cannot read the model");
}

TEST_CASE("every kind has an exit code that differs from success and from a negative result") {
  for (int kind = 0; kind <= static_cast<int>(Kind::interrupted); ++kind) {
    CHECK(info(static_cast<Kind>(kind)).exit_code >= 64);
  }
}
