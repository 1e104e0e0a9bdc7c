// What operators do with a server that is running, with curl as their client and the files and signals that they use.
#include "digits.hpp"

#include <csignal>
#include <cstdio>

using namespace modelctl;
using commands::digits;
using commands::eventually;
using commands::Serving;
using commands::shell;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view text) { REQUIRE(write_file(path, as_bytes(text), 0600)); }

// The status of a request, and its response, by curl.
std::string curl(const Serving& serving, const std::string& path, const std::string& options = "") {
  return shell(digits().folder, "curl -sS --noproxy '*' --max-time 20 -o /dev/null -w '%{http_code}' " + options +
                                    " http://127.0.0.1:" + std::to_string(serving.port) + path)
      .out;
}

}  // namespace

TEST_CASE("clients have tokens for what they may do, which are replaced while the server runs") {
  test::Scratch scratch;
  write(scratch / "tokens", "app predict predict-0123456789\nprometheus metrics metrics-0123456789\n");
  write(scratch / "token", "predict-0123456789\n");
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 0 --tokens " + (scratch / "tokens").string());
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  const std::string infer = "-d @samples/request.json", app = " -H 'Authorization: bearer predict-0123456789'";
  CHECK(curl(serving, "/v2/models/digits/infer", infer) == "401");
  CHECK(curl(serving, "/v2/models/digits/infer", infer + app) == "200");
  CHECK(curl(serving, "/metrics", app) == "403");
  CHECK(curl(serving, "/metrics", "-H 'Authorization: Bearer metrics-0123456789'") == "200");
  CHECK(curl(serving, "/v2/repository/models/digits/unload", "-X POST" + app) == "403");

  std::string predict =
      "modelctl predict http://127.0.0.1:" + std::to_string(serving.port) + " --input samples/one.npy";
  CHECK(shell(digits().folder, predict).exit_code == 77);
  auto predicted = shell(digits().folder, predict + " --token-file " + (scratch / "token").string());
  CHECK_MESSAGE(predicted.exit_code == 0, predicted.err);

  write(scratch / "tokens", "app predict replaced-0123456789\n");
  serving.program.signal(SIGHUP);
  CHECK(eventually([&] { return curl(serving, "/v2/models/digits/infer", infer + app) == "401"; }));
  CHECK(curl(serving, "/v2/models/digits/infer", infer + " -H 'Authorization: Bearer replaced-0123456789'") == "200");
  write(scratch / "tokens", "app predict short\n");
  CHECK(eventually([&] { return serving.log_text().find("warning[bad-tokens]") != std::string::npos; }));
  CHECK(serving.log_text().find("short") == std::string::npos);
  CHECK(curl(serving, "/v2/models/digits/infer", infer + " -H 'Authorization: Bearer replaced-0123456789'") == "200");
}

TEST_CASE("the access log has each request, and goes on in a new file after it was renamed") {
  test::Scratch scratch;
  fs::path log = scratch / "log";
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 0 --access-log " + log.string());
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  auto has = [&](const std::string& text) {
    return eventually([&] { return read_text_file(log).value_or("").find(text) != std::string::npos; });
  };
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  auto response = shell(digits().folder, "curl -sS -i --noproxy '*' -H 'traceparent: 00-" + trace +
                                             "-00f067aa0ba902b7-01' -d @samples/request.json http://127.0.0.1:" +
                                             std::to_string(serving.port) + "/v2/models/digits/infer");
  CHECK(response.out.find("X-Request-Id: " + trace) != std::string::npos);
  CHECK(response.out.find("traceresponse: 00-" + trace + "-") != std::string::npos);
  CHECK(has("\"id\": \"" + trace + "\""));
  fs::rename(log, scratch / "log.1");
  serving.program.signal(SIGHUP);
  CHECK(eventually([&] { return fs::exists(log); }));
  CHECK(curl(serving, "/livez", "-H 'X-Request-Id: after'") == "200");
  CHECK(has("\"id\": \"after\""));
}

TEST_CASE("operators have a unix socket of their own, without a token, and clients do not have its routes") {
  test::Scratch scratch;
  fs::path socket = scratch / "admin.sock", log = scratch / "log";
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 0 --access-log " + log.string() +
                                       " --admin unix:" + socket.string());
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  CHECK(serving.log_text().find("listening on unix:" + socket.string() + " for operators\n") != std::string::npos);
  auto admin = [&](const std::string& rest) {
    return shell(digits().folder,
                 "curl -sS --fail-with-body --unix-socket " + socket.string() + " http://admin" + rest);
  };
  CHECK(admin("/readyz").exit_code == 0);
  CHECK(admin("/admin/log").out == "{\"level\":\"info\",\"access_log_every\":1}\n");
  auto changed = admin(R"(/admin/log -X PUT -d '{"level": "warning", "access_log_every": 1000000}')");
  CHECK(changed.out == "{\"level\":\"warning\",\"access_log_every\":1000000}\n");
  CHECK(admin(R"(/admin/log -X PUT -d '{"access_log_every": 0}')").exit_code != 0);
  CHECK(admin(R"(/admin/models/digits/routing -X PUT -d '{"weights": {"1.0": 1}}')").exit_code == 0);
  CHECK(admin("/v2/repository/models/digits/unload -X POST").exit_code == 0);
  CHECK(curl(serving, "/readyz") == "503");
  CHECK(admin("/v2/repository/models/digits/load -X POST").exit_code == 0);
  CHECK(curl(serving, "/readyz") == "200");
  CHECK(curl(serving, "/admin/log") == "404");
  CHECK(curl(serving, "/admin/models/digits/routing") == "404");
  CHECK(curl(serving, "/v2/repository/models/digits/unload", "-X POST") == "403");
  CHECK(serving.log_text().find("unloaded:") == std::string::npos);
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
  CHECK_FALSE(fs::exists(socket));
}

TEST_CASE("a server that a manager starts for its first connection serves on the manager's sockets") {
  std::string activate = test::find_program("systemd-socket-activate");
  if (activate.empty()) {
    std::printf("skipped: there is no program systemd-socket-activate on this machine\n");
    return;
  }
  test::Scratch scratch;
  int port = test::free_port();
  test::Program manager({activate, "--listen", "127.0.0.1:" + std::to_string(port), "--listen",
                         (scratch / "sock").string(), "--fdname", "http:admin", MODELCTL, "serve",
                         (digits().folder / "digits.tar").string(), "--key", (digits().folder / "me.pub").string(),
                         "--drain", "0", "--listen", "127.0.0.1:1", "--admin", "unix:/nowhere/socket"},
                        port, scratch / "log");
  std::string url = "http://127.0.0.1:" + std::to_string(port);
  CHECK(shell("/", "curl -sS --noproxy '*' --retry 50 --retry-delay 0 --fail " + url + "/readyz").exit_code == 0);
  CHECK(shell("/", "curl -sS --unix-socket " + (scratch / "sock").string() + " http://admin/admin/log").out ==
        "{\"level\":\"info\",\"access_log_every\":1}\n");
  manager.signal(SIGTERM);
  CHECK(manager.wait() == 0);
}

TEST_CASE("packages of a folder are served as they come, are replaced and go, and a broken one harms nobody") {
  test::Scratch scratch;
  fs::path models = scratch / "models";
  fs::create_directory(models);
  fs::copy_file(digits().folder / "digits.tar", models / "digits.tar");
  Serving serving(scratch.path(),
                  "--models " + models.string() + " --key " + (digits().folder / "me.pub").string() + " --drain 0");
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  auto index = [&] {
    return shell("/", "curl -sS --noproxy '*' -X POST http://127.0.0.1:" + std::to_string(serving.port) +
                          "/v2/repository/index")
        .out;
  };
  auto becomes = [&](const std::string& text) {
    return eventually([&] { return index().find(text) != std::string::npos; });
  };
  CHECK(becomes(R"("name":"digits","version":"1.0","state":"READY")"));

  write(models / ".hidden.tar", "being copied");
  write(models / "broken.tar", "not a package");
  CHECK(becomes(R"("name":"broken.tar","state":"FAILED")"));
  CHECK(index().find(".hidden") == std::string::npos);
  CHECK(curl(serving, "/readyz") == "200");
  fs::copy_file(digits().folder / "digits.artifact", models / ".new");
  fs::rename(models / ".new", models / "other.artifact");
  CHECK(becomes(R"("name":"other","version":"1","state":"READY")"));
  fs::remove(models / "broken.tar");
  fs::remove(models / "other.artifact");
  CHECK(becomes(R"("name":"other","version":"1","state":"UNAVAILABLE")"));
  CHECK(eventually([&] { return index().find("broken") == std::string::npos; }));

  // A package that nobody who is trusted signed takes the place of the good one: that goes on.
  write(scratch / "unsigned", "x");
  fs::rename(scratch / "unsigned", models / "digits.tar");
  CHECK(becomes(R"("name":"digits.tar","state":"FAILED")"));
  CHECK(curl(serving, "/readyz") == "200");
  fs::remove(models / "digits.tar");
  CHECK(eventually([&] { return curl(serving, "/readyz") == "503"; }));
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
}

TEST_CASE("a folder with more models than are served is warned of") {
  test::Scratch scratch;
  fs::create_directory(scratch / "models");
  for (int i = 0; i <= 1000; ++i) write(scratch / ("models/" + std::to_string(i) + ".onnx"), "not a model");
  Serving serving(scratch.path(), "--models models --drain 0");
  CHECK(eventually([&] { return serving.log_text().find("warning[too-many-models]") != std::string::npos; }));
  CHECK(serving.log_text().find("there are 1001 files, and 1000 are served at most") != std::string::npos);
  CHECK(curl(serving, "/livez") == "200");
}
