// The protocols of `modelctl serve` by the programs that speak them, unmodified: clients/*.py, and `modelctl predict`.
// `./dev serve-tools` makes an interpreter that has the packages; MODELCTL_PYTHON is another one. What it does not have
// is skipped.
#include "serving.hpp"

#include <cstdio>

using namespace modelctl;
using commands::python_of_clients;
using commands::Serving;
using commands::shell;
using commands::wait_until;
namespace fs = std::filesystem;

namespace {

// The example, built and served by HTTP and gRPC.
struct Digits {
  test::Scratch scratch;
  fs::path folder = scratch / "digits";
  std::string grpc_port = std::to_string(test::free_port());
  Serving serving;

  Digits() : serving(made(scratch), "--drain 0 --grpc 127.0.0.1:" + grpc_port) {
    REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  }

  static fs::path made(const test::Scratch& scratch) {
    auto ran = shell(scratch.path(), "modelctl init --example digits && cd digits && modelctl build");
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    return scratch / "digits";
  }

  // Runs a client with the two ports; it fails if an assertion of it does.
  void answers(const std::string& client, const std::string& packages) const {
    std::string python = python_of_clients();
    if (shell(folder, python + " -c 'import " + packages + "'").exit_code != 0) {
      std::printf("skipped: %s has not all of: %s\n", python.c_str(), packages.c_str());
      return;
    }
    auto ran = shell(folder,
                     python + " " MODELCTL_CLIENTS "/" + client + " " + std::to_string(serving.port) + " " + grpc_port);
    CHECK_MESSAGE(ran.exit_code == 0, ran.out, ran.err);
  }
};

const Digits& digits() {
  static const Digits served;
  return served;
}

}  // namespace

TEST_CASE("MLflow's own client is answered") { digits().answers("mlflow_client.py", "mlflow, numpy, pandas, scipy"); }

TEST_CASE("boto3's client of SageMaker is answered") { digits().answers("boto3_client.py", "boto3, numpy"); }

TEST_CASE("Triton's own client is answered with each of its codings") {
  digits().answers("triton_client.py", "numpy, tritonclient.http");
}

TEST_CASE("KServe's own client is answered by its protocols V1 and V2, and by gRPC") {
  digits().answers("kserve_client.py", "kserve, numpy");
}

TEST_CASE("a validator accepts the OpenAPI document, and a client that is generated from it is answered") {
  digits().answers("openapi_client.py", "openapi_spec_validator, openapi_python_client, numpy");
}

TEST_CASE("files of NumPy, compressed bodies and TensorFlow Serving's requests are answered") {
  digits().answers("plain_client.py", "numpy, zstandard");
}

TEST_CASE("'predict' prints what 'run' prints, by either protocol") {
  std::string address = "http://127.0.0.1:" + std::to_string(digits().serving.port);
  auto run = shell(digits().folder, "modelctl run --input samples/images.npy -o run.npy");
  REQUIRE_MESSAGE(run.exit_code == 0, run.err);
  for (const std::string& at : {address, address + "/v2/models/digits", address + "/v2/models/digits/versions/1.0"}) {
    CAPTURE(at);
    auto asked = shell(digits().folder,
                       "modelctl predict " + at + " --input samples/images.npy -o asked.npy && cmp run.npy asked.npy");
    CHECK_MESSAGE(asked.exit_code == 0, asked.err);
  }
  auto plain = shell(digits().folder,
                     "modelctl predict " + address +
                         " --protocol predict --input image=samples/images.npy -o - | grep -c '\"prediction\"'");
  CHECK_MESSAGE(plain.out == "1\n", plain.err);
  auto printed = shell(digits().folder, "modelctl predict " + address + " --input samples/images.npy");
  CHECK(printed.out == shell(digits().folder, "modelctl run --input samples/images.npy").out);
}

TEST_CASE("'predict' sends an image file to a model that takes image files, by either protocol") {
  const test::Scratch scratch;
  auto made = shell(scratch.path(), "modelctl init --example scans && cd scans && modelctl build");
  REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  const auto folder = scratch / "scans";
  commands::Serving serving(folder, "scans.artifact --drain 0");
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  std::string address = "http://127.0.0.1:" + std::to_string(serving.port),
              computed = "modelctl run --input samples/01.png";
  auto asked = shell(folder, "modelctl predict " + address + " --input samples/01.png");
  CHECK_MESSAGE(asked.out == shell(folder, computed).out, asked.err);
  auto plain = shell(folder, "modelctl predict " + address + " --protocol predict --input samples/01.png -o -");
  CHECK_MESSAGE(plain.out.find("\"6\"") != std::string::npos, plain.err);
  auto form = shell(folder, "curl -sS -F image=@samples/01.png -F image=@samples/03.jpg " + address + "/predict");
  CHECK_MESSAGE(form.out.find("\"label\":[[\"6\"") != std::string::npos, form.out);
}

TEST_CASE("'predict' does not wait longer for a server that says nothing than '--timeout' says") {
  const test::Scratch scratch;
  auto ran = shell(scratch.path(),
                   "{ python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); "
                   "print(s.getsockname()[1], flush=True); __import__(\"time\").sleep(60)' > port & server=$!; }; " +
                       wait_until("-s port") +
                       "modelctl predict http://127.0.0.1:$(cat port) --timeout 0.2 --input '[1]'; code=$?; kill "
                       "$server; exit $code");
  CHECK(ran.exit_code == 75);
  CHECK(ran.err.find("timed-out") != std::string::npos);
}

TEST_CASE("'predict' says what is wrong with inputs, models and servers") {
  std::string address = "http://127.0.0.1:" + std::to_string(digits().serving.port);
  auto code = [&](const std::string& arguments) {
    auto ran = shell(digits().folder, "modelctl predict " + arguments);
    return std::pair(ran.exit_code, ran.err);
  };
  auto missing = code(address);
  CHECK(missing.first == 64);
  CHECK(missing.second.find("missing-input") != std::string::npos);
  CHECK(code(address + "/v2/models/other --input samples/images.npy").first == 66);
  CHECK(code("http://127.0.0.1:1 --input samples/images.npy").first == 69);
}
