// Slow, many, large and lost: what clients and predictions may take of a server, and how it stops.
#include "serve/server.hpp"

#include "serve/running.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace modelctl;
using namespace modelctl::serve;
using test::endless_model;
using test::gate;
using test::HttpClient;
using test::Running;

TEST_CASE("a body larger than allowed is a 413 before it is read") {
  Settings settings;
  settings.max_body = 100;
  Running running(settings);
  HttpClient client(running.port());
  client.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000000\r\n\r\n");
  auto answer = client.receive();
  CHECK(answer.status == 413);
  CHECK(answer.body == "{\"error\":\"the body is larger than the 100 bytes that are allowed\"}\n");
}

TEST_CASE("a request that arrives too slowly is a 408") {
  Settings settings;
  settings.read_timeout = 0.05;
  Running running(settings);
  HttpClient client(running.port());
  client.send("POST /predict HTTP/1.1\r\nHost: te");
  auto answer = client.receive();
  CHECK(answer.status == 408);
  CHECK(answer.body == "{\"error\":\"the request did not arrive within 50 ms\"}\n");
  CHECK(client.closed());
}

// A request for a response of 16 MiB, which no kernel takes at once.
std::string large_request() {
  std::string body = R"({"data": [[1.25,1.25])";
  while (body.size() < 20u << 20) body += ",[1.25,1.25]";
  body += "]}";
  return "POST /predict HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST_CASE("a client that takes a large response steadily gets all of it, for longer than the time limit of one piece") {
  Settings settings;
  settings.read_timeout = 1;
  Running running(settings);
  HttpClient client(running.port(), 64 * 1024);
  client.send(large_request());
  std::string response;
  for (std::string piece; !(piece = client.take(1 << 20)).empty();) {
    response += piece;
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
  }
  CHECK(response.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(response.ends_with("[2.5,2.5]]}\n"));
}

TEST_CASE("a client that does not take its response is disconnected") {
  Settings settings;
  settings.read_timeout = 1;
  Running running(settings);
  HttpClient client(running.port(), 64 * 1024);
  client.send(large_request());
  std::string response = client.take(1);
  running.server->drain(std::chrono::milliseconds(0));  // returns once the connection has ended
  for (std::string piece; !(piece = client.take(1 << 20)).empty();) response += piece;
  CHECK(!response.ends_with("]]}\n"));
}

TEST_CASE("a prediction that does not end is a 503 at its time, and its worker is free again") {
  Settings settings;
  settings.workers = 1;
  settings.max_time = 0.05;
  Running running(settings, false);
  REQUIRE(running.service.registry.publish(endless_model(running.service)));
  for (int round = 0; round < 2; ++round) {
    HttpClient client(running.port());
    auto answer = client.post("/predict", R"({"data": [1, 2]})");
    CHECK(answer.status == 503);
    CHECK(answer.body ==
          "{\"error\":\"cannot run the model: it takes longer than the 0.05 seconds that one run has\"}\n");
  }
}

TEST_CASE("many callers at once each get their own answer") {
  Running running;
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      HttpClient client(running.port());
      for (int i = 0; i < 20; ++i) {
        auto answer =
            client.post("/predict", "{\"data\": [[" + std::to_string(caller) + ", " + std::to_string(i) + "]]}");
        good +=
            answer.body == "{\"prediction\":[[" + std::to_string(2 * caller) + "," + std::to_string(2 * i) + "]]}\n";
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 160);
}

TEST_CASE("a drain turns unready, then closes the connections that wait") {
  Running running;
  HttpClient client(running.port());
  CHECK(client.get("/readyz").status == 200);
  running.server->drain(std::chrono::milliseconds(0));
  CHECK_FALSE(running.service.ready());
  CHECK(client.closed());
  CHECK(HttpClient(running.port()).get("/livez").status == 0);
}

TEST_CASE("a client that disconnects during a request does not affect the server") {
  Running running;
  {
    HttpClient client(running.port());
    client.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n{\"data\"");
  }
  {
    HttpClient client(running.port());  // goes without reading its answer
    client.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 18\r\n\r\n{\"data\": [[1, 2]]}");
  }
  CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[1, 2]]})").status == 200);
}

TEST_CASE("a response larger than allowed is refused with its limit") {
  Settings settings;
  settings.max_response = 100;
  Running running(settings);
  HttpClient client(running.port());
  CHECK(client.post("/predict", R"({"data": [[1, 2]]})").status == 200);
  std::string rows = "[1.5, 2.5]";
  for (int i = 0; i < 100; ++i) rows += ", [1.5, 2.5]";
  auto answer = client.post("/predict", "{\"data\": [" + rows + "]}");
  CHECK(answer.status == 400);
  CHECK(answer.body == "{\"error\":\"the response would be larger than the 100 bytes that are allowed\"}\n");
}

TEST_CASE("a prediction that runs out of memory is a 503, one that throws is a 500, and the next one succeeds") {
  Settings settings;
  settings.workers = 1;
  Running running(settings);
  HttpClient client(running.port());
  for (int round = 0; round < 3; ++round) {
    auto no_memory = client.post("/predict", R"({"data": [[-2, 2]]})");
    CHECK(no_memory.status == 503);
    CHECK(no_memory.headers.find("Retry-After: 1\r\n") != std::string::npos);
    auto thrown = client.post("/predict", R"({"data": [[-3, 2]]})");
    CHECK(thrown.status == 500);
    CHECK(thrown.body.find("a library threw") == std::string::npos);
    CHECK(client.post("/predict", R"({"data": [[1, 2]]})").status == 200);
  }
}

TEST_CASE("bodies that stall share one budget, and small requests are answered all the same") {
  Settings settings;
  settings.max_buffered = 1 << 20;
  settings.max_body = 1 << 20;
  Running running(settings);
  auto begin = [&](HttpClient& client, std::size_t bytes) {
    client.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + std::string(bytes, ' '));
  };
  std::vector<std::unique_ptr<HttpClient>> stalled;
  int refused = 0;
  // Each would hold 800 kB: the first does, the others find no more.
  for (int i = 0; i < 4; ++i) {
    stalled.push_back(std::make_unique<HttpClient>(running.port()));
    begin(*stalled.back(), 800'000);
  }
  for (auto& client : stalled) {
    client->send("\r\n");
    if (&client == &stalled.front()) continue;
    refused += client->receive().status == 503;
  }
  CHECK(refused >= 2);
  CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[1, 2]]})").status == 200);
  stalled.clear();
  // What ended is free again, whoever reads last.
  std::string body = R"({"data": [[1, 2]])" + std::string(800'000, ' ') + "}";
  for (int tries = 0; tries < 1000; ++tries) {
    if (HttpClient(running.port()).post("/predict", body).status == 200) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  HttpClient kept(running.port());
  CHECK(kept.post("/predict", body).status == 200);
  CHECK(HttpClient(running.port()).post("/predict", body).status == 200);
}

TEST_CASE("a body for which there is no memory is refused at its headers") {
  Settings settings;
  settings.max_buffered = 1 << 20;
  settings.max_body = 1 << 20;
  Running running(settings);
  HttpClient holds(running.port());
  holds.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + std::string(900'000, ' '));
  // A client that waits for 100-continue has sent no byte of its body.
  test::Answer answer;
  for (int tries = 0; tries < 1000 && answer.status != 503; ++tries) {
    HttpClient waits(running.port());
    waits.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n");
    answer = waits.receive();
  }
  CHECK(answer.status == 503);
  CHECK(answer.headers.find("Retry-After: ") != std::string::npos);
  HttpClient small(running.port());
  small.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(small.receive().status == 100);
}

TEST_CASE("the connection that has been idle longest is closed for a new one") {
  Settings settings;
  settings.max_connections = 4;
  Running running(settings);
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 4; ++i) {
    idle.push_back(std::make_unique<HttpClient>(running.port()));
    CHECK(idle.back()->get("/livez").status == 200);
    // A client has its response before the server notes that its connection waits: the order is that of the notes.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  for (int i = 0; i < 3; ++i) {
    CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[1, 2]]})").status == 200);
  }
  CHECK(idle[0]->closed());
  CHECK(idle[3]->get("/livez").status == 200);
}

TEST_CASE("a connection whose headers do not end is closed for a new one") {
  Settings settings;
  settings.max_connections = 2;
  Running running(settings);
  HttpClient first(running.port()), second(running.port());
  for (HttpClient* client : {&first, &second}) client->send("GET /livez HTTP/1.1\r\nX: ");
  for (int i = 0; i < 5; ++i) CHECK(HttpClient(running.port()).get("/livez").status == 200);
}

TEST_CASE("health is answered while every connection has a request in progress") {
  Settings settings;
  settings.max_connections = 2;
  Running running(settings);
  std::string head = "POST /predict HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n";
  HttpClient first(running.port()), second(running.port());
  for (HttpClient* client : {&first, &second}) {
    client->send(head);
    CHECK(client->receive().status == 100);
  }
  for (int i = 0; i < 100; ++i) {
    HttpClient client(running.port());
    CHECK(client.get("/livez").status == 200);
    CHECK(client.closed());
  }
  auto answer = HttpClient(running.port()).post("/predict", R"({"data": [[1, 2]]})");
  CHECK(answer.status == 503);
  CHECK(answer.body == "{\"error\":\"too many connections\"}\n");
  for (HttpClient* client : {&first, &second}) {
    client->send(R"({"data": [[1, 2]]})");
    CHECK(client->receive().status == 200);
  }
  CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[1, 2]]})").status == 200);
}

TEST_CASE("a server that stops answers the predictions that run and those that wait") {
  Settings settings;
  settings.workers = 1;
  Running running(settings);
  gate.set(false);
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<HttpClient>(running.port()));
    clients.back()->send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 18\r\n\r\n{\"data\": [[1, 2]]}");
  }
  while (running.service.pending() < 4) std::this_thread::yield();
  std::thread stopper([&] { running.server->drain(std::chrono::milliseconds(0)); });
  // Nothing but the four is left once nobody listens.
  while (HttpClient(running.port()).get("/livez").status != 0) std::this_thread::yield();
  gate.set(true);
  for (auto& client : clients) {
    auto answer = client->receive();
    CHECK(answer.status == 200);
    CHECK(answer.headers.find("Connection: close\r\n") != std::string::npos);
  }
  stopper.join();
}

TEST_CASE("predictions of several connections share the threads of one pool") {
  Settings settings;
  settings.workers = 4;
  settings.threads = 4;
  Running running(settings);
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      HttpClient client(running.port());
      for (int i = 0; i < 20; ++i) good += client.post("/predict", R"({"data": [[1, 2]]})").status == 200;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 80);
}
