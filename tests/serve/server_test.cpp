// The whole server in the test's process, with real connections on the loopback interface: what it answers.
#include "serve/server.hpp"

#include "serve/running.hpp"
#include "support/http_client.hpp"
#include "tensor/utf8.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;
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
  CHECK(has("twice_accuracy{model=\"twice\",measure=\"accuracy\",version=\"7\"} 0.5\n"));
  CHECK(has("modelctl_inflight 0\n"));
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
