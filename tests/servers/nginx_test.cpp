// nginx with dav over TLS, with a password for writing.
#include "actions/login.hpp"
#include "support.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <unistd.h>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
namespace fs = std::filesystem;

namespace {

struct Nginx {
  Shop& shop;
  modelctl::test::Certificates certificates = *modelctl::test::make_certificates(shop.scratch);
  int port = modelctl::test::free_port();
  std::string host = fmt::format("localhost:{}", port);
  modelctl::test::Program program = start();

  explicit Nginx(Shop& shop) : shop(shop) {
    REQUIRE_MESSAGE(program.runs(), bytes_of(shop.scratch / "nginx.log"));
    shop.remote.ca_file = certificates.authority;
  }

 private:
  modelctl::test::Program start() {
    std::string at = shop.scratch.path().string();
    auto users = run({"openssl", "passwd", "-apr1", "correct horse"});
    REQUIRE(write_file(shop.scratch / "users", as_bytes("ci:" + users.out)));
    REQUIRE(make_folder(shop.scratch / "www/down"));
    std::string config = fmt::format(R"({user}
daemon off;
pid {at}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
  uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    root {at}/www;
    client_max_body_size 0;
    location / {{
      dav_methods PUT DELETE MKCOL MOVE;
      create_full_put_path on;
      limit_except GET {{ auth_basic models; auth_basic_user_file {at}/users; }}
    }}
    location /down/ {{ return 302 http://localhost:{port}/digits.tar; }}
    location /elsewhere/ {{ return 302 /team/digits.tar; }}
    location /whole/ {{ alias {at}/www/team/; max_ranges 0; }}
    location /small/ {{ client_max_body_size 1k; dav_methods PUT; }}
  }}
}}
)",
                                     fmt::arg("user", ::geteuid() == 0 ? "user root;" : ""), fmt::arg("at", at),
                                     fmt::arg("port", port), fmt::arg("certificate", certificates.certificate.string()),
                                     fmt::arg("key", certificates.key.string()));
    REQUIRE(write_file(shop.scratch / "nginx.conf", as_bytes(config)));
    return {{modelctl::test::find_program("nginx"), "-p", at, "-e", "stderr", "-c", at + "/nginx.conf"},
            port,
            shop.scratch / "nginx.log"};
  }
};

}  // namespace

TEST_CASE("nginx: push with WebDAV over TLS, pull with ranges and without, through a redirect, by curl and tar") {
  NEEDS("nginx", "openssl", "curl", "tar")
  Shop shop;
  Nginx nginx(shop);
  std::string url = "https://" + nginx.host + "/team/digits.tar";

  auto stranger = shop.push(url);
  REQUIRE(!stranger);
  CHECK(stranger.error().kind == Kind::denied);
  CHECK(stranger.error().what == "'" + nginx.host + "' requires credentials");

  auto login = actions::login({nginx.host, "ci", "correct horse", shop.remote}, shop.host);
  REQUIRE_MESSAGE(login, message_of(login));
  CHECK(!login->checked);

  auto pushed = shop.push(url);
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(shop.fake.reporter.infos.empty());
  CHECK(bytes_of(shop.scratch / "www/team/digits.tar") == bytes_of(shop.archive));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(shop.scratch / "www/team")) files += entry.is_regular_file();
  CHECK(files == 1);
  auto again = shop.push(url);
  CHECK_MESSAGE(again, message_of(again));

  int number = 0;
  for (const char* path : {"/team/digits.tar", "/whole/digits.tar", "/elsewhere/x.tar"}) {
    std::string to = fmt::format("{}.tar", number++);
    auto pulled = shop.pull("https://" + nginx.host + path, to);
    REQUIRE_MESSAGE(pulled, message_of(pulled));
    CHECK(bytes_of(shop.scratch / to) == bytes_of(shop.archive));
  }

  Ran curl = run({"curl", "--silent", "--fail", "--cacert", nginx.certificates.authority.string(), "--output",
                  (shop.scratch / "by-curl.tar").string(), url});
  CHECK(curl.exit_code == 0);
  Ran tar = run({"tar", "-tf", (shop.scratch / "by-curl.tar").string()});
  CHECK(tar.out == "manifest.json\nmanifest.sigstore.json\ncode/run.sh\ndocs/empty.md\nmodel.plan\nmodel.weights\n");
}

TEST_CASE("nginx: a redirect to plain http, a missing file and a body that is too large are reported") {
  NEEDS("nginx", "openssl")
  Shop shop;
  Nginx nginx(shop);
  std::string base = "https://" + nginx.host;

  auto down = shop.pull(base + "/down/digits.tar");
  REQUIRE(!down);
  CHECK(down.error().kind == Kind::denied);
  CHECK(down.error().what == "will not follow the server from https to plain http");
  CHECK(down.error().where == "GET " + base + "/down/digits.tar: 302");

  auto none = shop.pull(base + "/none.tar");
  REQUIRE(!none);
  CHECK(none.error().kind == Kind::not_found);
  CHECK(none.error().what == "there is no '" + base + "/none.tar'");

  auto large = shop.push(base + "/small/digits.tar");
  REQUIRE(!large);
  CHECK(large.error().kind == Kind::unsupported);
  CHECK(large.error().code == "http-413");
  CHECK(large.error().hint == "the server or a proxy before it limits the size of requests: have that limit raised");
}
