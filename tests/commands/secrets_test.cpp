// No secret is ever printed. Each case plants secrets in a place where people or servers put them, runs the binary in
// all its output forms, and looks for them in everything that it printed.
#include "base/digest.hpp"
#include "base/system_host.hpp"
#include "support/http_server.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using modelctl::test::HttpServer;
using modelctl::test::Scratch;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;
namespace fs = std::filesystem;

namespace {

constexpr const char* userinfo = "s3cret-userinfo";
constexpr const char* proxy = "s3cret-proxy";
constexpr const char* stored = "s3cret-stored";
constexpr const char* identity = "s3cret-identity";
constexpr const char* token = "s3cret-token";
constexpr const char* query = "s3cret-query";
constexpr const char* location = "s3cret-location";
constexpr const char* typed = "s3cret-typed";

// Any valid key: without one, a pull ends before it contacts anybody.
constexpr const char* public_key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETiiy6lhRx1swNsoltR8FvMUWxBCg\n"
    "gr6FcdOM/VlrxCJ3Whl7YVeGgtLLB7l3mZLowbcTdxH+pen0wb6DMH46mA==\n"
    "-----END PUBLIC KEY-----\n";

std::string basic(const std::string& pair) { return to_base64(as_bytes(pair)); }

// A server that echoes all it was sent: in its error's text, in JSON, and in every header that a client may quote.
ServedResponse echo(const ServedRequest& request, int status, bool json) {
  std::string seen = request.header("authorization") + " " + request.query;
  ServedResponse response{.status = status};
  for (const char* name : {"Docker-Content-Digest", "Content-Range", "Location", "Retry-After", "Range"}) {
    response.headers.emplace_back(name, seen);
  }
  response.headers.emplace_back("Content-Type", json ? "application/json" : "text/plain");
  response.body = json ? R"({"errors":[{"code":"DENIED","message":")" + seen + R"("}]})" : seen;
  return response;
}

struct Fixture {
  Scratch scratch;
  std::string environment;  // "NAME='value' …", for the shell

  Fixture() {
    REQUIRE(make_folder(scratch / ".docker"));
    REQUIRE(write_file(scratch / "key.pub", as_bytes(public_key)));
  }
  void configure(const std::string& text) { REQUIRE(write_file(scratch / ".docker/config.json", as_bytes(text))); }

  // Runs the command in each output form. Returns everything that it printed; fails if that contains a secret.
  std::string run(const std::string& arguments) {
    std::string all;
    for (const char* form : {"", " --output json"}) {
      StopToken stop;
      SystemProcesses processes(stop);
      std::vector<std::string> command{
          "/bin/sh", "-c",
          "cd '" + scratch.path().string() + "' && echo " + typed + " | env -u http_proxy -u https_proxy " +
              "-u MODELCTL_TRUST HOME='" + scratch.path().string() + "' XDG_CACHE_HOME='" + scratch.path().string() +
              "/cache' MODELCTL_PASSWORD=" + typed + " " + environment + " " MODELCTL " " + arguments + form};
      auto result = processes.run(command, {});
      REQUIRE(result);
      std::string printed = result->out + result->err;
      for (const char* secret : {userinfo, proxy, stored, identity, token, query, location, typed}) {
        CHECK_MESSAGE(printed.find(secret) == std::string::npos, arguments << form << "\n" << printed);
      }
      for (const std::string& pair : {basic("me:" + std::string(stored)), basic("me:" + std::string(typed))}) {
        CHECK_MESSAGE(printed.find(pair) == std::string::npos, arguments << form << "\n" << printed);
      }
      all += printed;
    }
    return all;
  }
  // Every command that takes a reference.
  void run_all(const std::string& reference) {
    REQUIRE(write_file(scratch / "a.tar", as_bytes("no package")));
    run("pull '" + reference + "' --key key.pub -o out");
    run("pull '" + reference + "' --key key.pub --archive out.tar");
    run("verify '" + reference + "' --key key.pub");
    run("push a.tar '" + reference + "'");
    run("list '" + reference + "'");
    run("serve '" + reference + "' --key key.pub");
    run("login '" + reference + "' --username me --password-stdin");
    run("logout '" + reference + "'");
  }
};

}  // namespace

TEST_CASE("user and password in a reference are never printed") {
  Fixture f;
  std::string pair = "me:" + std::string(userinfo);
  for (const std::string& reference :
       {"https://" + pair + "@models.invalid/a.tar", "http://" + pair + "@models.invalid/a b.tar",
        pair + "@registry.invalid/team/digits:1", "https://" + pair + "@", pair + "@", "@?a.b://" + pair + "@d",
        "ftp://" + pair + "@models.invalid/a.tar", "https://me:" + std::string(userinfo) + "/x@models.invalid/a.tar",
        "https://models.invalid/a.tar?X-Amz-Signature=" + std::string(query),
        "https://models.invalid/?" + std::string(query), "https://models.invalid:port/a.tar?x=" + std::string(query)}) {
    f.run_all(reference);
  }
}

TEST_CASE("a proxy's password is never printed") {
  Fixture f;
  HttpServer refusing([](const ServedRequest& request) {
    ServedResponse response = echo(request, 407, false);
    response.body += request.header("proxy-authorization");
    return response;
  });
  std::string at = "me:" + std::string(proxy) + "@";
  for (const std::string& value :
       {"http://" + at + refusing.authority(), at + "localhost:1", "http://" + at + "nowhere.invalid:3128",
        "http://" + at, "://" + at + "x", "gopher://" + at + "x", "http://" + at + "x:port", at + "x y:1"}) {
    f.environment = "https_proxy='" + value + "' http_proxy='" + value + "' all_proxy='" + value + "'";
    std::string printed = f.run("pull https://models.invalid/a.tar --key key.pub -o out");
    CHECK_MESSAGE(printed.find("proxy") != std::string::npos, printed);
    f.run("pull --plain-http http://models.invalid/a.tar --key key.pub -o out");
    f.run("list registry.invalid");
  }
}

TEST_CASE("stored credentials, tokens and signed queries are not printed when a server echoes them") {
  for (int status : {400, 401, 403, 404, 500}) {
    bool json = status % 2 == 0;
    Fixture f;
    HttpServer service([&](const ServedRequest& request) {
      if (request.path == "/refuse") return echo(request, status, json);
      return ServedResponse{.body = R"({"token":")" + std::string(token) + R"("})"};
    });
    HttpServer server([&](const ServedRequest& request) {
      if (!request.header("authorization").empty()) return echo(request, status, json);
      std::string realm = service.url(status == 400 ? "/refuse" : "/token") + "?secret=" + query;
      return ServedResponse{
          .status = 401,
          .headers = {{"WWW-Authenticate", status % 2 == 0 ? "Bearer realm=\"" + realm + "\",service=\"s\""
                                                           : "Basic realm=\"" + std::string(stored) + "\""}}};
    });
    f.configure(R"({"auths":{")" + server.authority() + R"(":{"auth":")" + basic("me:" + std::string(stored)) +
                R"("}}})");
    std::string reference = server.authority() + "/team/digits:1";
    f.run("pull " + reference + " --key key.pub -o out");
    f.run("verify " + reference + " --key key.pub");
    f.run("list " + server.authority() + "/team/digits");
    f.run("pull '" + server.url("/a.tar?sig=" + std::string(query)) + "' --key key.pub -o out");
    f.run("login " + server.authority() + " --username me --password-stdin");
  }
}

TEST_CASE("an identity token is not printed when the token service echoes it") {
  Fixture f;
  HttpServer service([](const ServedRequest& request) {
    return ServedResponse{.status = 403, .headers = {{"Content-Type", "text/plain"}}, .body = request.body};
  });
  HttpServer server([&](const ServedRequest&) {
    return ServedResponse{.status = 401,
                          .headers = {{"WWW-Authenticate", "Bearer realm=\"" + service.url("/token") + "\""}}};
  });
  f.configure(R"({"auths":{")" + server.authority() + R"(":{"identitytoken":")" + identity + R"("}}})");
  f.run("pull " + server.authority() + "/team/digits:1 --key key.pub -o out");
  CHECK(service.requests().size() == 2);
}

TEST_CASE("secrets in a redirect's Location are not printed") {
  Fixture f;
  std::string to;
  HttpServer server([&](const ServedRequest& request) {
    if (request.path == "/there") return echo(request, 404, true);
    return ServedResponse{.status = 307, .headers = {{"Location", to}}};
  });
  std::string secret = location;
  for (const std::string& value :
       {"http://me:" + secret + "@models.invalid/a", server.url("/there?X-Amz-Signature=" + secret),
        "/there?X-Amz-Signature=" + secret, "ftp://me:" + secret + "@x/", "http://me:" + secret + "@x y/",
        "http://169.254.169.254/?t=" + secret, "@?a.b://me:" + secret + "@d", "/?" + secret}) {
    to = value;
    f.run("pull " + server.url("/a.tar") + " --key key.pub -o out");
    f.run("pull " + server.authority() + "/team/digits:1 --key key.pub -o out");
  }
}

TEST_CASE("the content of a damaged credentials file is not printed") {
  Fixture f;
  HttpServer server([](const ServedRequest&) {
    return ServedResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
  });
  for (const std::string& text :
       {std::string("{\"auths\":{\"r\":{\"auth\":\"") + stored, std::string(stored),
        "[\"" + std::string(stored) + "\"]",
        R"({"auths":{")" + server.authority() + R"(":{"auth":")" + stored + R"("}}})",
        "{\"auths\":{},\"" + std::string(stored) + "\":1,\"" + std::string(stored) + "\":1}"}) {
    f.configure(text);
    f.run("pull " + server.authority() + "/team/digits:1 --key key.pub -o out");
  }
}

TEST_CASE("a credential helper does not get our passphrase") {
  Fixture f;
  HttpServer server([](const ServedRequest&) {
    return ServedResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
  });
  REQUIRE(write_file(
      f.scratch / "docker-credential-spy",
      as_bytes("#!/bin/sh\nenv > '" + (f.scratch / "seen").string() + "'\necho credentials not found\nexit 1\n"),
      0755));
  f.configure(R"({"credsStore":"spy"})");
  f.environment = "PATH=\"" + f.scratch.path().string() + ":$PATH\"";
  f.run("pull " + server.authority() + "/team/digits:1 --key key.pub -o out");
  std::string seen = read_text_file(f.scratch / "seen").value_or("");
  CHECK(seen.find("PATH=") != std::string::npos);
  CHECK(seen.find("MODELCTL_") == std::string::npos);
}
