// The page at `/` as HTTP has it: who gets it in which form, and what its policy allows. What it does in a browser is
// tested by tests/browser/run.py.
#include "base/digest.hpp"
#include "serve/running.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;
using test::Answer;
using test::HttpClient;
using test::Running;

namespace {

// As browsers do, which name HTML.
Answer get(const Running& running, std::string_view headers = "", std::string_view method = "GET") {
  HttpClient client(running.port());
  client.send(std::string(method) + " / HTTP/1.1\r\nHost: a\r\nAccept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n" +
              std::string(headers) + "Connection: close\r\n\r\n");
  return client.receive();
}

std::string header(const Answer& answer, const std::string& name) {
  std::size_t at = answer.headers.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  at += name.size() + 4;
  return answer.headers.substr(at, answer.headers.find("\r\n", at) - at);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

}  // namespace

TEST_CASE("the policy of the page allows its own style and script and nothing else") {
  Running running;
  Answer answer = get(running);
  CHECK(answer.status == 200);
  CHECK(header(answer, "Content-Type") == "text/html; charset=utf-8");
  CHECK(answer.body.starts_with("<!doctype html>"));
  CHECK(answer.body.ends_with("</html>\n"));
  std::string policy = header(answer, "Content-Security-Policy");
  for (const char* name : {"script", "style"}) {
    std::string tag = name;
    Digest digest = Sha256::of(as_bytes(between(answer.body, "<" + tag + ">", "</" + tag + ">")));
    std::string source = "'sha256-" + to_base64(std::as_bytes(std::span(digest.bytes))) + "'";
    CHECK(has(policy, "; " + tag + "-src " + source + ";"));
  }
  CHECK(has(policy, "default-src 'none';"));
  CHECK(has(policy, "require-trusted-types-for 'script'"));
  CHECK_FALSE(has(policy, "unsafe"));
  // Such attributes would be refused by the browser.
  CHECK_FALSE(has(answer.body, " style="));
  CHECK_FALSE(has(answer.body, " onclick="));
  CHECK(header(answer, "X-Content-Type-Options") == "nosniff");
}

TEST_CASE("a client that accepts gzip gets the page compressed") {
  Running running;
  Answer answer = get(running, "Accept-Encoding: gzip\r\n");
  CHECK(header(answer, "Content-Encoding") == "gzip");
  CHECK(answer.body.size() < get(running).body.size() / 2);
  CHECK(header(get(running), "Content-Encoding") == "");
}

TEST_CASE("a browser that has the page gets a 304") {
  Running running;
  Answer first = get(running);
  std::string tag = header(first, "ETag");
  CHECK(tag.starts_with("W/\""));
  CHECK(header(first, "Cache-Control") == "no-cache");
  Answer again = get(running, "If-None-Match: \"other\", " + tag + "\r\n");
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(header(again, "Content-Length") == "");
  CHECK(header(again, "ETag") == tag);
  CHECK(get(running, "If-None-Match: \"other\"\r\n").status == 200);
}

TEST_CASE("the page is for GET and HEAD alone") {
  Running running;
  CHECK(get(running, "Content-Length: 0\r\n", "POST").status == 405);
  HttpClient client(running.port());
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string all;
  while (!has(all, "alive")) {
    std::string more = client.take(4096);
    REQUIRE_FALSE(more.empty());
    all += more;
  }
  CHECK(has(all, "Content-Length: "));
  CHECK_FALSE(has(all, "<!doctype"));
}

TEST_CASE("programs get KServe's liveness in place of the page") {
  for (bool page : {true, false}) {
    CAPTURE(page);
    Settings settings;
    settings.page = page;
    Running running(settings);
    HttpClient client(running.port());
    for (const char* accept : {"", "Accept: */*\r\n", "Accept: application/json\r\n"}) {
      client.send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(accept) + "\r\n");
      Answer answer = client.receive();
      CHECK(answer.status == 200);
      CHECK(header(answer, "Content-Type") == "application/json");
      CHECK(header(answer, "Vary") == "Accept");
      CHECK(answer.body == "{\"status\":\"alive\"}\n");
    }
  }
}

TEST_CASE("a server without the page has nothing for a browser at its address") {
  Settings settings;
  settings.page = false;
  Running running(settings);
  Answer answer = get(running);
  CHECK(answer.status == 404);
  CHECK(answer.body == "{\"error\":\"there is nothing at '/'\"}\n");
}

TEST_CASE("a model states what its package says of it, whatever that is") {
  Running running({}, false);
  ModelInfo info{"<b>\"n\"", "1", "sha256:0", "tester", {{"accuracy", 0.5}}};
  info.description = "</script><script>";
  info.license = "MIT";
  info.card = "# Card\n\x01 \xff";
  REQUIRE(running.service.registry.publish(test::twice_model(running.scratch, running.service, info)));
  HttpClient client(running.port());
  std::string expected =
      "{\"name\":\"<b>\\\"n\\\"\",\"version\":\"1\",\"digest\":\"sha256:0\",\"signer\":\"tester\",\"description\":"
      "\"</script><script>\",\"license\":\"MIT\",\"card\":\"# Card\\u000a\\u0001 "
      "\xef\xbf\xbd\",\"quality\":{\"accuracy\":"
      "0.5}}\n";
  CHECK(client.get("/models/%3Cb%3E%22n%22").body == expected);
  CHECK(client.get("/models/%3Cb%3E%22n%22/versions/1").body == expected);
  CHECK(client.get("/models/%3Cb%3E%22n%22/versions/2").status == 404);
  CHECK(client.get("/models/other").status == 404);
}
