// WWW-Authenticate headers as servers write them.
#include "http/challenge.hpp"

#include <doctest/doctest.h>

using namespace modelctl::http;

TEST_CASE("a Bearer challenge is read with quoted commas") {
  auto list = parse_challenges(
      R"(Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push")");
  REQUIRE(list.size() == 1);
  CHECK(list[0].scheme == "bearer");
  CHECK(list[0].value("realm") == "https://auth.example/token");
  CHECK(list[0].value("scope") == "repository:a/b:pull,push");
  CHECK(list[0].value("nothing") == "");
}

TEST_CASE("several challenges in one header are kept apart") {
  auto list = parse_challenges(R"(Negotiate, Basic realm="a \"b\"", charset=UTF-8, Bearer realm=x)");
  REQUIRE(list.size() == 3);
  CHECK(list[0].scheme == "negotiate");
  CHECK(list[1].value("realm") == "a \"b\"");
  CHECK(list[1].value("charset") == "UTF-8");
  CHECK(list[2].value("realm") == "x");
}

TEST_CASE("a header that makes no sense gives no challenge and does no harm") {
  for (const char* text : {"", ",,,", "=", "realm=\"x\"", "\"", "Basic \x01", "Bearer realm=\"unclosed"}) {
    auto list = parse_challenges(text);
    CHECK(list.size() <= 1);
  }
}
