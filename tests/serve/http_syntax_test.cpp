// What is a request, by HTTP/1.0 and 1.1, and what is refused because a proxy might read it in another way.
#include "serve/server.hpp"

#include "serve/running.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;
using test::HttpClient;
using test::Running;
using test::twice_model;

TEST_CASE("headers larger than allowed are a 431") {
  Running running;
  HttpClient client(running.port());
  client.send("GET / HTTP/1.1\r\nX: " + std::string(20000, 'a') + "\r\n\r\n");
  CHECK(client.receive().status == 431);
}

TEST_CASE("a request that is not HTTP is a 400 and the connection closes") {
  Running running;
  HttpClient client(running.port());
  client.send("\x16\x03\x01 hello\r\n\r\n");
  CHECK(client.receive().status == 400);
  CHECK(client.closed());
}

TEST_CASE("one connection carries many requests") {
  Running running;
  HttpClient client(running.port());
  for (int i = 0; i < 5; ++i) CHECK(client.post("/predict", R"({"data": [[1, 2]]})").status == 200);
}

TEST_CASE("a client of HTTP/1.0 keeps its connection if it asks to, and the response states so") {
  Running running;
  HttpClient client(running.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(client.receive().headers.find("Connection: keep-alive\r\n") != std::string::npos);
  }
  client.send("GET /livez HTTP/1.0\r\n\r\n");
  CHECK(client.receive().status == 200);
  CHECK(client.closed());
}

TEST_CASE("a client that waits for 100-continue gets it") {
  Running running;
  HttpClient client(running.port());
  client.send("POST /predict HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n");
  CHECK(client.receive().status == 100);
  client.send("{\"data\": [[1, 2]]}");
  CHECK(client.receive().status == 200);
}

TEST_CASE("HEAD returns only the headers") {
  Running running;
  HttpClient client(running.port());
  client.send("HEAD /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  auto answer = client.receive();
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
}

namespace {

// The statuses that one connection is answered with, and nothing after them.
std::vector<int> statuses(std::string_view bytes) {
  test::Scratch scratch;
  Service service;
  REQUIRE(service.registry.publish(twice_model(scratch, service)));
  std::vector<int> all;
  for (const ServerResponse& response : answer_bytes(bytes, service)) all.push_back(response.status);
  return all;
}

constexpr std::string_view live = "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n";

}  // namespace

TEST_CASE("pipelined requests are answered in order") {
  Running running;
  HttpClient client(running.port());
  std::string predict = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 18\r\n\r\n{\"data\": [[1, 2]]}";
  client.send(std::string(live) + predict + std::string(live));
  CHECK(client.receive().body == "{\"status\":\"alive\"}\n");
  CHECK(client.receive().body == "{\"prediction\":[[2,4]]}\n");
  CHECK(client.receive().body == "{\"status\":\"alive\"}\n");
}

TEST_CASE("empty lines before a request are skipped, and only a few") {
  CHECK(statuses("\r\n" + std::string(live)) == std::vector{200});
  CHECK(statuses(std::string(live) + "\r\n\r\n" + std::string(live)) == std::vector{200, 200});
  CHECK(statuses("\r\n\r\n\r\n\r\n\r\n" + std::string(live)) == std::vector{400});
  Running running;
  HttpClient client(running.port());
  client.send("\r");
  client.send("\n" + std::string(live));
  CHECK(client.receive().status == 200);
}

TEST_CASE("a request whose length can be read in two ways is refused, and what follows it is not read") {
  auto smuggled = [](const std::string& lengths) {
    return statuses("POST /predict HTTP/1.1\r\nHost: test\r\n" + lengths + "\r\n0\r\n\r\n" + std::string(live));
  };
  CHECK(smuggled("Content-Length: 5\r\nContent-Length: 6\r\n") == std::vector{400});
  CHECK(smuggled("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == std::vector{400});
  CHECK(smuggled("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == std::vector{400});
  CHECK(smuggled("Content-Length: +5\r\n") == std::vector{400});
  CHECK(smuggled("Content-Length : 5\r\n") == std::vector{400});
  CHECK(smuggled("Transfer-Encoding: identity\r\n") == std::vector{400});
  CHECK(smuggled("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == std::vector{400});
  CHECK(smuggled("Transfer-Encoding: chunked\r\nHost: other\r\n") == std::vector{400});
}

TEST_CASE("a trailer never acts as a header") {
  Running running;
  for (const char* trailer : {"Content-Encoding: gzip", "X-Model-Version: 9", "X-Request-Timeout-Ms: 0"}) {
    CAPTURE(trailer);
    HttpClient client(running.port());
    client.send("POST /predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("12\r\n{\"data\": [[1, 2]]}\r\n0\r\n" + std::string(trailer) + "\r\n\r\n");
    CHECK(client.receive().status == 200);
  }
}

TEST_CASE("a HEAD that is refused has no body, either") {
  Running running;
  HttpClient client(running.port());
  client.send("HEAD /livez HTTP/1.1\r\n\r\n");  // without Host
  auto answer = client.receive();
  CHECK(answer.status == 400);
  CHECK(answer.body.empty());
}

TEST_CASE("chunk extensions and trailers are bounded") {
  Running running;
  const std::string head = "POST /predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  auto status = [&](const std::string& body) {
    HttpClient client(running.port());
    client.send(head + body);
    return client.receive().status;
  };
  const std::string data = "12;name=value\r\n{\"data\": [[1, 2]]}\r\n";
  CHECK(status(data + "0\r\nTrailer: value\r\n\r\n") == 200);
  CHECK(status("12;name=" + std::string(1 << 20, 'a')) == 431);
  CHECK(status(data + "0\r\nTrailer: " + std::string(1 << 20, 'a')) == 431);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "1;name=" + std::string(100, 'a') + "\r\n \r\n";
  CHECK(status(many) == 431);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 10'000; ++i) trailers += "Trailer: value\r\n";
  CHECK(status(data + trailers) == 431);
  CHECK(HttpClient(running.port()).get("/livez").status == 200);
}

TEST_CASE("an escaped slash belongs to the model's name") {
  Running running({}, false);
  REQUIRE(
      running.service.registry.publish(twice_model(running.scratch, running.service, {"team/twice", "7", "", "", {}})));
  HttpClient client(running.port());
  CHECK(client.get("/v2/models/team%2Ftwice").status == 200);
  CHECK(client.get("/v2/models/team/twice").status == 404);
}

namespace {

// Whether a browser that asks for a target gets the page, which is at `/`.
bool gets_page(const Running& running, const std::string& target) {
  HttpClient client(running.port());
  client.send("GET " + target + " HTTP/1.1\r\nHost: test\r\nAccept: text/html\r\n\r\n");
  return client.receive().body.starts_with("<!doctype html>");
}

}  // namespace

TEST_CASE("a request target may be absolute") {
  Running running;
  CHECK(HttpClient(running.port()).get("http://example.org/livez").status == 200);
  CHECK(gets_page(running, "http://example.org"));
}

TEST_CASE("nothing but the path of a target selects the route") {
  Running running;
  for (const char* target : {"foo?u=a://b/livez", "%2flivez", "livez", "ftp://example.org/livez"}) {
    CAPTURE(target);
    CHECK(HttpClient(running.port()).get(target).status == 404);
  }
  CHECK(gets_page(running, "http://example.org?u=/livez"));
}

TEST_CASE("a client of HTTP/1.0 gets no interim response") {
  CHECK(statuses("POST /predict HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n{\"data\": [[1, 2]]}") ==
        std::vector{200});
}

TEST_CASE("HTTP/1.0 with chunks is refused") {
  CHECK(statuses("POST /predict HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == std::vector{400});
}

TEST_CASE("a content coding that is not supported is a 415") {
  CHECK(statuses("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}") ==
        std::vector{415});
}
