// `modelctl serve` as users run it: the binary, real connections, real signals, and the digits example.
#include "base/json.hpp"
#include "digits.hpp"
#include "support/certificates.hpp"

#include <doctest/doctest.h>

#include <signal.h>
#include <atomic>
#include <cstdio>
#include <memory>
#include <sstream>
#include <thread>

using namespace modelctl;
using commands::digits;
using commands::python_of_clients;
using commands::shell;
using test::HttpClient;
namespace fs = std::filesystem;

namespace {

struct Serving : commands::Serving {
  using commands::Serving::Serving;
  // The answer to the example's request names the digit that it shows: a 7.
  bool predicts() {
    auto answer = HttpClient(at()).post("/v2/models/digits/infer", digits().request());
    return answer.status == 200 && answer.body.find("\"shape\":[1,10]") != std::string::npos;
  }
};

}  // namespace

TEST_CASE("an archive, a pulled folder, a bare artifact, an ONNX model and a project are served alike") {
  const fs::path& folder = digits().folder;
  auto moved = shell(folder,
                     "modelctl push digits.tar digits:1.0 && modelctl pull digits:1.0 --key me.pub -o pulled && "
                     "modelctl pull digits:1.0 --key me.pub --archive pulled.tar && cmp digits.tar pulled.tar");
  REQUIRE_MESSAGE(moved.exit_code == 0, moved.err);
  for (const char* source : {"pulled.tar --key me.pub", "pulled --key me.pub", "digits.artifact", "digits.onnx", ""}) {
    CAPTURE(source);
    Serving serving(folder, std::string(source) + " --drain 0");
    CHECK_MESSAGE(serving.ready(), serving.log_text());
    CHECK(serving.predicts());
    serving.program.signal(SIGTERM);
    CHECK(serving.program.wait() == 0);
  }
}

TEST_CASE("the samples of a package are checked, and its signer is named, before it is ready") {
  Serving serving(digits().folder, "digits.tar --key me.pub");
  REQUIRE(serving.ready());
  CHECK(serving.log_text().find("computed 1 sample of the package: as expected\n") != std::string::npos);
  std::string metrics = HttpClient(serving.at()).get("/metrics").body;
  CHECK(metrics.find("signer=\"me.pub\"} 1\n") != std::string::npos);
  CHECK(metrics.find("\ndigits_accuracy{model=\"digits\",measure=\"accuracy\",version=\"1.0\"} 0.9944\n") !=
        std::string::npos);
}

TEST_CASE("a package is served without a named signer, with a warning") {
  Serving serving(digits().folder, "digits.tar");
  REQUIRE(serving.ready());
  CHECK(
      serving.log_text().find("warning[signature-not-checked]: using a package of which only the bytes were checked") !=
      std::string::npos);
}

TEST_CASE("a package with an altered byte is never ready, whatever key is trusted") {
  const fs::path& folder = digits().folder;
  REQUIRE(shell(folder, "cp digits.tar bad.tar && printf X | dd of=bad.tar bs=1 seek=30000 conv=notrunc").exit_code ==
          0);
  for (const char* trust : {"", " --key me.pub"}) {
    CAPTURE(trust);
    auto ran = shell(folder, std::string("modelctl serve bad.tar --listen 127.0.0.1:0") + trust);
    CHECK(ran.exit_code == 80);
    CHECK(ran.err.find("ready:") == std::string::npos);
  }
}

TEST_CASE("a file that is overwritten or truncated after the server is ready changes nothing") {
  const fs::path& folder = digits().folder;
  REQUIRE(shell(folder, "cp digits.tar served.tar && cp digits.artifact served.artifact").exit_code == 0);
  for (const char* source : {"served.tar --key me.pub", "served.artifact"}) {
    CAPTURE(source);
    std::string file = std::string(source).substr(0, std::string(source).find(' '));
    Serving serving(folder, source);
    REQUIRE(serving.ready());
    std::string name = file == "served.tar" ? "digits" : "served";
    auto answer = [&] {
      return HttpClient(serving.at()).post("/v2/models/" + name + "/infer", digits().request()).body;
    };
    std::string expected = answer();
    REQUIRE(
        shell(folder, "size=$(stat -c %s " + file + ") && head -c $size /dev/urandom | dd of=" + file + " conv=notrunc")
            .exit_code == 0);
    CHECK(answer() == expected);
    REQUIRE(shell(folder, "truncate -s 0 " + file).exit_code == 0);
    CHECK(answer() == expected);
  }
}

TEST_CASE("a package that another key signed is never ready") {
  auto ran = shell(digits().folder,
                   "modelctl key generate -o other && modelctl serve digits.tar --key other.pub --listen 127.0.0.1:0");
  CHECK(ran.exit_code == 80);
}

TEST_CASE("a model whose outputs differ from its samples is not packed, and never ready") {
  const std::string wrong =
      "the outputs of the model are not those that the sample expects\n"
      "  --> the sample 'held-back digits', output 'scores'\n";
  auto packed =
      shell(digits().folder,
            "mkdir -p wrong && cd wrong && cp -r ../samples ../digits.artifact ../modelctl.yaml ../README.md . && "
            "printf X | dd of=samples/scores.npy bs=1 seek=203 conv=notrunc 2>/dev/null && "
            "modelctl pack --key ../me.key -o wrong.tar");
  CHECK(packed.exit_code == 65);
  CHECK_MESSAGE(packed.err.find("error[wrong-answers]: cannot pack: " + wrong) != std::string::npos, packed.err);
  // With a list of its own, as if another machine had packed it.
  auto served = shell(
      digits().folder / "wrong",
      R"(printf '{"format": "modelctl.samples/1", "samples": [{"name": "held-back digits", )"
      R"("inputs": {"image": "samples/images.npy"}, "outputs": {"scores": "samples/scores.npy"}}]}' >samples.json && )"
      "cp ../digits.artifact other.artifact && rm modelctl.yaml && "
      "modelctl pack other.artifact --name wrong --version 1 --key ../me.key -o wrong.tar --sample samples.json "
      "--sample samples/images.npy --sample samples/scores.npy && "
      "modelctl serve wrong.tar --key ../me.pub --listen 127.0.0.1:0");
  CHECK(served.exit_code == 65);
  CHECK_MESSAGE(served.err.find("error[wrong-answers]: " + wrong) != std::string::npos, served.err);
}

TEST_CASE("a reference is pulled into the cache, verified at each start, and used again") {
  test::Scratch scratch;
  auto pushed = shell(scratch.path(), "modelctl push " + (digits().folder / "digits.tar").string() + " digits:1.0");
  REQUIRE_MESSAGE(pushed.exit_code == 0, pushed.err);
  std::string arguments = "digits:1.0 --drain 0 --key " + (digits().folder / "me.pub").string();
  for (int start = 0; start < 2; ++start) {
    Serving serving(scratch.path(), arguments);
    CHECK_MESSAGE(serving.ready(), serving.log_text());
    CHECK(serving.predicts());
  }
  auto altered = shell(scratch.path(),
                       "for file in cache/modelctl/packages/*/model.weights; do "
                       "chmod u+w $file && printf X | dd of=$file bs=1 seek=100 conv=notrunc; done && "
                       "modelctl serve " +
                           arguments + " --listen 127.0.0.1:0");
  CHECK(altered.exit_code == 80);
  CHECK(altered.err.find("= help: remove '") != std::string::npos);
}

TEST_CASE("a reference is not pulled without knowing whom to trust") {
  auto ran = shell(digits().folder, "modelctl serve digits:1.0 --listen 127.0.0.1:0");
  CHECK(ran.exit_code == 64);
  CHECK(ran.err.find("error[no-key]: cannot check a signature: no key to check it with was given\n") !=
        std::string::npos);
}

TEST_CASE("HTTPS is spoken with the certificate given, from TLS 1.2 on") {
  test::Scratch scratch, other;
  auto certificates = test::make_certificates(scratch), strangers = test::make_certificates(other);
  if (!certificates || !strangers || test::find_program("curl").empty()) {
    std::printf("skipped: there is no program openssl or curl on this machine\n");
    return;
  }
  Serving serving(digits().folder, "digits.tar --key me.pub --tls-cert " + certificates->certificate.string() +
                                       " --tls-key " + certificates->key.string());
  std::string url = "https://localhost:" + std::to_string(serving.port);
  auto curl = [&](const fs::path& authority, const std::string& more) {
    return shell(digits().folder,
                 "curl -sS --fail-with-body --noproxy '*' --max-time 20 --retry 50 --retry-delay 0 "
                 "--cacert " +
                     authority.string() + " " + more);
  };
  auto good = curl(certificates->authority, "-d @samples/request.json " + url + "/v2/models/digits/infer");
  CHECK_MESSAGE(good.exit_code == 0, good.err, serving.log_text());
  CHECK(good.out.find("\"shape\":[1,10]") != std::string::npos);
  CHECK(curl(certificates->authority, "--tls-max 1.2 " + url + "/livez").exit_code == 0);
  // 35: the handshake failed; 60: the certificate is by nobody who is known.
  CHECK(curl(certificates->authority, "--tlsv1.1 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 " + url + "/livez")
            .exit_code == 35);
  CHECK(curl(strangers->authority, url + "/livez").exit_code == 60);
  CHECK(HttpClient(serving.at()).get("/livez").status == 0);
}

TEST_CASE("after SIGTERM it is unready, completes the requests in progress, and ends with 0") {
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 5");
  REQUIRE(serving.ready());
  std::string body = digits().request();
  HttpClient under_way(serving.at());
  under_way.send("POST /v2/models/digits/infer HTTP/1.1\r\nHost: test\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, 20));
  serving.program.signal(SIGTERM);
  int status = 200;
  while (status == 200) status = HttpClient(serving.at()).get("/readyz").status;
  CHECK(status == 503);
  CHECK(HttpClient(serving.at()).get("/livez").status == 200);
  under_way.send(body.substr(20));
  CHECK(under_way.receive().status == 200);
  CHECK(serving.program.wait() == 0);
}

TEST_CASE("a prediction that runs when SIGTERM arrives is answered, and then the process ends") {
  const fs::path& folder = digits().folder;
  auto linked = shell(folder, "modelctl link --serve -o digits-server");
  REQUIRE_MESSAGE(linked.exit_code == 0, linked.err);
  // Seconds of work for one worker.
  std::string body = R"({"inputs": [{"name": "image", "shape": [20000, 1, 8, 8], "datatype": "FP32", "data": [0)";
  for (int i = 1; i < 20000 * 64; ++i) body += ",0";
  body += "]}]}";
  for (std::string command : {"exec " MODELCTL, "exec ./digits-server"}) {
    CAPTURE(command);
    // The project file of the folder has a limit of 1 MiB for bodies, which holds for its artifact.
    Serving serving(
        folder, command.ends_with(MODELCTL) ? "digits.artifact --drain 0 --max-body 64MiB" : "--name digits --drain 0",
        command);
    REQUIRE_MESSAGE(serving.ready(), serving.log_text());
    HttpClient client(serving.at());
    client.send("POST /v2/models/digits/infer HTTP/1.1\r\nHost: test\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string metrics;
    do {
      metrics = HttpClient(serving.at()).get("/metrics").body;
      REQUIRE(metrics.find("code=\"") == std::string::npos);  // else it was too quick for this test
    } while (metrics.find("modelctl_inflight 1\n") == std::string::npos);
    serving.program.signal(SIGTERM);
    auto answer = client.receive();
    CHECK(answer.status == 200);
    CHECK(answer.body.find("\"shape\":[20000,10]") != std::string::npos);
    CHECK(serving.program.wait() == 0);
  }
}

TEST_CASE("the line 'ready' means that the next request succeeds") {
  for (int start = 0; start < 5; ++start) {
    Serving serving(digits().folder, "digits.artifact --drain 0");
    while (serving.log_text().find("ready: ") == std::string::npos) std::this_thread::yield();
    CHECK(serving.predicts());
  }
}

TEST_CASE("with --output json, stdout has one event per line, also of a linked program") {
  const fs::path& folder = digits().folder;
  auto linked = shell(folder, "modelctl link --serve -o digits-events");
  REQUIRE_MESSAGE(linked.exit_code == 0, linked.err);
  for (std::string command : {"exec " MODELCTL, "exec ./digits-events"}) {
    CAPTURE(command);
    bool package = command.ends_with(MODELCTL);
    Serving serving(folder,
                    std::string(package ? "digits.tar --key me.pub --name seven" : "--name seven") +
                        " --output json --drain 0 >events",
                    command);
    auto lines = [&] {
      std::vector<Json> events;
      std::istringstream text(read_text_file(folder / "events").value_or(""));
      for (std::string line; std::getline(text, line);) events.push_back(parse_json(line, "event").value_or(Json()));
      return events;
    };
    CHECK(serving.ready());
    // The event follows the moment at which it is ready.
    for (int tries = 0; tries < 1000 && lines().size() < 2; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(HttpClient(serving.at()).get("/readyz").status == 200);
    serving.program.signal(SIGTERM);
    CHECK(serving.program.wait() == 0);
    std::vector<Json> events = lines();
    REQUIRE(events.size() == 4);
    CHECK(events[0]["event"] == "listening");
    CHECK(events[0]["port"] == serving.port);
    CHECK(events[1]["event"] == "ready");
    CHECK(events[1]["models"][0]["name"] == "seven");
    CHECK(events[1]["models"][0].contains("digest") == package);
    CHECK(events[2]["event"] == "draining");
    CHECK(events[2]["reason"] == "signal");
    CHECK(events[3]["event"] == "stopped");
    CHECK(serving.log_text() == "");
  }
}

TEST_CASE("more idle connections than the process has descriptors leave health and predictions as they were") {
  Serving serving(digits().folder, "digits.artifact --drain 0", "ulimit -n 128; exec " MODELCTL);
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 400; ++i) {
    idle.push_back(std::make_unique<HttpClient>(serving.at()));
    if (i % 20 == 0) CHECK(HttpClient(serving.at()).get("/livez").status == 200);
  }
  CHECK(serving.predicts());
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
}

TEST_CASE("promtool finds no fault in the metrics") {
  if (test::find_program("promtool").empty()) {
    std::printf("skipped: there is no program promtool on this machine\n");
    return;
  }
  Serving serving(digits().folder, "digits.tar --key me.pub");
  REQUIRE(serving.ready());
  CHECK(serving.predicts());
  REQUIRE(write_file(digits().folder / "metrics", as_bytes(HttpClient(serving.at()).get("/metrics").body)));
  auto checked = shell(digits().folder, "promtool check metrics < metrics");
  CHECK_MESSAGE(checked.exit_code == 0, checked.out, checked.err);
}

namespace {

// A folder without a modelctl.yaml that holds two versions of the example's package, an artifact and a token.
fs::path several() {
  auto made =
      shell(digits().folder,
            "rm -rf next several && mkdir next several && sed 's/version: \"1.0\"/version: \"1.1\"/' modelctl.yaml > "
            "next/modelctl.yaml && cp -r samples digits.artifact README.md next && "
            "(cd next && modelctl pack --key ../me.key -o ../several/next.tar) && cp digits.tar me.pub several && "
            "cp digits.artifact several/other.artifact && cp -r samples several && "
            "printf 0123456789abcdef0123 > several/token && chmod 600 several/token");
  REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  return digits().folder / "several";
}

std::string with_token(const std::string& method, const std::string& path, const std::string& body = "") {
  return method + " " + path +
         " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer 0123456789abcdef0123\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("two versions and another model are served by one process, and unloaded and loaded while it serves") {
  fs::path folder = several();
  Serving serving(folder, "digits.tar next.tar other.artifact --key me.pub --admin-token token --drain 0");
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  HttpClient client(serving.at());
  auto version = [&] {
    std::string body = client.post("/v2/models/digits/infer", digits().request()).body;
    return body.substr(0, body.find(",\"outputs\""));
  };
  CHECK(version() == R"({"model_name":"digits","model_version":"1.1")");
  CHECK(client.post("/v2/models/digits/versions/1.0/infer", digits().request()).status == 200);
  CHECK(client.post("/v2/models/other/infer", digits().request()).status == 200);
  client.send(with_token("PUT", "/admin/models/digits/routing", R"({"weights": {"1.0": 1}})"));
  CHECK(client.receive().status == 200);
  CHECK(version() == R"({"model_name":"digits","model_version":"1.0")");
  client.send(with_token("POST", "/v2/repository/models/other/unload"));
  CHECK(client.receive().status == 200);
  CHECK(client.post("/v2/models/other/infer", digits().request()).status == 503);
  CHECK(client.post("/v2/repository/index", "").body.find(R"({"name":"other","version":"1","state":"UNAVAILABLE")") !=
        std::string::npos);
  client.send(with_token("POST", "/v2/repository/models/other/load"));
  CHECK(client.receive().status == 200);
  CHECK(client.post("/v2/models/other/infer", digits().request()).status == 200);
  REQUIRE(fs::remove(folder / "other.artifact"));
  client.send(with_token("POST", "/v2/repository/models/other/load"));
  CHECK(client.receive().status == 404);
  CHECK(client.post("/v2/models/other/infer", digits().request()).status == 200);
  CHECK(client.post("/v2/repository/index", "").body.find("\"state\":\"FAILED\"") != std::string::npos);
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
}

TEST_CASE("the same version twice, and one name for several models, are refused") {
  auto twice = shell(digits().folder, "modelctl serve digits.tar digits.tar --key me.pub --listen 127.0.0.1:0");
  CHECK(twice.exit_code == 81);
  CHECK(twice.err.find("error[same-version]: cannot serve version '1.0' of 'digits' twice\n") != std::string::npos);
  auto named = shell(digits().folder, "modelctl serve digits.tar digits.artifact --name a --listen 127.0.0.1:0");
  CHECK(named.exit_code == 64);
}

TEST_CASE("no request is lost while a version is unloaded and loaded under load") {
  fs::path folder = several();
  Serving serving(folder, "digits.tar next.tar --key me.pub --admin-token token --drain 0");
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0}, lost{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 2; ++caller) {
    callers.emplace_back([&] {
      HttpClient client(serving.at());
      while (!stop) ++(client.post("/v2/models/digits/infer", digits().request()).status == 200 ? answered : lost);
    });
  }
  HttpClient operator_(serving.at());
  for (int round = 0; round < 5; ++round) {
    for (const char* weights : {R"({"weights": {"1.0": 1}})", R"({"weights": {"1.1": 1}})"}) {
      operator_.send(with_token("PUT", "/admin/models/digits/routing", weights));
      CHECK(operator_.receive().status == 200);
    }
    operator_.send(with_token("POST", "/v2/repository/models/digits/load"));
    CHECK(operator_.receive().status == 200);
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  CHECK(lost == 0);
  CHECK(answered > 0);
}

TEST_CASE("Triton's own client works with its defaults") {
  std::string python = python_of_clients();
  if (shell(digits().folder, python + " -c 'import tritonclient.http'").exit_code != 0) {
    std::printf("skipped: %s has no tritonclient[http]\n", python.c_str());
    return;
  }
  fs::path folder = several();
  Serving serving(folder, "digits.tar next.tar other.artifact --key me.pub --admin-token token --drain 0");
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  std::string script =
      "import numpy as np, tritonclient.http as http\n"
      "client = http.InferenceServerClient('127.0.0.1:" +
      std::to_string(serving.port) +
      "')\n"
      "assert client.is_server_live() and client.is_server_ready() and client.is_model_ready('digits', '1.0')\n"
      "assert 'binary_tensor_data' in client.get_server_metadata()['extensions']\n"
      "assert client.get_model_metadata('digits')['versions'] == ['1.0', '1.1']\n"
      "image = np.load('samples/images.npy')[:1].astype(np.float32)\n"
      "x = http.InferInput('image', list(image.shape), 'FP32')\n"
      "x.set_data_from_numpy(image)\n"
      "binary = client.infer('digits', [x], request_id='7')\n"
      "assert binary.get_response()['id'] == '7'\n"
      "x.set_data_from_numpy(image, binary_data=False)\n"
      "text = client.infer('digits', [x], '1.0', outputs=[http.InferRequestedOutput('scores', binary_data=False)])\n"
      "assert (binary.as_numpy('scores') == text.as_numpy('scores')).all()\n"
      "token = {'Authorization': 'Bearer 0123456789abcdef0123'}\n"
      "client.unload_model('other', headers=token)\n"
      "assert [m['state'] for m in client.get_model_repository_index() if m['name'] == 'other'] == ['UNAVAILABLE']\n"
      "client.load_model('other', headers=token)\n"
      "assert client.is_model_ready('other')\n";
  REQUIRE(write_file(folder / "client.py", as_bytes(script)));
  auto ran = shell(folder, python + " client.py");
  CHECK_MESSAGE(ran.exit_code == 0, ran.out, ran.err);
}

namespace {

// The client of a language's package, if the machine has it.
bool has_client(const std::string& python, const char* module) {
  if (shell(digits().folder, python + " -c 'import " + module + "'").exit_code == 0) return true;
  std::printf("skipped: %s has no %s\n", python.c_str(), module);
  return false;
}

}  // namespace

TEST_CASE("Triton's own gRPC client works with its defaults, and sees the statistics that its HTTP client sees") {
  std::string python = python_of_clients();
  if (!has_client(python, "tritonclient.grpc") || !has_client(python, "tritonclient.http")) return;
  fs::path folder = several();
  int port = test::free_port();
  Serving serving(folder,
                  "digits.tar next.tar other.artifact --key me.pub --admin-token token --drain 0 --grpc 127.0.0.1:" +
                      std::to_string(port));
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  std::string script =
      "import numpy as np, queue, tritonclient.grpc as grpc, tritonclient.http as http\n"
      "client = grpc.InferenceServerClient('127.0.0.1:" +
      std::to_string(port) + "')\nrest = http.InferenceServerClient('127.0.0.1:" + std::to_string(serving.port) +
      "')\n"
      "assert client.is_server_live() and client.is_server_ready() and client.is_model_ready('digits', '1.0')\n"
      "assert 'statistics' in client.get_server_metadata().extensions\n"
      "assert list(client.get_model_metadata('digits').versions) == ['1.0', '1.1']\n"
      "image = np.load('samples/images.npy')[:1].astype(np.float32)\n"
      "x = grpc.InferInput('image', list(image.shape), 'FP32')\n"
      "x.set_data_from_numpy(image)\n"
      "unary = client.infer('digits', [x], '1.0', request_id='7', outputs=[grpc.InferRequestedOutput('scores')])\n"
      "assert unary.get_response().id == '7' and unary.get_response().model_version == '1.0'\n"
      "scores = unary.as_numpy('scores')\n"
      "y = http.InferInput('image', list(image.shape), 'FP32')\n"
      "y.set_data_from_numpy(image)\n"
      "assert (rest.infer('digits', [y], '1.0').as_numpy('scores') == scores).all()\n"
      "answers = queue.Queue()\n"
      "client.start_stream(lambda result, error: answers.put((result, error)))\n"
      "for i in range(50): client.async_stream_infer('digits' if i != 5 else 'none', [x], request_id=str(i))\n"
      "for i in range(50):\n"
      "    result, error = answers.get(timeout=60)\n"
      "    if i == 5: assert 'no model' in error.message()\n"
      "    else: assert result.get_response().id == str(i) and (result.as_numpy('scores') == scores).all()\n"
      "client.stop_stream()\n"
      "grpc_stats = client.get_inference_statistics('digits', as_json=True)['model_stats']\n"
      "rest_stats = rest.get_inference_statistics('digits')['model_stats']\n"
      "assert [int(s['inference_count']) for s in grpc_stats] == [s['inference_count'] for s in rest_stats] == [2, "
      "49]\n"
      "assert rest_stats[0]['inference_stats']['success']['count'] == 2\n"
      "assert len(rest.get_inference_statistics()['model_stats']) == 3\n"
      "config = client.get_model_config('digits', as_json=True)['config']\n"
      "assert config['input'][0]['data_type'] == 'TYPE_FP32' == "
      "rest.get_model_config('digits')['input'][0]['data_type']\n"
      "token = {'authorization': 'Bearer 0123456789abcdef0123'}\n"
      "try:\n"
      "    client.unload_model('other')\n"
      "    raise SystemExit('unloaded without a token')\n"
      "except grpc.InferenceServerException as error:\n"
      "    assert error.status() == 'StatusCode.UNAUTHENTICATED'\n"
      "client.unload_model('other', headers=token)\n"
      "assert [m.state for m in client.get_model_repository_index().models if m.name == 'other'] == ['UNAVAILABLE']\n"
      "client.load_model('other', headers=token)\n"
      "assert client.is_model_ready('other')\n"
      "client.close()\n";
  REQUIRE(write_file(folder / "grpc_client.py", as_bytes(script)));
  auto ran = shell(folder, python + " grpc_client.py");
  CHECK_MESSAGE(ran.exit_code == 0, ran.out, ran.err);
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
}

TEST_CASE("grpcurl and grpc_health_probe work, also with TLS") {
  test::Scratch scratch;
  auto certificates = test::make_certificates(scratch);
  std::string path = "PATH=" MODELCTL_SERVE_TOOLS "/bin:$PATH ";
  if (!certificates ||
      shell(digits().folder, path + "command -v grpcurl && " + path + "command -v grpc-health-probe").exit_code != 0) {
    std::printf("skipped: no openssl, or no grpcurl and grpc-health-probe: ./dev serve-tools\n");
    return;
  }
  for (bool tls : {false, true}) {
    CAPTURE(tls);
    std::string port = std::to_string(test::free_port());
    Serving serving(digits().folder, "digits.artifact --drain 0 --grpc 127.0.0.1:" + port +
                                         (tls ? " --tls-cert " + certificates->certificate.string() + " --tls-key " +
                                                    certificates->key.string()
                                              : ""));
    std::string probe = path + "grpc-health-probe -connect-timeout 20s -addr localhost:" + port +
                        (tls ? " -tls -tls-ca-cert " + certificates->authority.string() : "");
    auto ready = shell(digits().folder, "for i in $(seq 300); do " + probe + " && exit 0; sleep 0.1; done; exit 1");
    CHECK_MESSAGE(ready.exit_code == 0, ready.err, serving.log_text());
    std::string curl = path + "grpcurl " + (tls ? "-cacert " + certificates->authority.string() : "-plaintext") + " ";
    auto listed = shell(digits().folder, curl + "localhost:" + port + " list");
    CHECK_MESSAGE(
        listed.out == "grpc.health.v1.Health\ngrpc.reflection.v1.ServerReflection\ninference.GRPCInferenceService\n",
        listed.out, listed.err);
    auto asked = shell(digits().folder, curl + "-d '{\"name\": \"digits\"}' localhost:" + port +
                                            " inference.GRPCInferenceService/ModelMetadata");
    CHECK_MESSAGE(asked.out.find("\"platform\": \"modelctl_native\"") != std::string::npos, asked.out, asked.err);
    serving.program.signal(SIGTERM);
    CHECK(serving.program.wait() == 0);
  }
}

TEST_CASE("a linked program has no gRPC, and reports it") {
  const fs::path& folder = digits().folder;
  auto linked = shell(folder, "modelctl link --serve -o digits-no-grpc");
  REQUIRE_MESSAGE(linked.exit_code == 0, linked.err);
  auto ran = shell(folder, "./digits-no-grpc serve --listen 127.0.0.1:0 --grpc 127.0.0.1:0");
  CHECK(ran.exit_code == 79);
  CHECK(ran.err.find("error[no-grpc]: cannot serve gRPC: linked programs do not have it\n") != std::string::npos);
}
