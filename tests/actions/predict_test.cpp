// predict by gRPC, with a server in the test's process: what its options, addresses and tensors become.
#include "actions/predict.hpp"

#include "actions/grpc_address.hpp"
#include "base/files.hpp"
#include "serve/echo.hpp"
#include "serve/grpc_client.hpp"
#include "support/hosts.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

// The model 'echo', by HTTP and gRPC.
struct Echo {
  test::EchoServer http{{{"ids", "ids_out", DType::i64, {"n"}},
                         {"text", "text_out", DType::string, {"m", 1}},
                         {"scalar", "scalar_out", DType::f64, {}},
                         {"flags", "flags_out", DType::boolean, {2}},
                         {"rows", "rows_out", DType::f32, {"k", 3}}},
                        test::RunningGrpc::on_any_port({})};
  std::unique_ptr<serve::FrontEnd> grpc;

  Echo() {
    auto started = serve::start_grpc(http.service);
    REQUIRE(started);
    grpc = std::move(*started);
  }
};

Result<PredictReport> ask(const std::string& url, const std::string& protocol, std::vector<std::string> inputs) {
  test::FakeHost fake;
  return predict({.url = url, .inputs = std::move(inputs), .protocol = protocol}, fake.host);
}

std::string at(std::uint16_t port) { return "grpc://127.0.0.1:" + std::to_string(port); }

}  // namespace

TEST_CASE("texts, scalars, 64-bit integers, bools and tensors without elements are by gRPC what they are by REST") {
  Echo echo;
  test::Scratch scratch;
  auto rows = (scratch / "rows.npy").string();
  std::vector<formats::NamedTensor> none{{"rows", Tensor(DType::f32, {0, 3})}};
  REQUIRE(formats::save_outputs(rows, none));
  std::vector<std::string> inputs{"ids=[9007199254740993,-9223372036854775808]", R"(text=[["é"],[""],["a\nb"]])",
                                  "scalar=0.1", "flags=[true,false]", "rows=" + rows};
  auto asked = ask(at(echo.grpc->endpoint().port), "v2-grpc", inputs);
  REQUIRE_MESSAGE(asked, asked.error().what);
  CHECK(asked->model == "echo");
  CHECK(asked->version == "1");
  REQUIRE(asked->outputs.size() == 5);
  CHECK(asked->outputs[0].name == "ids_out");
  CHECK(same(asked->outputs[0].tensor,
             Tensor::of<std::int64_t>(DType::i64, {2}, {9007199254740993, std::numeric_limits<std::int64_t>::min()})));
  CHECK(same(asked->outputs[1].tensor, Tensor::of_strings({3, 1}, {"é", "", "a\nb"})));
  CHECK(same(asked->outputs[2].tensor, Tensor::of<double>(DType::f64, {}, {0.1})));
  CHECK(same(asked->outputs[4].tensor, Tensor(DType::f32, {0, 3})));
  auto rest = ask("http://127.0.0.1:" + std::to_string(echo.http.port()), "v2", inputs);
  REQUIRE_MESSAGE(rest, rest.error().what);
  REQUIRE(rest->outputs.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(same(asked->outputs[i].tensor, rest->outputs[i].tensor));
}

TEST_CASE("a status of gRPC is an error of the kind that HTTP has for it") {
  test::RunningGrpc running;
  auto fails = [&](const std::string& input, const std::string& path = "") {
    auto asked = ask(at(running.port()) + path, "v2-grpc", {"x=" + input});
    REQUIRE(!asked);
    return std::move(asked).error();
  };
  CHECK(fails("[[1,2]]", "/v2/models/other").kind == Kind::not_found);
  CHECK(fails("[[1,2]]", "/v2/models/twice/versions/8").kind == Kind::not_found);
  CHECK(fails("[[1,2,3]]").code == "wrong-shape");
  Error failed = fails("[[-1,2]]");
  CHECK(failed.kind == Kind::unavailable);
  CHECK(failed.code == "call-failed");
  CHECK(failed.where == "ModelInfer " + at(running.port()));
}

TEST_CASE("a request that is larger than the server takes is not one for later") {
  serve::Settings settings;
  settings.max_body = 4096;
  test::RunningGrpc running(settings);
  std::string rows = "[[1,2]";
  for (int i = 0; i < 1000; ++i) rows += ",[1,2]";
  auto asked = ask(at(running.port()), "v2-grpc", {"x=" + rows + "]"});
  REQUIRE(!asked);
  CHECK(asked.error().kind == Kind::unsupported);
  CHECK(asked.error().code == "message-too-large");
}

TEST_CASE("a server of several models has one named") {
  test::RunningGrpc running;
  REQUIRE(running.service.registry.publish(
      test::twice_model(running.scratch, running.service, {"double it", "1", "", "", {}})));
  auto asked = ask(at(running.port()), "v2-grpc", {"[[1,2]]"});
  REQUIRE(!asked);
  CHECK(asked.error().code == "model-not-named");
  CHECK(asked.error().hint == "name one in the URL: " + at(running.port()) + "/v2/models/NAME");
  auto named = ask(at(running.port()) + "/v2/models/double%20it/versions/1", "v2-grpc", {"[[1,2]]"});
  REQUIRE_MESSAGE(named, named.error().what);
  CHECK(named->model == "double it");
}

TEST_CASE("a prediction that takes longer than its time ends, and so does one that is interrupted") {
  test::RunningGrpc running;
  test::gate.set(false);
  test::FakeHost fake;
  PredictRequest request{.url = at(running.port()), .inputs = {"[[1,2]]"}, .protocol = "v2-grpc"};
  request.timeout_seconds = 0.2;
  auto late = predict(request, fake.host);
  REQUIRE(!late);
  CHECK(late.error().code == "timed-out");
  CHECK(late.error().kind == Kind::retry_later);
  fake.host.stop.stop();
  request.timeout_seconds = 1000;
  auto stopped = predict(request, fake.host);
  REQUIRE(!stopped);
  CHECK(stopped.error().kind == Kind::interrupted);
  test::gate.set(true);
}

TEST_CASE("what a user writes says where a gRPC server is, whether it uses TLS, and which model is meant") {
  auto plain = parse_grpc_address("grpc://Models.example:8001/v2/models/a%2Fb/versions/1.0").value();
  CHECK(plain.targets == std::vector<std::string>{"dns:///models.example:8001"});
  CHECK(!plain.tls);
  CHECK(!plain.on_this_machine);
  CHECK(plain.model == "a/b");
  CHECK(plain.version == "1.0");
  CHECK(parse_grpc_address("models.example:8001").value().shown == "grpc://models.example:8001");
  CHECK(parse_grpc_address("http://models.example").value().authority == "models.example:80");
  for (const char* url : {"https://models.example", "grpcs://models.example", "grpcs://models.example:443/"}) {
    auto secure = parse_grpc_address(url).value();
    CHECK(secure.tls);
    CHECK(secure.authority == "models.example:443");
  }
  auto here = parse_grpc_address("localhost:8001").value();
  CHECK(here.on_this_machine);
  CHECK(here.targets == std::vector<std::string>{"ipv4:127.0.0.1:8001", "ipv6:[::1]:8001"});
  CHECK(parse_grpc_address("[::1]:8001").value().targets == std::vector<std::string>{"dns:///[::1]:8001"});
  auto socket = parse_grpc_address("unix:/run/a b.sock/v2/models/m").value();
  CHECK(socket.targets == std::vector<std::string>{"unix:/run/a%20b.sock"});
  CHECK(socket.on_this_machine);
  CHECK(socket.model == "m");
  for (const char* url : {"grpc://host", "host", "unix:", "grpc://host:1/other", "host:1/v2/models/", "host:1/?a=b",
                          "host:1/v2/models/m/versions/", "host:1/v2/models/m/other", "ftp://host:1"}) {
    CAPTURE(url);
    auto address = parse_grpc_address(url);
    REQUIRE(!address);
    CHECK(address.error().code == "bad-url");
  }
}
