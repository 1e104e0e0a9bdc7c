// Attributes of operators.
#include "tensor/attributes.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

TEST_CASE("an attribute is found by its name, in whatever order it was set") {
  Attributes attributes{{"strides", std::vector<std::int64_t>{2, 2}}, {"alpha", 0.5f}};
  attributes.set("alpha", 0.25f);
  CHECK(attributes.size() == 2);
  CHECK(attributes.number("alpha") == 0.25f);
  CHECK(attributes.integers("strides") == std::vector<std::int64_t>{2, 2});
}

TEST_CASE("an absent attribute gives the default") {
  Attributes attributes;
  CHECK(attributes.integer("axis", -1) == -1);
  CHECK(attributes.text("mode", "nearest") == "nearest");
  CHECK(attributes.tensor("value") == nullptr);
}

TEST_CASE("an attribute of another type counts as absent, as a damaged artifact may hold one") {
  Attributes attributes{{"axis", std::string("one")}, {"perm", std::int64_t{3}}};
  CHECK(attributes.integer("axis", 7) == 7);
  CHECK(attributes.integers("perm").empty());
}

TEST_CASE("an erased attribute is gone") {
  Attributes attributes{{"axis", std::int64_t{1}}};
  attributes.erase("axis");
  CHECK_FALSE(attributes.has("axis"));
}
