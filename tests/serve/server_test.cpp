// The whole server in the test's process, with real connections on the loopback interface.
#include "serve/server.hpp"

#include "serve/running.hpp"
#include "support/http_client.hpp"
#include "tensor/utf8.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace modelctl;
using namespace modelctl::serve;
using test::endless_model;
using test::gate;
using test::HttpClient;
using test::Running;
using test::twice_model;

TEST_CASE("a prediction returns the model's outputs") {
  Running running;
  auto answer = HttpClient(running.port()).post("/predict", R"({"data": [[1, 2], [3, 4.5]]})");
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"prediction\":[[2,4],[6,9]]}\n");
}

TEST_CASE("inputs may be given by name") {
  Running running;
  CHECK(HttpClient(running.port()).post("/predict", R"({"inputs": {"x": [[1, 2]]}})").body ==
        "{\"prediction\":[[2,4]]}\n");
}

TEST_CASE("the Open Inference Protocol returns names, shapes and types") {
  Running running;
  HttpClient client(running.port());
  auto answer =
      client.post("/v2/models/twice/infer",
                  R"({"id": "42", "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})");
  CHECK(answer.status == 200);
  CHECK(answer.body ==
        "{\"model_name\":\"twice\",\"model_version\":\"7\",\"id\":\"42\",\"outputs\":[{\"name\":\"y\",\"shape\":[1,2],"
        "\"datatype\":\"FP32\",\"data\":[2,4]}]}\n");
  CHECK(client.get("/v2/models/twice/versions/7").body ==
        "{\"name\":\"twice\",\"versions\":[\"7\"],\"platform\":\"modelctl_native\",\"inputs\":[{\"name\":\"x\","
        "\"datatype\":"
        "\"FP32\",\"shape\":[-1,2]}],\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":[-1,2]}]}\n");
}

TEST_CASE("an invalid request is a 400 with the reason") {
  Running running;
  HttpClient client(running.port());
  auto body = [&](std::string_view path, std::string_view request) {
    auto answer = client.post(path, request);
    CHECK(answer.status == 400);
    return answer.body;
  };
  CHECK(body("/predict", "nonsense") ==
        "{\"error\":\"cannot read the body: line 1, column 1: a value is expected\"}\n");
  CHECK(body("/predict", "{}") ==
        "{\"error\":\"the body is not an object with 'data', 'instances', 'inputs' or 'features'\"}\n");
  CHECK(body("/predict", R"({"data": {"z": [1]}})") == "{\"error\":\"the model has no input 'z'; it has 'x'\"}\n");
  CHECK(body("/predict", R"({"data": {}})") == "{\"error\":\"the input 'x' is missing\"}\n");
  CHECK(body("/v2/models/twice/infer", "{}") == "{\"error\":\"the body is not an object with a list 'inputs'\"}\n");
  CHECK(body("/v2/models/twice/infer",
             R"({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "INT64", "data": [1, 2]}]})") ==
        "{\"error\":\"cannot read the input 'x': its datatype is 'INT64' but the model takes 'FP32'\"}\n");
  CHECK(body("/v2/models/twice/infer",
             R"({"inputs": [{"name": "x", "shape": [1, -2], "datatype": "FP32", "data": [1, 2]}]})") ==
        "{\"error\":\"cannot read the input 'x': line 1, column 40: '-2' is not a size\"}\n");
  CHECK(body("/v2/models/twice/infer",
             R"({"inputs": [{"name": "x", "shape": [4611686018427387904, 4], "datatype": "FP32", "data": []}]})") ==
        "{\"error\":\"cannot read the input 'x': line 1, column 90: the data are f32[0], and the shape says "
        "f32[4611686018427387904,4]\"}\n");
}

TEST_CASE("an input of the wrong shape is a 400 that names the input") {
  Running running;
  auto answer = HttpClient(running.port()).post("/predict", R"({"data": [[1, 2, 3]]})");
  CHECK(answer.status == 400);
  CHECK(answer.body.find("'x'") != std::string::npos);
}

TEST_CASE("our own fault is a 500") {
  Running running;
  CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[-1, 2]]})").status == 500);
}

TEST_CASE("an unknown path is a 404 and a wrong method a 405 that names the right one") {
  Running running;
  HttpClient client(running.port());
  CHECK(client.get("/nothing").status == 404);
  CHECK(client.get("/v2/models/other").body == "{\"error\":\"there is no model 'other' here; there is 'twice'\"}\n");
  auto answer = client.get("/predict");
  CHECK(answer.status == 405);
  CHECK(answer.headers.find("Allow: POST\r\n") != std::string::npos);
}

TEST_CASE("a server with no model yet is alive and not ready") {
  Running running({}, false);
  HttpClient client(running.port());
  CHECK(client.get("/livez").status == 200);
  CHECK(client.get("/readyz").status == 503);
  CHECK(client.get("/v2/health/ready").status == 503);
  CHECK(client.post("/predict", R"({"data": [[1, 2]]})").status == 503);
  REQUIRE(running.service.registry.publish(twice_model(running.scratch, running.service)));
  CHECK(client.get("/readyz").status == 200);
}

TEST_CASE("metrics count requests by code and protocol and name the model") {
  Running running;
  HttpClient client(running.port());
  client.post("/predict", R"({"data": [[1, 2]]})");
  client.post("/predict", "?");
  std::string text = client.get("/metrics").body;
  auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
  CHECK(has("modelctl_requests_total{model=\"twice\",version=\"7\",code=\"200\",protocol=\"predict\"} 1\n"));
  CHECK(has("modelctl_requests_total{model=\"twice\",version=\"7\",code=\"400\",protocol=\"predict\"} 1\n"));
  CHECK(has("modelctl_request_duration_seconds_count{model=\"twice\",version=\"7\",protocol=\"predict\"} 2\n"));
  CHECK(has("modelctl_model_info{model=\"twice\",version=\"7\",digest=\"sha256:0\",signer=\"tester\"} 1\n"));
  CHECK(has("twice_accuracy{version=\"7\"} 0.5\n"));
  CHECK(has("modelctl_inflight 0\n"));
}

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

TEST_CASE("a port in use is reported with a remedy") {
  Running running;
  Settings settings;
  settings.listen = "127.0.0.1:" + std::to_string(running.port());
  Service other(settings);
  auto second = Server::start(other);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == "address-in-use");
  CHECK(second.error().what == "cannot listen on '127.0.0.1:" + std::to_string(running.port()) + "'");
  CHECK(second.error().hint == "choose another port with --listen HOST:PORT");
}

TEST_CASE("a certificate without its key is refused") {
  Settings settings;
  settings.tls_cert = "cert.pem";
  Service service(settings);
  auto server = Server::start(service);
  REQUIRE_FALSE(server);
  CHECK(server.error().what == "cannot serve HTTPS with only one of certificate and key");
}

TEST_CASE("a certificate that cannot be read is reported with its path") {
  Settings settings;
  settings.tls_cert = "/nowhere/cert.pem";
  settings.tls_key = "/nowhere/key.pem";
  Service service(settings);
  auto server = Server::start(service);
  REQUIRE_FALSE(server);
  CHECK(server.error().what == "cannot use '/nowhere/cert.pem' as the certificate");
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

TEST_CASE("JSON that nests too deep is refused") {
  Running running;
  std::string deep = "{\"data\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  auto answer = HttpClient(running.port()).post("/predict", deep);
  CHECK(answer.status == 400);
  CHECK(answer.body.find("nests deeper than") != std::string::npos);
}

TEST_CASE("null, and a number that the type cannot hold, are refused") {
  Running running;
  for (const char* number : {"null", "1e39", "-1e39", "NaN", "Infinity", "1e400", "\"1\"", "true"}) {
    CAPTURE(number);
    CHECK(HttpClient(running.port()).post("/predict", std::string("{\"data\": [[0, ") + number + "]]}").status == 400);
  }
  CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[0, 1e39]]})").body ==
        "{\"error\":\"cannot read the input 'x': line 1, column 15: '1e39' is out of the range of f32\"}\n");
}

TEST_CASE("a key that stands twice is refused") {
  Running running;
  CHECK(HttpClient(running.port()).post("/predict", R"({"data": [[0, 1]], "data": [[0, 2]]})").status == 400);
}

TEST_CASE("an empty batch gives an empty result") {
  Running running;
  auto answer = HttpClient(running.port())
                    .post("/v2/models/twice/infer",
                          R"({"inputs": [{"name": "x", "shape": [0, 2], "datatype": "FP32", "data": []}]})");
  CHECK(answer.status == 200);
  CHECK(answer.body.find("\"shape\":[0,2],\"datatype\":\"FP32\",\"data\":[]") != std::string::npos);
}

TEST_CASE("a number that JSON cannot represent is a string in requests and responses") {
  Running running;
  auto answer = HttpClient(running.port()).post("/predict", R"({"data": [[3e38, 2]]})");  // twice that is infinite
  CHECK(answer.body == "{\"prediction\":[[\"Infinity\",4]]}\n");
  answer = HttpClient(running.port()).post("/predict", R"({"data": [["Infinity", "NaN"], [0, "-Infinity"]]})");
  CHECK(answer.body == "{\"prediction\":[[\"Infinity\",\"NaN\"],[0,\"-Infinity\"]]}\n");
}

TEST_CASE("what is refused before it has a route is counted, too") {
  Running running;
  {
    HttpClient client(running.port());
    client.send("nonsense\r\n\r\n");
    CHECK(client.receive().status == 400);
  }
  std::string text = HttpClient(running.port()).get("/metrics").body;
  CHECK(text.find("modelctl_requests_total{model=\"twice\",version=\"7\",code=\"400\",protocol=\"http\"} 1\n") !=
        std::string::npos);
}

TEST_CASE("metrics report what the process uses and how long predictions waited") {
  Running running;
  HttpClient client(running.port());
  client.post("/predict", R"({"data": [[1, 2]]})");
  std::string text = client.get("/metrics").body;
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds",
                           "process_open_fds", "process_max_fds", "modelctl_queue_duration_seconds_count{"}) {
    CAPTURE(name);
    CHECK(text.find(std::string("\n") + name) != std::string::npos);
  }
}

TEST_CASE("an output that is asked for twice is refused") {
  Running running;
  auto infer = [&](std::string_view outputs) {
    return HttpClient(running.port())
        .post("/v2/models/twice/infer",
              R"({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}], "outputs": )" +
                  std::string(outputs) + "}");
  };
  CHECK(infer(R"([{"name": "y"}])").status == 200);
  auto answer = infer(R"([{"name": "y"}, {"name": "y"}])");
  CHECK(answer.status == 400);
  CHECK(answer.body == "{\"error\":\"the output 'y' is asked for twice\"}\n");
  std::string many = R"([{"name": "y"})";
  for (int i = 0; i < 12'000; ++i) many += R"(, {"name": "y"})";
  CHECK(infer(many + "]").status == 400);
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

TEST_CASE("bytes of a request that are not text do not get into an error as they are") {
  Running running;
  for (const char* body :
       {"\xff\xfe", "{\"\xff\": 1}", "{\"data\": {\"\xff\": 1}}", "{\"data\": \"\x01\"}", "\x93NUMPY\xff"}) {
    auto answer = HttpClient(running.port()).post("/predict", body);
    CHECK(answer.status == 400);
    CHECK(is_utf8(answer.body));
    CHECK(answer.body.find_first_of("\x01\x02\x1b") == std::string::npos);
  }
  CHECK(is_utf8(HttpClient(running.port()).get("/%ff%fe").body));
  CHECK(is_utf8(HttpClient(running.port()).get("/v2/models/%ff").body));
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

TEST_CASE("an escaped slash belongs to the model's name") {
  Running running({}, false);
  REQUIRE(
      running.service.registry.publish(twice_model(running.scratch, running.service, {"team/twice", "7", "", "", {}})));
  HttpClient client(running.port());
  CHECK(client.get("/v2/models/team%2Ftwice").status == 200);
  CHECK(client.get("/v2/models/team/twice").status == 404);
}

TEST_CASE("a request target may be absolute") {
  Running running;
  CHECK(HttpClient(running.port()).get("http://example.org/livez").status == 200);
  CHECK(HttpClient(running.port()).get("http://example.org").body.starts_with("<!doctype html>"));
}

TEST_CASE("nothing but the path of a target selects the route") {
  Running running;
  for (const char* target : {"foo?u=a://b/livez", "%2flivez", "livez", "ftp://example.org/livez"}) {
    CAPTURE(target);
    CHECK(HttpClient(running.port()).get(target).status == 404);
  }
  CHECK(HttpClient(running.port()).get("http://example.org?u=/livez").body.starts_with("<!doctype html>"));
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
