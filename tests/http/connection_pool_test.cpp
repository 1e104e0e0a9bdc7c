// One exchange: time limits, proxies, and the addresses that a connection may go to.
#include "http/connection_pool.hpp"

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

// Sends requests with plain http allowed, as to a host of any network.
struct Sender {
  FakeHost fake;
  Options options{.plain_http = true};

  Result<std::string> get(const std::string& url, bool public_only = false) {
    ConnectionPool pool(options, fake.environment, fake.stop);
    HttpResponse response = TRY(pool.send({.url = TRY(Url::parse(url)), .public_only = public_only}));
    return response.text(1 << 20);
  }
  // The body, or "kind code: what".
  std::string seen(const std::string& url, bool public_only = false) {
    auto text = get(url, public_only);
    if (text) return *text;
    const Error& error = text.error();
    return std::string(info(error.kind).name) + " " + error.code + ": " + error.what;
  }
};

// The same port under a name that only its resolution shows to be this machine: curl reads it as 127.0.0.1.
std::string disguised(const HttpServer& server) { return "http://0x7f000001:" + std::to_string(server.port()) + "/"; }

}  // namespace

TEST_CASE("a server that stalls is given up") {
  Sender sender;
  HttpServer server([](const ServedRequest&) { return ServedResponse{.stall = std::chrono::seconds(30)}; });
  sender.options.stall_timeout = std::chrono::seconds(1);
  CHECK(sender.seen(server.url("/")) ==
        "retry_later timed-out: '" + server.authority() + "' takes too long to respond");
}

TEST_CASE("a server that sends a byte now and then is given up, too") {
  Sender sender;
  HttpServer server([](const ServedRequest&) {
    return ServedResponse{.body = std::string(10'000, 'x'), .pause_per_byte = std::chrono::milliseconds(200)};
  });
  sender.options.stall_timeout = std::chrono::seconds(2);
  CHECK(sender.seen(server.url("/")).starts_with("retry_later timed-out"));
}

TEST_CASE("headers without end are refused") {
  Sender sender;
  HttpServer server([](const ServedRequest&) {
    ServedResponse response;
    for (int i = 0; i < 100; ++i) response.headers.emplace_back("X-Header", std::string(1000, 'h'));
    return response;
  });
  CHECK(sender.seen(server.url("/")) ==
        "protocol headers-too-large: the headers of '" + server.authority() + "' are too large");
}

TEST_CASE("a response that is larger than its reader allows is refused") {
  Sender sender;
  HttpServer server([](const ServedRequest&) { return ServedResponse{.body = std::string(2 << 20, 'x')}; });
  CHECK(sender.seen(server.url("/")).starts_with("protocol answer-too-large"));
}

TEST_CASE(
    "a request that a public server named does not reach this machine, "
    "whatever the host's name looks like") {
  Sender sender;
  HttpServer server([](const ServedRequest&) { return ServedResponse{.body = "inside"}; });
  CHECK(sender.seen(disguised(server)) == "inside");
  CHECK(sender.seen(disguised(server), true) ==
        "denied redirect-inside: will not follow the server into a private "
        "network");
  CHECK(sender.seen(server.url("/"), true).starts_with("denied redirect-inside"));
  CHECK(server.requests().size() == 1);
}

TEST_CASE("plain http without leave goes to this machine only") {
  Sender sender;
  sender.options.plain_http = false;
  HttpServer server([](const ServedRequest&) { return ServedResponse{.body = "here"}; });
  CHECK(sender.seen(server.url("/")) == "here");
  CHECK(sender.seen("http://models.example/") == "denied plain-http: will not use plain http with 'models.example'");
}

TEST_CASE("a proxy is used for all hosts but the exceptions and this machine") {
  Sender sender;
  HttpServer proxy([](const ServedRequest& request) { return ServedResponse{.body = "proxied " + request.path}; });
  HttpServer direct([](const ServedRequest&) { return ServedResponse{.body = "direct"}; });
  sender.fake.environment.variables["http_proxy"] = "http://" + proxy.authority();
  CHECK(sender.seen("http://models.example/a") == "proxied http://models.example/a");
  // The proxy's localhost is another machine.
  CHECK(sender.seen(direct.url("/")) == "direct");
  CHECK(sender.seen("http://127.0.0.1:" + std::to_string(direct.port()) + "/") == "direct");
  sender.fake.environment.variables["no_proxy"] = "models.example";
  CHECK(sender.seen("http://models.example:1/a").starts_with("unavailable "));
  CHECK(proxy.requests().size() == 1);
}

TEST_CASE(
    "a proxy's user and password are sent to it, decoded, and a 407 is "
    "reported as the proxy's") {
  Sender sender;
  HttpServer proxy([](const ServedRequest& request) {
    // "me:s3cr@t"
    if (request.header("proxy-authorization") == "Basic bWU6czNjckB0") return ServedResponse{.body = "passed"};
    return ServedResponse{.status = 407, .headers = {{"Proxy-Authenticate", "Basic realm=\"p\""}}};
  });
  auto& variables = sender.fake.environment.variables;
  variables["http_proxy"] = "http://me:s3cr%40t@" + proxy.authority();
  CHECK(sender.seen("http://models.example/a") == "passed");
  variables["http_proxy"] = "http://me:wrong@" + proxy.authority();
  CHECK(sender.seen("http://models.example/a") ==
        "denied proxy-unauthorized: the proxy 'http://" + proxy.authority() + "' refuses the credentials");
  variables["http_proxy"] = proxy.authority();
  CHECK(sender.seen("http://models.example/a") ==
        "denied proxy-unauthorized: the proxy 'http://" + proxy.authority() + "' requires credentials");
  // The same in the tunnel that https needs.
  variables["https_proxy"] = "http://me:wrong@" + proxy.authority();
  CHECK(sender.seen("https://models.example/a") ==
        "denied proxy-unauthorized: the proxy 'http://" + proxy.authority() + "' refuses the credentials");
}

TEST_CASE("a proxy that cannot be reached or read is named without its password") {
  Sender sender;
  auto& variables = sender.fake.environment.variables;
  for (const char* value : {"http://me:s3cret@nowhere.invalid:3128", "http://me:s3cret@localhost:1", "://me:s3cret@",
                            "http://me:s3cret@host:port", "http://me:s3cret@"}) {
    variables["http_proxy"] = value;
    auto refused = sender.get("http://models.example/a");
    REQUIRE(!refused);
    const Error& error = refused.error();
    std::string all = error.what + error.where + error.hint;
    for (const std::string& reason : error.why) all += reason;
    CHECK_MESSAGE(all.find("s3cret") == std::string::npos, all);
    CHECK_MESSAGE(all.find("proxy") != std::string::npos, all);
  }
}
