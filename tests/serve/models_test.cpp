// Several models and versions through real connections: the Open Inference Protocol with its extensions, operators'
// routes, deadlines and clients that disconnect.
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
using test::twice_model;

namespace {

constexpr const char* token = "0123456789abcdef";

std::string infer(std::string_view extra_headers, std::string_view body,
                  std::string_view path = "/v2/models/twice/infer") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(extra_headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string floats(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()), 4 * values.size()};
}

}  // namespace

TEST_CASE("binary tensors are read after the JSON, and written so if they are asked for") {
  Running running;
  HttpClient client(running.port());
  std::string json = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],)"
                     R"("parameters":{"binary_data_output":true}})";
  std::string length = "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n";
  client.send(infer(length, json + floats({1, 2.5})));
  auto answer = client.receive();
  CHECK(answer.status == 200);
  std::string head =
      R"({"model_name":"twice","model_version":"7","outputs":[{"name":"y","shape":[1,2],"datatype":"FP32",)"
      R"("parameters":{"binary_data_size":8}}]})";
  CHECK(answer.body == head + floats({2, 5}));
  CHECK(answer.headers.find("Inference-Header-Content-Length: " + std::to_string(head.size()) + "\r\n") !=
        std::string::npos);
  CHECK(answer.headers.find("Content-Type: application/octet-stream\r\n") != std::string::npos);
}

TEST_CASE("binary data that do not fit their tensor or the body are a 400") {
  Running running;
  auto error = [&](std::string_view size, const std::string& bytes, int header_more = 0) {
    std::string json = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":)" +
                       std::string(size) + "}}]}";
    HttpClient client(running.port());
    auto length = static_cast<int>(json.size()) + header_more;
    client.send(infer("Inference-Header-Content-Length: " + std::to_string(length) + "\r\n", json + bytes));
    auto answer = client.receive();
    CHECK(answer.status == 400);
    return answer.body;
  };
  CHECK(error("8", floats({1})) ==
        "{\"error\":\"cannot read the input 'x': it has 8 bytes of binary data, and 4 are left\"}\n");
  CHECK(error("8", floats({1, 2, 3})) == "{\"error\":\"4 bytes of binary data belong to none of the inputs\"}\n");
  CHECK(error("4", floats({1})).find("4 bytes are not f32[1,2]") != std::string::npos);
  CHECK(error("-1", floats({1, 2})).find("'binary_data_size' is not a size") != std::string::npos);
  CHECK(error("8", floats({1, 2}), 1000) ==
        "{\"error\":\"'Inference-Header-Content-Length' is not a length within the body\"}\n");
}

TEST_CASE("several models and versions are served under their names") {
  Running running;
  Service& service = running.service;
  REQUIRE(service.registry.publish(twice_model(running.scratch, service, {"twice", "10", "", "", {}})));
  REQUIRE(service.registry.publish(twice_model(running.scratch, service, {"other", "1", "", "", {}})));
  HttpClient client(running.port());
  std::string body = R"({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})";
  auto version = [&](std::string_view path) {
    std::string text = client.post(path, body).body;
    return text.substr(0, text.find(",\"outputs\""));
  };
  CHECK(version("/v2/models/twice/infer") == R"({"model_name":"twice","model_version":"10")");
  CHECK(version("/v2/models/twice/versions/7/infer") == R"({"model_name":"twice","model_version":"7")");
  CHECK(version("/v2/models/other/infer") == R"({"model_name":"other","model_version":"1")");
  CHECK(client.get("/v2/models/twice").body.find("\"versions\":[\"7\",\"10\"]") != std::string::npos);
  CHECK(client.post("/models/other/predict", R"({"data": [[1, 2]]})").body == "{\"prediction\":[[2,4]]}\n");
  CHECK(client.post("/predict", R"({"data": [[1, 2]]})").body ==
        "{\"error\":\"the request does not name one of the models 'other' and 'twice'\"}\n");
  client.send(infer("X-Model-Version: 7\r\n", body));
  CHECK(client.receive().body.find("\"model_version\":\"7\"") != std::string::npos);
  CHECK(client.post("/v2/repository/index", "").body ==
        R"([{"name":"other","version":"1","state":"READY","reason":"","labels":["stable"]},)"
        R"({"name":"twice","version":"10","state":"READY","reason":"","labels":["stable"]},)"
        R"({"name":"twice","version":"7","state":"READY","reason":"","labels":[]}])"
        "\n");
}

TEST_CASE("models are loaded and unloaded by who has the token alone") {
  struct Control final : ModelControl {
    Service* service = nullptr;
    Result<void> load(const std::string& model) override {
      return Error(Kind::bad_input, "broken", "cannot load '" + model + "'");
    }
    Result<void> unload(const std::string& model) override {
      CHECK(service->registry.withdraw(model));
      return {};
    }
  } control;
  Running running({}, true, &control, token), without;
  control.service = &running.service;
  auto post = [&](const Running& to, std::string_view path, std::string_view authorization) {
    HttpClient client(to.port());
    client.send(infer(authorization, "", path));
    return client.receive();
  };
  std::string good = "Authorization: Bearer " + std::string(token) + "\r\n";
  CHECK(post(without, "/v2/repository/models/twice/unload", good).status == 403);
  CHECK(post(running, "/v2/repository/models/twice/unload", "").status == 401);
  CHECK(post(running, "/v2/repository/models/twice/unload", "Authorization: " + std::string(token) + "\r\n").status ==
        401);
  CHECK(post(running, "/v2/repository/models/twice/unload", "Authorization: Bearer 0123456789abcdeF\r\n").status ==
        401);
  auto failed = post(running, "/v2/repository/models/twice/load", good);
  CHECK(failed.status == 400);
  CHECK(failed.body == "{\"error\":\"cannot load 'twice'\"}\n");
  CHECK(post(running, "/v2/repository/models/twice/unload", good).status == 200);
  HttpClient client(running.port());
  CHECK(client.post("/v2/models/twice/infer", "{}").status == 503);
  CHECK(client.get("/readyz").status == 503);
  CHECK(client.get("/metrics").body.find("modelctl_model_info{") == std::string::npos);
}

TEST_CASE("the routing of a model is replaced by who has the token") {
  Running running({}, true, nullptr, token);
  Service& service = running.service;
  REQUIRE(service.registry.publish(twice_model(running.scratch, service, {"twice", "8", "", "", {}})));
  HttpClient client(running.port());
  auto put = [&](std::string_view body) {
    client.send("PUT /admin/models/twice/routing HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer " +
                std::string(token) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                std::string(body));
    return client.receive();
  };
  auto serves = [&](std::string_view headers) {
    client.send(infer(headers, R"({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})"));
    std::string body = client.receive().body;
    return body.substr(body.find("version") + 10, 1);
  };
  CHECK(serves("") == "8");
  auto answer = put(R"({"labels": {"stable": "7", "canary": "8"},
                        "rules": [{"header": "X-Beta", "value": "yes", "to": "canary"}]})");
  CHECK(answer.status == 200);
  CHECK(serves("") == "7");
  CHECK(serves("X-Beta: yes\r\n") == "8");
  CHECK(serves("X-Model-Label: canary\r\n") == "8");
  CHECK(put(R"({"labels": {"stable": "9"}})").status == 400);
  CHECK(put(R"({"lables": {}})").body ==
        "{\"error\":\"cannot read the routing rules: line 1, column 12: there is no 'lables' in routing rules\"}\n");
  CHECK(serves("") == "7");
}

TEST_CASE("a request whose time is over is a 503, and the next one succeeds") {
  Settings settings;
  settings.workers = 1;
  Running running(settings, false);
  REQUIRE(running.service.registry.publish(endless_model(running.service)));
  HttpClient client(running.port());
  client.send(infer("X-Request-Timeout-Ms: 50\r\n", R"({"data": [1, 2]})", "/predict"));
  auto answer = client.receive();
  CHECK(answer.status == 503);
  CHECK(answer.body == "{\"error\":\"the request cannot be answered within the time that it gives\"}\n");
  client.send(infer("X-Request-Timeout-Ms: soon\r\n", R"({"data": [1, 2]})", "/predict"));
  CHECK(client.receive().status == 400);
}

TEST_CASE("a prediction ends when its client disconnects") {
  Settings settings;
  settings.workers = 1;
  Running running(settings, false);
  REQUIRE(running.service.registry.publish(endless_model(running.service)));
  {
    HttpClient client(running.port());
    client.send(infer("", R"({"data": [1, 2]})", "/predict"));
    while (running.service.pending() == 0) std::this_thread::yield();
  }
  while (running.service.pending() > 0) std::this_thread::yield();
}

TEST_CASE("a client that ends its side while its prediction runs gets a response, and then the end") {
  Settings settings;
  settings.workers = 1;
  Running running(settings, false);
  REQUIRE(running.service.registry.publish(endless_model(running.service)));
  HttpClient client(running.port());
  client.send(infer("", R"({"data": [1, 2]})", "/predict"));
  while (running.service.pending() == 0) std::this_thread::yield();
  client.end_sending();
  CHECK(client.receive().status == 503);
  CHECK(client.closed());
}

TEST_CASE("a client may send its next request while the one before runs") {
  Running running;
  gate.set(false);
  HttpClient client(running.port());
  client.send(infer("", R"({"data": [[1, 2]]})", "/predict"));
  while (running.service.pending() == 0) std::this_thread::yield();
  client.send(infer("", R"({"data": [[3, 4]]})", "/predict"));
  gate.set(true);
  CHECK(client.receive().body == "{\"prediction\":[[2,4]]}\n");
  CHECK(client.receive().body == "{\"prediction\":[[6,8]]}\n");
}
