// Tokens: the file, and what a server does with a request that has one.
#include "serve/tokens.hpp"

#include "base/files.hpp"
#include "serve/running.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;
using test::HttpClient;
using test::Running;

namespace {

constexpr const char* file =
    "# who    may            how\n"
    "\n"
    "anonymous metrics\n"
    "app      predict,feedback  predict-0123456789\r\n"
    "ops      admin             sha256:9a1e4f71a0d2d4a4c9ac36a1c4bd01e6c0e2a6f7b4a8d0cf1f1d2e5c3b7a9d10\n"
    "all      predict,admin,metrics all-0123456789abcd\n";

int status_of(const Access& access) { return access.refusal ? access.refusal->status : 200; }

std::string fault(std::string_view text) {
  auto table = parse_tokens(text);
  return table ? "" : table.error().where + ": " + table.error().why.back();
}

// The response to a request with this header.
test::Answer ask(const Running& running, std::string_view method, std::string_view path, std::string_view authorization,
                 std::string_view body = "") {
  HttpClient client(running.port());
  std::string header = authorization.empty() ? "" : "Authorization: " + std::string(authorization) + "\r\n";
  client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + header +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  return client.receive();
}

}  // namespace

TEST_CASE("a token may do what its line names, and who has none what the line 'anonymous' names") {
  Settings settings;
  Tokens tokens(settings);
  tokens.use(parse_tokens(file).value());
  CHECK(status_of(tokens.check(Scope::metrics, "")) == 200);
  CHECK(status_of(tokens.check(Scope::none, "Bearer wrong")) == 200);
  CHECK(status_of(tokens.check(Scope::predict, "")) == 401);
  CHECK(status_of(tokens.check(Scope::predict, "Bearer predict-012345678")) == 401);
  CHECK(status_of(tokens.check(Scope::predict, "Basic predict-0123456789")) == 401);
  CHECK(status_of(tokens.check(Scope::predict, "Bearer")) == 401);
  auto app = tokens.check(Scope::predict, "Bearer predict-0123456789");
  CHECK(status_of(app) == 200);
  CHECK(app.name == "app");
  auto refused = tokens.check(Scope::admin, "Bearer predict-0123456789");
  CHECK(status_of(refused) == 403);
  CHECK(refused.refusal->challenge == "Bearer error=\"insufficient_scope\", scope=\"admin\"");
  CHECK(tokens.check(Scope::admin, "Bearer all-0123456789abcd").name == "all");
}

TEST_CASE("the scheme of a token has any case") {
  Settings settings;
  Tokens tokens(settings);
  tokens.use(parse_tokens(file).value());
  for (const char* scheme : {"Bearer", "bearer", "BEARER"})
    CHECK(status_of(tokens.check(Scope::predict, std::string(scheme) + " predict-0123456789")) == 200);
}

TEST_CASE("a token may be given as its digest") {
  std::string token = "0123456789abcdef";
  auto table = parse_tokens("a predict " + Sha256::of(as_bytes(token)).text());
  REQUIRE(table);
  Settings settings;
  Tokens tokens(settings);
  tokens.use(*table);
  CHECK(tokens.check(Scope::predict, "Bearer " + token).name == "a");
  CHECK(status_of(tokens.check(Scope::predict, "Bearer " + Sha256::of(as_bytes(token)).text())) == 401);
}

TEST_CASE("a file of tokens that is wrong is refused with its line, and without what it has") {
  CHECK(fault("a predict short") == "1: a token has 16 characters or more");
  CHECK(fault("\na every 0123456789abcdef") == "2: a scope is one of predict, feedback, metrics and admin");
  CHECK(fault("a 0123456789abcdef") == "1: a line is NAME SCOPE[,SCOPE…] TOKEN");
  CHECK(fault("a admin 0123456789abcdef more") == "1: a line is NAME SCOPE[,SCOPE…] TOKEN");
  CHECK(fault("a/b admin 0123456789abcdef") == "1: a name has letters, digits, '.', '_' and '-', 64 at most");
  CHECK(fault("a admin 0123456789abcdef\na admin 0123456789abcdeg") == "2: the name is used twice");
  CHECK(fault("a admin sha256:12") == "1: a digest is 'sha256:' and 64 hex digits in lower case");
  CHECK(fault("anonymous predict 0123456789abcdef") == "1: 'anonymous' has scopes alone: it is who has no token");
}

TEST_CASE("without a file of tokens, all may predict, and nobody operates") {
  Settings settings;
  Tokens tokens(settings);
  REQUIRE(tokens.load());
  for (Scope scope : {Scope::none, Scope::predict, Scope::feedback, Scope::metrics})
    CHECK(status_of(tokens.check(scope, "")) == 200);
  CHECK(status_of(tokens.check(Scope::admin, "Bearer 0123456789abcdef")) == 403);
}

TEST_CASE("tokens are read again, and those of a file that became wrong stay") {
  test::Scratch scratch;
  Settings settings;
  settings.tokens = scratch / "tokens";
  settings.admin_token = scratch / "admin";
  REQUIRE(write_file(settings.tokens, as_bytes(std::string_view("a predict 0123456789abcdef\n"))));
  REQUIRE(write_file(settings.admin_token, as_bytes(std::string_view("admin-0123456789\n"))));
  Tokens tokens(settings);
  REQUIRE(tokens.load());
  CHECK(tokens.check(Scope::admin, "Bearer admin-0123456789").name == "admin");
  CHECK(status_of(tokens.check(Scope::metrics, "")) == 401);
  REQUIRE(write_file(settings.tokens, as_bytes(std::string_view("b predict 0123456789abcdef\n"))));
  REQUIRE(tokens.reload());
  CHECK(tokens.check(Scope::predict, "Bearer 0123456789abcdef").name == "b");
  REQUIRE(write_file(settings.tokens, as_bytes(std::string_view("c predict short\n"))));
  auto wrong = tokens.reload();
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().where == settings.tokens.string() + ":1");
  CHECK(tokens.check(Scope::predict, "Bearer 0123456789abcdef").name == "b");
}

TEST_CASE("every route asks for its scope, and health and the page for none") {
  Running running;
  running.service.tokens.use(parse_tokens(file).value());
  constexpr const char* app = "bearer predict-0123456789";
  constexpr const char* body = R"({"data": [[1, 2]]})";
  for (const char* path : {"/livez", "/readyz", "/v2/health/ready", "/v2/models/twice/ready", "/ping", "/", "/v2"}) {
    CAPTURE(path);
    CHECK(ask(running, "GET", path, "").status == 200);
  }
  for (const char* path : {"/v2/models/twice", "/models/twice", "/openapi.json", "/v1/models/twice"}) {
    CAPTURE(path);
    CHECK(ask(running, "GET", path, "").status == 401);
    CHECK(ask(running, "GET", path, app).status == 200);
  }
  auto refused = ask(running, "POST", "/predict", "", body);
  CHECK(refused.status == 401);
  CHECK(refused.headers.find("WWW-Authenticate: Bearer\r\n") != std::string::npos);
  CHECK(ask(running, "POST", "/predict", app, body).status == 200);
  CHECK(ask(running, "GET", "/admin/models/twice/routing", app).status == 403);
  CHECK(ask(running, "GET", "/admin/models/twice/routing", "Bearer all-0123456789abcd").status == 200);
  auto metrics = ask(running, "GET", "/metrics", "");
  CHECK(metrics.status == 200);
  CHECK(metrics.body.find("code=\"401\",protocol=\"http\"} 5\n") != std::string::npos);
}

TEST_CASE("a client without its token is refused before its body is read") {
  Running running;
  running.service.tokens.use(parse_tokens(file).value());
  HttpClient client(running.port());
  client.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
  CHECK(client.receive().status == 401);
}
