// What operators do with a server that is running, with curl as their client and the files and signals that they use.
#include "digits.hpp"

#include <csignal>

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
