// Scopes and tokens of the token flow.
#include "transport/token_service.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;

TEST_CASE("scopes are merged without repeats, their actions sorted") {
  CHECK(merged_scopes("repository:a/b:push,pull", "repository:a/b:pull registry:catalog:*") ==
        std::vector<std::string>{"registry:catalog:*", "repository:a/b:pull,push"});
}

TEST_CASE("a token is read by either of its names, and lives 60 s if nothing is stated") {
  CHECK(parse_token(R"({"token":"abc"})", "t")->lifetime == std::chrono::seconds(60));
  CHECK(parse_token(R"({"access_token":"abc","expires_in":300})", "t")->lifetime == std::chrono::seconds(300));
}

TEST_CASE("what is not a token is refused, line breaks above all") {
  for (const char* body : {"", "[]", "{}", R"({"token":""})", R"({"token":"a\nb"})", R"({"token":5})"}) {
    auto token = parse_token(body, "t");
    REQUIRE(!token);
    CHECK(token.error().what == "the token service returned no token");
  }
}

TEST_CASE("credentials go to a token service of the same domain, a known one, or one that the user allowed") {
  CHECK(may_get_credentials("registry-1.docker.io", "auth.docker.io", {}));
  CHECK(may_get_credentials("ghcr.io", "ghcr.io", {}));
  CHECK(may_get_credentials("quay.io", "quay.io", {}));
  CHECK(may_get_credentials("registry.gitlab.com", "gitlab.com", {}));
  CHECK(may_get_credentials("registry.redhat.io", "sso.redhat.com", {}));
  CHECK(!may_get_credentials("registry.example", "auth.elsewhere", {}));
  CHECK(may_get_credentials("registry.example", "auth.elsewhere", {"auth.elsewhere"}));
  CHECK(!may_get_credentials("registry.example", "sso.redhat.com", {}));
}
