// Suggestions for mistyped words.
#include "base/suggest.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace modelctl;

TEST_CASE("swapped neighbors are one mistake") { CHECK(edit_distance("biuld", "build") == 1); }

TEST_CASE("the nearest word is suggested, and none if no word is near") {
  std::vector<std::string> words = {"build", "bench", "pull"};
  CHECK(nearest("biuld", words) == "build");
  CHECK(nearest("pul", words) == "pull");
  CHECK(nearest("deploy", words).empty());
}

TEST_CASE("a word in another case is meant, however short") {
  std::vector<std::string> words = {"X", "SepalLength"};
  CHECK(nearest("x", words) == "X");
  CHECK(nearest("sepallength", words) == "SepalLength");
  CHECK(nearest("y", words).empty());
}
