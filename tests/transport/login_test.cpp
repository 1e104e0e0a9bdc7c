// The action `login`: what it may claim about credentials, by what the host said to them.
#include "actions/login.hpp"
#include "support.hpp"
#include "support/http_server.hpp"
#include "transport/credentials.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
using modelctl::test::HttpServer;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;

namespace {

// A host that accepts the password "right" if it asks for one at all, and then responds with `status`.
struct Door {
  explicit Door(bool asks, int status = 200)
      : server([asks, status](const ServedRequest& request) {
          std::string right = "Basic " + to_base64(as_bytes("ci:right"));
          if (!asks || request.header("authorization") == right) return ServedResponse{.status = status};
          return ServedResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
        }) {}

  Result<actions::LoginReport> login(const std::string& password) {
    return actions::login({server.authority(), "ci", password, {}}, shop.host);
  }
  bool stored() const { return std::filesystem::exists(shop.scratch / ".docker/config.json"); }

  HttpServer server;
  Shop shop;
};

}  // namespace

TEST_CASE("credentials that a host asked for and accepted are checked") {
  for (int status : {200, 404}) {
    Door door(true, status);
    auto login = door.login("right");
    REQUIRE_MESSAGE(login, message_of(login));
    CHECK(login->checked);
    CHECK(door.stored());
  }
}

TEST_CASE("credentials for a host that does not ask are stored and not called checked") {
  for (int status : {200, 404}) {
    Door door(false, status);
    auto login = door.login("anything");
    REQUIRE_MESSAGE(login, message_of(login));
    CHECK(!login->checked);
    CHECK(door.stored());
  }
}

TEST_CASE("a host that asks for no credentials that can be sent has refused none") {
  struct Case {
    const char *challenge, *reason;
  };
  for (const Case& each : {Case{"", "its response has no WWW-Authenticate header, so nothing was sent"},
                           Case{"Negotiate", "it wants 'negotiate'; Basic and Bearer are supported"},
                           Case{"Bearer", "it wants 'bearer without realm'; Basic and Bearer are supported"}}) {
    CAPTURE(each.challenge);
    HttpServer server([&](const ServedRequest&) {
      ServedResponse response{.status = 401};
      if (*each.challenge != 0) response.headers = {{"WWW-Authenticate", each.challenge}};
      return response;
    });
    Shop shop;
    auto login = actions::login({server.authority(), "ci", "right", {}}, shop.host);
    REQUIRE(!login);
    CHECK(login.error().kind == Kind::denied);
    CHECK(login.error().what == "'" + server.authority() + "' requires credentials of a kind that cannot be sent");
    CHECK(std::find(login.error().why.begin(), login.error().why.end(), each.reason) != login.error().why.end());
    CHECK(!std::filesystem::exists(shop.scratch / ".docker/config.json"));
  }
}

TEST_CASE("a wrong password is refused, with what to do, and not stored") {
  Door door(true);
  auto login = door.login("wrong");
  REQUIRE(!login);
  CHECK(login.error().kind == Kind::denied);
  CHECK(login.error().what == "'" + door.server.authority() + "' refuses the credentials of 'ci'");
  CHECK(login.error().hint == "check the user name and the password; nothing was stored");
  CHECK(!door.stored());
}
