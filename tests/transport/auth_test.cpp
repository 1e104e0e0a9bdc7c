// Challenges and tokens of registries, as RFC 9110 and Docker's token specification define them.
#include "transport/auth.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;

TEST_CASE("a Bearer challenge is read with quoted commas") {
  auto list = parse_challenges(
      R"(Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push")");
  REQUIRE(list.size() == 1);
  CHECK(list[0].scheme == "bearer");
  CHECK(list[0].values.at("realm") == "https://auth.example/token");
  CHECK(list[0].values.at("scope") == "repository:a/b:pull,push");
}

TEST_CASE("several challenges in one header are told apart") {
  auto list = parse_challenges(R"(Negotiate, Basic realm="a \"b\"", charset=UTF-8, Bearer realm=x)");
  REQUIRE(list.size() == 3);
  CHECK(list[0].scheme == "negotiate");
  CHECK(list[1].values.at("realm") == "a \"b\"");
  CHECK(list[1].values.at("charset") == "UTF-8");
  CHECK(list[2].values.at("realm") == "x");
}

TEST_CASE("a header that makes no sense gives no challenge and no harm") {
  for (const char* text : {"", ",,,", "=", "realm=\"x\"", "\"", "Basic \x01", "Bearer realm=\"unclosed"}) {
    auto list = parse_challenges(text);
    CHECK(list.size() <= 1);
  }
}

TEST_CASE("scopes are merged without repeats, their actions sorted") {
  CHECK(merged_scopes("repository:a/b:push,pull", "repository:a/b:pull registry:catalog:*") ==
        std::vector<std::string>{"registry:catalog:*", "repository:a/b:pull,push"});
}

TEST_CASE("a token is read by either of its names, and lives 60 s where nothing is said") {
  CHECK(parse_token(R"({"token":"abc"})", "t")->lifetime == std::chrono::seconds(60));
  CHECK(parse_token(R"({"access_token":"abc","expires_in":300})", "t")->lifetime == std::chrono::seconds(300));
}

TEST_CASE("what is no token is refused, line breaks above all") {
  for (const char* body : {"", "[]", "{}", R"({"token":""})", R"({"token":"a\nb"})", R"({"token":5})"}) {
    auto token = parse_token(body, "t");
    REQUIRE(!token);
    CHECK(token.error().what == "the token service gave no token");
  }
}
