// tinyproxy with a user and a password, in front of the tests' own web server. The server is addressed as
// 0.0.0.0, by which Linux connects to this machine: by the names and addresses of loopback it is reached without the
// proxy.
#include "http/connection_pool.hpp"
#include "support.hpp"
#include "support/http_server.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace modelctl;
using namespace modelctl::transport::test;
using modelctl::test::HttpServer;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;

namespace {

struct Tinyproxy {
  Scratch scratch;
  int port = modelctl::test::free_port();
  modelctl::test::Program program = start();

  modelctl::test::Program start() {
    std::string config = fmt::format(
        "Port {}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nBasicAuth me s3cret\nConnectPort 443\n"
        "MaxClients 10\nLogLevel Info\nPidFile \"{}/pid\"\nLogFile \"{}/log\"\n",
        port, scratch.path().string(), scratch.path().string());
    REQUIRE(write_file(scratch / "conf", as_bytes(config)));
    return modelctl::test::Program({modelctl::test::find_program("tinyproxy"), "-d", "-c", (scratch / "conf").string()},
                                   port, scratch / "output");
  }
};

}  // namespace

TEST_CASE("tinyproxy: requests pass with its password, and its 407 is reported as its own") {
  NEEDS("tinyproxy")
  Tinyproxy proxy;
  REQUIRE_MESSAGE(proxy.program.runs(), bytes_of(proxy.scratch / "output"));
  HttpServer server([](const ServedRequest& request) {
    return ServedResponse{.body = request.header("via").empty() ? "direct" : "proxied"};
  });
  FakeHost fake;
  auto get = [&](const std::string& url, const std::string& userinfo) {
    std::string variable = fmt::format("http://{}localhost:{}", userinfo, proxy.port);
    fake.environment.variables = {{"http_proxy", variable}, {"https_proxy", variable}};
    http::ConnectionPool pool({.plain_http = true}, fake.environment, fake.stop);
    auto response = pool.send({.url = *http::Url::parse(url)});
    return response ? response->text(1000).value_or("cut") : response.error().code;
  };
  std::string elsewhere = fmt::format("http://0.0.0.0:{}/", server.port());
  CHECK(get(elsewhere, "me:s3cret@") == "proxied");
  // tinyproxy sends 407 if there are no credentials; wrong ones get a 401.
  CHECK(get(elsewhere, "") == "proxy-unauthorized");
  CHECK(get("https://models.invalid/", "") == "proxy-unauthorized");
  CHECK(get("https://models.invalid:8443/", "me:s3cret@") == "proxy-failed");  // only 443 is allowed
  CHECK(get(server.url("/"), "me:s3cret@") == "direct");
  CHECK(get(fmt::format("http://0x7f000001:{}/", server.port()), "me:s3cret@") == "direct");
}
