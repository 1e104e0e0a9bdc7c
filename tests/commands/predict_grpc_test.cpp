// `modelctl predict --protocol v2-grpc` against `modelctl serve --grpc` and against what is not a gRPC server.
#include "digits.hpp"
#include "support/certificates.hpp"

#include <cstdio>

using namespace modelctl;
using commands::digits;
using commands::Serving;
using commands::shell;

namespace {

// A server with the arguments, by gRPC as well.
struct GrpcServing {
  std::string address = "localhost:" + std::to_string(test::free_port());
  Serving serving;

  GrpcServing(const std::filesystem::path& folder, const std::string& arguments)
      : serving(folder, arguments + " --drain 0 --grpc 127.0.0.1" + address.substr(address.find(':'))) {}
  // Whatever protocol /readyz needs.
  bool ready() {
    return commands::eventually([&] { return serving.log_text().find("ready:") != std::string::npos; });
  }
};

ProcessResult predict(const std::string& arguments, const std::filesystem::path& folder = digits().folder) {
  return shell(folder, "modelctl predict --protocol v2-grpc " + arguments);
}

}  // namespace

TEST_CASE("'predict' by gRPC writes what 'run' writes, whatever form the address has") {
  GrpcServing server(digits().folder, "digits.tar --key me.pub");
  REQUIRE_MESSAGE(server.ready(), server.serving.log_text());
  auto run = shell(digits().folder, "modelctl run --input samples/images.npy -o run.npy");
  REQUIRE_MESSAGE(run.exit_code == 0, run.err);
  for (const std::string& url : {server.address, "grpc://" + server.address, "http://" + server.address,
                                 "grpc://" + server.address + "/v2/models/digits/versions/1.0"}) {
    CAPTURE(url);
    auto asked = predict(url + " --input samples/images.npy -o asked.npy && cmp run.npy asked.npy");
    CHECK_MESSAGE(asked.exit_code == 0, asked.err);
  }
  auto printed = predict(server.address + " --input samples/images.npy");
  CHECK(printed.out == shell(digits().folder, "modelctl run --input samples/images.npy").out);
}

TEST_CASE("'predict' by gRPC goes through a socket of this machine") {
  test::Scratch scratch;
  std::string socket = "unix:" + (scratch / "grpc.sock").string();
  Serving serving(digits().folder, "digits.artifact --drain 0 --grpc " + socket);
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  auto asked = predict(socket + "/v2/models/digits --input samples/one.npy");
  CHECK_MESSAGE(asked.exit_code == 0, asked.err);
}

TEST_CASE("'predict' by gRPC sends an image file to a model that takes image files, and prints labels") {
  const test::Scratch scratch;
  auto made = shell(scratch.path(), "modelctl init --example scans && cd scans && modelctl build");
  REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  const auto folder = scratch / "scans";
  GrpcServing server(folder, "scans.artifact");
  REQUIRE_MESSAGE(server.ready(), server.serving.log_text());
  auto asked = predict(server.address + " --input samples/01.png", folder);
  CHECK_MESSAGE(asked.out == shell(folder, "modelctl run --input samples/01.png").out, asked.err);
}

TEST_CASE("'predict' by gRPC trusts the certificates that it is given, and no others") {
  test::Scratch scratch, other;
  auto certificates = test::make_certificates(scratch), strangers = test::make_certificates(other);
  if (!certificates || !strangers) {
    std::printf("skipped: there is no program openssl on this machine\n");
    return;
  }
  GrpcServing server(digits().folder, "digits.artifact --tls-cert " + certificates->certificate.string() +
                                          " --tls-key " + certificates->key.string());
  REQUIRE_MESSAGE(server.ready(), server.serving.log_text());
  std::string ask = "grpcs://" + server.address + " --input samples/one.npy";
  auto trusted = predict(ask + " --ca-file " + certificates->authority.string());
  CHECK_MESSAGE(trusted.exit_code == 0, trusted.err);
  auto variable = shell(digits().folder, "SSL_CERT_FILE=" + certificates->authority.string() +
                                             " " MODELCTL " predict --protocol v2-grpc " + ask);
  CHECK_MESSAGE(variable.exit_code == 0, variable.err);
  auto stranger = predict(ask + " --ca-file " + strangers->authority.string());
  CHECK(stranger.exit_code == 80);
  CHECK_MESSAGE(stranger.err.find("error[bad-certificate]") != std::string::npos, stranger.err);
  auto plain = predict("grpc://" + server.address + " --input samples/one.npy");
  CHECK_MESSAGE(plain.exit_code == 69, plain.err);
}

TEST_CASE("'predict' by gRPC shows the token in its file to the server, and to no reader") {
  test::Scratch scratch;
  REQUIRE(shell(scratch.path(),
                "printf 'app predict predict-0123456789\\n' > tokens && echo predict-0123456789 > token && "
                "echo wrong-0123456789 > wrong && printf 't\\303\\266k\\303\\266n' > umlauts && chmod 600 *")
              .exit_code == 0);
  GrpcServing server(digits().folder, "digits.artifact --tokens " + (scratch / "tokens").string());
  REQUIRE_MESSAGE(server.ready(), server.serving.log_text());
  std::string ask = server.address + " --input samples/one.npy";
  auto with = [&](const char* file) { return predict(ask + " --token-file " + (scratch / file).string()); };
  auto good = with("token");
  CHECK_MESSAGE(good.exit_code == 0, good.err);
  auto without = predict(ask);
  CHECK(without.exit_code == 77);
  CHECK_MESSAGE(without.err.find("help: pass --token-file") != std::string::npos, without.err);
  auto wrong = with("wrong");
  CHECK(wrong.exit_code == 77);
  CHECK(wrong.err.find("error[token-refused]") != std::string::npos);
  CHECK(wrong.err.find("wrong-0123456789") == std::string::npos);
  CHECK(with("umlauts").exit_code == 78);
}

TEST_CASE("'predict' by gRPC says what is wrong with addresses, ports and servers") {
  Serving http(digits().folder, "digits.artifact --drain 0");
  REQUIRE_MESSAGE(http.ready(), http.log_text());
  auto fails = [&](const std::string& url, int exit_code, const std::string& error) {
    CAPTURE(url);
    auto ran = predict(url + " --input samples/one.npy");
    CHECK(ran.exit_code == exit_code);
    CHECK_MESSAGE(ran.err.starts_with("error[" + error + "]"), ran.err);
  };
  fails("localhost:1", 69, "cannot-connect");
  fails("localhost:" + std::to_string(http.port), 76, "not-grpc");
  fails("grpc://192.0.2.1:8001", 77, "plain-http");
  fails("localhost", 64, "bad-url");
  fails("unix:/nothing/there.sock", 69, "cannot-connect");
  auto mixed = shell(digits().folder, "modelctl predict grpc://localhost:8001 --input samples/one.npy");
  CHECK(mixed.exit_code == 64);
  CHECK(mixed.err.find("help: add --protocol v2-grpc") != std::string::npos);
}

TEST_CASE("'predict' by gRPC does not wait longer for a server that says nothing than '--timeout' says") {
  const test::Scratch scratch;
  auto ran = shell(scratch.path(),
                   "{ python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); "
                   "print(s.getsockname()[1], flush=True); __import__(\"time\").sleep(60)' > port & server=$!; }; "
                   "while [ ! -s port ]; do sleep 0.05; done; modelctl predict 127.0.0.1:$(cat port) "
                   "--protocol v2-grpc --timeout 0.2 --input '[1]'; code=$?; kill $server; exit $code");
  CHECK(ran.exit_code == 75);
  CHECK(ran.err.find("timed-out") != std::string::npos);
}
