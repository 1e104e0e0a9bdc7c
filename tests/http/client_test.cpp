// Retry, redirect, authorization and download against a server that misbehaves: each ends after a bounded number of
// requests, whatever the server does.
#include "http/client.hpp"

#include "support/hosts.hpp"
#include "support/http_server.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::http;
using modelctl::test::FakeHost;
using modelctl::test::HttpServer;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;

namespace {

struct Fixture {
  FakeHost fake;
  std::function<ServedResponse(const ServedRequest&)> respond;
  HttpServer server{[this](const ServedRequest& request) { return respond(request); }};
  Client client{{}, fake.host};

  Url url(const std::string& path = "/") { return *Url::parse(server.url(path)); }
  std::size_t requests() const { return server.requests().size(); }
};

// Always has another proof to offer.
class Eager : public Authorizer {
 public:
  explicit Eager(Url origin) : origin_(std::move(origin)) {}
  bool covers(const Url& url) const override { return url.same_origin(origin_); }
  Result<void> authorize(HttpRequest& request) override {
    request.headers.push_back({"Authorization", "Proof " + std::to_string(proofs_)});
    return {};
  }
  Result<bool> challenged(const HttpRequest&, const HttpResponse&) override { return ++proofs_ > 0; }
  Error refused(const HttpRequest&, HttpResponse&) override { return Error(Kind::denied, "refused", "refused"); }

 private:
  Url origin_;
  int proofs_ = 0;
};

}  // namespace

TEST_CASE(
    "a transient failure is repeated five times, with the waits that the "
    "server requests") {
  Fixture f;
  f.respond = [](const ServedRequest&) { return ServedResponse{.status = 503, .headers = {{"Retry-After", "2"}}}; };
  auto response = f.client.send({.url = f.url()});
  REQUIRE(response);
  CHECK(response->status == 503);
  CHECK(f.requests() == 5);
  CHECK(f.fake.clock.slept == std::vector<std::chrono::milliseconds>(4, std::chrono::seconds(2)));
}

TEST_CASE("a wait of hours is not waited for: the error states it") {
  Fixture f;
  f.respond = [](const ServedRequest&) { return ServedResponse{.status = 429, .headers = {{"Retry-After", "7200"}}}; };
  auto response = f.client.expect({.url = f.url()}, {200}, "cannot pull 'x'");
  REQUIRE(!response);
  CHECK(response.error().kind == Kind::retry_later);
  CHECK(response.error().why.back() == "it asks us to wait 7200 s");
  CHECK(f.requests() == 1);
  CHECK(f.fake.clock.slept.empty());
}

TEST_CASE("a server that never accepts a proof is asked twice") {
  Fixture f;
  f.respond = [](const ServedRequest&) { return ServedResponse{.status = 401}; };
  f.client.use(std::make_unique<Eager>(f.url()));
  auto response = f.client.send({.url = f.url()});
  REQUIRE(!response);
  CHECK(response.error().code == "refused");
  CHECK(f.requests() == 2);
}

TEST_CASE("a redirect to another origin carries no proof") {
  Fixture f;
  HttpServer other([](const ServedRequest& request) {
    return ServedResponse{.body = "proof '" + request.header("authorization") + "'"};
  });
  f.respond = [&](const ServedRequest&) {
    return ServedResponse{.status = 307, .headers = {{"Location", other.url("/there")}}};
  };
  f.client.use(std::make_unique<Eager>(f.url()));
  auto response = f.client.send({.url = f.url()});
  REQUIRE(response);
  CHECK(response->text(1000).value() == "proof ''");
}

TEST_CASE("the signature in a redirect is not shown when the server that it leads to echoes it") {
  Fixture f;
  f.respond = [](const ServedRequest& request) {
    if (request.path == "/there") {
      return ServedResponse{.status = 403, .headers = {{"Content-Type", "text/plain"}}, .body = "bad " + request.query};
    }
    return ServedResponse{.status = 307, .headers = {{"Location", "/there?X-Amz-Signature=0123456789abcdef"}}};
  };
  auto response = f.client.expect({.url = f.url()}, {200}, "cannot pull 'x'");
  REQUIRE(!response);
  CHECK(response.error().why.back() == "the server says: bad X-Amz-Signature=REDACTED");
}

TEST_CASE("the query of any request is not shown when its server echoes it") {
  Fixture f;
  f.respond = [](const ServedRequest& request) {
    return ServedResponse{.status = 403, .headers = {{"Content-Type", "text/plain"}}, .body = "bad " + request.query};
  };
  auto response = f.client.expect({.url = f.url("/?token=0123456789abcdef")}, {200}, "cannot pull 'x'");
  REQUIRE(!response);
  CHECK(response.error().why.back() == "the server says: bad token=REDACTED");
}

TEST_CASE("redirects end after ten") {
  Fixture f;
  int n = 0;
  f.respond = [&](const ServedRequest&) {
    return ServedResponse{.status = 302, .headers = {{"Location", "/" + std::to_string(++n)}}};
  };
  auto response = f.client.send({.url = f.url()});
  REQUIRE(!response);
  CHECK(response.error().code == "redirect-loop");
  CHECK(f.requests() == 11);
}

TEST_CASE(
    "a public server cannot send us into a private network, nor from "
    "https to http") {
  HttpRequest request{.url = *Url::parse("https://registry.example/v2/")};
  HttpResponse response{.status = 307};
  auto code = [&](const char* location) {
    auto to = destination(request, response, location);
    return to ? std::string(to->public_only ? "public only" : "anywhere") : to.error().code;
  };
  CHECK(code("https://registry.example/other") == "anywhere");
  CHECK(code("/other") == "anywhere");
  CHECK(code("https://cdn.example/blob") == "public only");
  CHECK(code("https://169.254.169.254/latest/meta-data") == "redirect-inside");
  CHECK(code("https://[::1]/") == "redirect-inside");
  CHECK(code("http://cdn.example/blob") == "downgrade");
  // Its own name can resolve to another address the next time.
  response.from_public = true;
  CHECK(code("https://registry.example:8443/other") == "public only");
  response.from_public = false;
  // From there on the condition stays.
  request = {.url = *Url::parse("https://cdn.example/blob"), .public_only = true};
  CHECK(code("/other") == "public only");
  // A registry inside may name others inside.
  request = {.url = *Url::parse("https://registry.corp/v2/")};
  response.from_private = true;
  CHECK(code("https://10.0.0.7/blob") == "anywhere");
}

TEST_CASE(
    "a download that breaks after every byte is given up; one that makes "
    "progress goes on") {
  Fixture f;
  std::string content(9 << 20, 'c');
  std::size_t step = 1;
  f.respond = [&](const ServedRequest& request) {
    std::size_t from = 0;
    std::string range = request.header("range");
    if (!range.empty()) from = std::strtoull(range.c_str() + 6, nullptr, 10);
    return ServedResponse{.status = 206,
                          .headers = {{"Content-Range", "bytes " + std::to_string(from) + "-" +
                                                            std::to_string(content.size() - 1) + "/*"}},
                          .body = content.substr(from),
                          .cut_after = step};
  };
  std::uint64_t got = 1;
  auto sink = [&](ByteSpan bytes) -> Result<void> {
    got += bytes.size();
    return {};
  };
  auto broken = f.client.download(f.url(), got, content.size(), "cannot pull 'x'", sink);
  REQUIRE(!broken);
  CHECK(broken.error().code == "body-cut");
  CHECK(f.requests() == 5);
  step = 1 << 20;
  got = 1;
  auto whole = f.client.download(f.url(), got, content.size(), "cannot pull 'x'", sink);
  CHECK_MESSAGE(whole, (whole ? "" : whole.error().what));
  CHECK(got == content.size());
}

TEST_CASE("a server's words are shown without secrets and control characters") {
  Fixture f;
  f.client.secrets().add("s3cret-token");
  f.respond = [](const ServedRequest&) {
    return ServedResponse{.status = 400,
                          .headers = {{"Content-Type", "text/plain"}},
                          .body = "bad s3cret-token \x1b[31mred " + std::string(1000, 'x') + "\nsecond line"};
  };
  auto response = f.client.expect({.url = f.url()}, {200}, "cannot push");
  REQUIRE(!response);
  std::string words = response.error().why.back();
  CHECK(words.starts_with("the server says: bad REDACTED  [31mred xxx"));
  CHECK(words.size() <= 320);
}

TEST_CASE("secrets are cut out longest first, and short ones are left alone") {
  Secrets secrets;
  secrets.add("abcd");
  secrets.add("xxabcdyy");
  secrets.add("no");
  secrets.add_query(*Url::parse("https://h/a?X-Amz-Signature=0123456789&n=12345678"));
  CHECK(secrets.without(std::string("xxabcdyy abcd no 0123456789 12345678")) ==
        "REDACTED REDACTED no REDACTED 12345678");
}

TEST_CASE(
    "a bearer token is fetched once and again before it expires; a "
    "lifetime of 0 does not mean for every request") {
  test::FakeClock clock;
  int fetched = 0;
  std::chrono::seconds lifetime{100};
  BearerToken token([&]() -> Result<Token> { return Token{"t" + std::to_string(++fetched), lifetime}; }, clock);
  CHECK(token.authorization().value() == "Bearer t1");
  CHECK(token.authorization().value() == "Bearer t1");
  clock.elapsed += std::chrono::seconds(81);
  lifetime = std::chrono::seconds(0);
  CHECK(token.authorization().value() == "Bearer t2");
  CHECK(token.authorization().value() == "Bearer t2");
}
