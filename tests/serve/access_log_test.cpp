// The access log: its lines, where they go, and that no request waits for it.
#include "serve/access_log.hpp"

#include "base/files.hpp"
#include "base/json.hpp"
#include "serve/running.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <sstream>

using namespace modelctl;
using namespace modelctl::serve;
using test::HttpClient;
using test::Running;

namespace {

std::vector<Json> lines(const std::filesystem::path& path) {
  std::vector<Json> all;
  std::istringstream text(read_text_file(path).value_or(""));
  for (std::string line; std::getline(text, line);) all.push_back(parse_json(line, "line").value());
  return all;
}

std::vector<Json> wait_for_lines(const std::filesystem::path& path, std::size_t count) {
  for (int tries = 0; tries < 1000 && lines(path).size() < count; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return lines(path);
}

Settings logging_to(const std::filesystem::path& path) {
  Settings settings;
  settings.access_log = path;
  return settings;
}

AccessRecord record(int status = 200, std::string id = "1") {
  AccessRecord record;
  record.identity.id = std::move(id);
  record.method = "GET";
  record.status = status;
  return record;
}

}  // namespace

TEST_CASE("a line has what the schema of the access log names, and a whole record has all of it") {
  AccessRecord full = record();
  full.identity = RequestIdentities().identify("id", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  full.client = "::1";
  full.protocol = "v2";
  full.route = "/v2/models/{model}/infer";
  full.path = "/x";
  full.served = {"app", "digits", "1.0", 0.25, 0.5};
  full.grpc_status = 0;
  full.aborted = true;
  Json schema =
      parse_json(read_text_file(MODELCTL_SOURCE_DIR "/docs/reference/access-log.schema.json").value(), "schema")
          .value();
  Json line = parse_json(access_line(full), "line").value();
  for (const auto& [key, value] : line.items()) CHECK_MESSAGE(schema["properties"].contains(key), key);
  for (const auto& [key, value] : schema["properties"].items()) CHECK_MESSAGE(line.contains(key), key);
  Json least = parse_json(access_line(record()), "line").value();
  for (const auto& key : schema["required"]) CHECK_MESSAGE(least.contains(key.get<std::string>()), key);
}

TEST_CASE("each request is a line, without what its query and body say") {
  test::Scratch scratch;
  Running running(logging_to(scratch / "log"));
  REQUIRE(running.service.access_log.open());
  HttpClient client(running.port());
  client.send(
      "POST /v2/models/twice/infer?secret=1 HTTP/1.1\r\nHost: test\r\nX-Request-Id: first\r\nContent-Length: 74\r\n\r\n"
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[12345,1]}]})");
  auto answer = client.receive();
  REQUIRE(answer.status == 200);
  CHECK(answer.headers.find("X-Request-Id: first\r\n") != std::string::npos);
  CHECK(client.get("/nothing?secret=1").status == 404);
  auto all = wait_for_lines(scratch / "log", 2);
  REQUIRE(all.size() == 2);
  CHECK(all[0]["id"] == "first");
  CHECK(all[0]["client"] == "127.0.0.1");
  CHECK(all[0]["protocol"] == "v2");
  CHECK(all[0]["method"] == "POST");
  CHECK(all[0]["route"] == "/v2/models/{model}/infer");
  CHECK(all[0]["model"] == "twice");
  CHECK(all[0]["version"] == "7");
  CHECK(all[0]["status"] == 200);
  CHECK(all[0]["received"] == 74);
  CHECK(all[0]["sent"] == answer.body.size());
  CHECK(all[0]["seconds"].get<double>() >= all[0]["compute_seconds"].get<double>());
  CHECK(all[1]["path"] == "/nothing");
  CHECK(all[1]["status"] == 404);
  std::string text = read_text_file(scratch / "log").value();
  CHECK(text.find("secret") == text.npos);
  CHECK(text.find("12345") == text.npos);
}

TEST_CASE("bytes that are not a request have an id and a line, too") {
  test::Scratch scratch;
  Running running(logging_to(scratch / "log"));
  REQUIRE(running.service.access_log.open());
  HttpClient client(running.port());
  client.send("nonsense\r\n\r\n");
  auto answer = client.receive();
  CHECK(answer.status == 400);
  CHECK(answer.headers.find("X-Request-Id: ") != std::string::npos);
  CHECK(wait_for_lines(scratch / "log", 1)[0]["status"] == 400);
}

TEST_CASE("a log that was renamed goes on in a new file when it is opened again") {
  test::Scratch scratch;
  Settings settings = logging_to(scratch / "log");
  Metrics metrics;
  AccessLog log(settings, metrics);
  REQUIRE(log.open());
  log.write(record());
  REQUIRE(wait_for_lines(scratch / "log", 1).size() == 1);
  std::filesystem::rename(scratch / "log", scratch / "log.1");
  REQUIRE(log.reload());
  log.write(record());
  CHECK(wait_for_lines(scratch / "log", 1).size() == 1);
  CHECK(lines(scratch / "log.1").size() == 1);
}

TEST_CASE("a sample has every failure, and of the rest the same requests in every server") {
  test::Scratch scratch;
  Settings settings = logging_to(scratch / "log");
  settings.access_log_every = 10;
  Metrics metrics;
  {
    AccessLog log(settings, metrics);
    REQUIRE(log.open());
    for (int i = 0; i < 1000; ++i) log.write(record(200, std::to_string(i / 2)));
    for (int i = 0; i < 10; ++i) log.write(record(500));
  }
  std::map<std::string, int> seen;
  for (const Json& line : lines(scratch / "log"))
    ++seen[line["status"] == 500 ? "failed" : line["id"].get<std::string>()];
  CHECK(seen["failed"] == 10);
  CHECK(seen.size() > 10);
  CHECK(seen.size() < 200);
  for (const auto& [id, count] : seen) CHECK((count == 2 || id == "failed"));
}

TEST_CASE("a reader that does not keep up loses lines, which are counted, and no request waits") {
  test::Scratch scratch;
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  Descriptor reader(::open((scratch / "pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Settings settings = logging_to(scratch / "pipe");
  Metrics metrics;
  {
    AccessLog log(settings, metrics);
    REQUIRE(log.open());
    for (int i = 0; i < 20000; ++i) log.write(record());
  }
  std::string text = metrics.text(false);
  std::size_t at = text.find("\nmodelctl_access_log_dropped_total ");
  REQUIRE(at != text.npos);
  CHECK(std::stoi(text.substr(at + 35)) > 10000);
}

TEST_CASE("a log that cannot be written is reported once, and one that cannot be opened at once") {
  Settings settings = logging_to("/dev/full");
  Metrics metrics;
  AccessLog log(settings, metrics);
  REQUIRE(log.open());
  std::optional<Error> fault;
  for (int tries = 0; tries < 1000 && !fault; ++tries) {
    log.write(record());
    fault = log.take_fault();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  REQUIRE(fault);
  CHECK(fault->what == "cannot write the access log '/dev/full'");
  Settings nowhere = logging_to("/nowhere/log");
  AccessLog none(nowhere, metrics);
  CHECK(none.open().error().kind == Kind::not_found);
}
