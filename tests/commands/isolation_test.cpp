// `serve --isolate` as operators run it: what becomes of requests when worker processes are killed, crash and stop, and
// what is left of them when they are not needed any more.
#include "digits.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>

using namespace modelctl;
using commands::digits;
using commands::eventually;
using commands::Serving;
using commands::shell;
using test::HttpClient;
namespace fs = std::filesystem;

namespace {

// The package digits.tar of the example, and a later version of it, next.tar.
const fs::path& two_versions() {
  static const test::Scratch scratch;
  static const fs::path folder = [] {
    fs::path made = scratch / "served";
    fs::create_directory(made);
    for (const char* file : {"digits.tar", "me.pub"}) fs::copy_file(digits().folder / file, made / file);
    auto packed = shell(digits().folder, "modelctl pack --key me.key --version 1.1 -o " + (made / "next.tar").string());
    REQUIRE_MESSAGE(packed.exit_code == 0, packed.err);
    std::ofstream(made / "token") << "isolated-0123456789\n";
    fs::permissions(made / "token", fs::perms::owner_read);
    return made;
  }();
  return folder;
}

std::ptrdiff_t entries(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), {}); }

// A server with its worker processes.
struct Isolated : Serving {
  explicit Isolated(const std::string& arguments, const std::string& drain = "0")
      : Serving(two_versions(), arguments + " --key me.pub --isolate --drain " + drain) {
    REQUIRE_MESSAGE(ready(), log_text());
  }
  fs::path proc() const { return "/proc/" + std::to_string(program.process()); }
  std::set<int> workers() const {
    std::set<int> all;
    for (const auto& thread : fs::directory_iterator(proc() / "task")) {
      std::ifstream children(thread.path() / "children");
      for (int child; children >> child;) all.insert(child);
    }
    return all;
  }
  int predict(const std::string& path = "/v2/models/digits/infer") const {
    return HttpClient(at()).post(path, digits().request()).status;
  }
  // Descriptors, threads, mappings of shared memory and processes: what could be left behind.
  std::array<std::ptrdiff_t, 4> resources() const {
    std::ifstream maps(proc() / "maps");
    std::ptrdiff_t shared = 0;
    for (std::string line; std::getline(maps, line);) shared += line.find("memfd:modelctl-tensors") != line.npos;
    return {entries(proc() / "fd"), entries(proc() / "task"), shared, std::ssize(workers())};
  }
};

// Clients that send one request after the other until they are stopped.
class Load {
 public:
  explicit Load(std::uint16_t port) {
    for (int i = 0; i < 8; ++i) {
      clients_.emplace_back([this, port] {
        HttpClient client(port);
        for (bool open = true; open && !stop_;) {
          auto answer = client.post("/v2/models/digits/infer", digits().request());
          ++(answer.status == 200 ? good : answer.status == 503 ? later : other);
          open = answer.status != 0 && answer.headers.find("Connection: close") == std::string::npos;
        }
      });
    }
  }
  void stop() {
    stop_ = true;
    for (std::thread& client : clients_) client.join();
    clients_.clear();
  }
  ~Load() { stop(); }

  std::atomic<int> good{0}, later{0}, other{0};

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> clients_;
};

bool has_ended(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  return text.empty() || text.find(") Z") != std::string::npos;
}

}  // namespace

TEST_CASE("worker processes are killed, crash and stop under load, and the other version answers every request") {
  Isolated serving("digits.tar next.tar");
  Load load(serving.at());
  for (int signal : {SIGKILL, SIGSEGV, SIGSTOP, SIGKILL, SIGKILL}) {
    CAPTURE(signal);
    CHECK(eventually([&] { return serving.workers().size() == 2; }));
    for (const char* version : {"1.0", "1.1"})
      CHECK(eventually([&] {
        return HttpClient(serving.at()).get(std::string("/v2/models/digits/versions/") + version + "/ready").status ==
               200;
      }));
    const std::set<int> workers = serving.workers();
    REQUIRE(workers.size() == 2);
    const int victim = signal == SIGSEGV ? *workers.begin() : *workers.rbegin();
    const int before = load.good;
    ::kill(victim, signal);
    CHECK(eventually([&] { return !serving.workers().contains(victim) && load.good > before + 100; }));
  }
  load.stop();
  CHECK(load.later == 0);
  CHECK(load.other == 0);
  const std::string metrics = HttpClient(serving.at()).get("/metrics").body;
  for (const char* reason : {"killed", "crashed", "hung"})
    CHECK(metrics.find("reason=\"" + std::string(reason) + "\"} ") != std::string::npos);
  CHECK(serving.log_text().find("warning[worker-ended]") != std::string::npos);
}

TEST_CASE("with one version, a worker process that is killed leaves requests to its successor or to a 503") {
  Isolated serving("digits.tar");
  Load load(serving.at());
  for (int kills = 0; kills < 3; ++kills) {
    const int before = load.good;
    CHECK(eventually([&] { return load.good > before + 50 && !serving.workers().empty(); }));
    for (int worker : serving.workers()) ::kill(worker, SIGKILL);
  }
  CHECK(eventually([&] { return serving.predict() == 200; }));
  load.stop();
  CHECK(load.other == 0);
}

TEST_CASE("worker processes end with the server, however it ends") {
  for (int signal : {SIGKILL, SIGTERM}) {
    Isolated serving("digits.tar next.tar");
    const std::set<int> workers = serving.workers();
    CHECK(workers.size() == 2);
    ::kill(serving.program.process(), signal);
    CHECK(serving.program.wait() == (signal == SIGTERM ? 0 : -1));
    for (int worker : workers) CHECK(eventually([&] { return has_ended(worker); }));
  }
}

TEST_CASE("a version that is loaded and unloaded a hundred times leaves no process, descriptor and memory behind") {
  Isolated serving("digits.tar --admin-token token");
  HttpClient client(serving.at());
  auto ask = [&](const std::string& action) {
    client.send("POST /v2/repository/models/digits/" + action +
                " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer isolated-0123456789\r\nContent-Length: 0\r\n\r\n");
    return client.receive().status;
  };
  CHECK(ask("unload") == 200);
  CHECK(ask("load") == 200);
  CHECK(serving.predict() == 200);
  CHECK(eventually([&] { return serving.workers().size() == 1; }));
  const auto before = serving.resources();  // with connections that are being closed, perhaps
  for (int i = 0; i < 100; ++i) {
    REQUIRE(ask("unload") == 200);
    REQUIRE(ask("load") == 200);
  }
  CHECK(serving.predict() == 200);
  CHECK(eventually([&] { return std::ranges::equal(serving.resources(), before, std::less_equal()); }));
}

TEST_CASE("after SIGTERM under load each request that was sent is answered") {
  Isolated serving("digits.tar next.tar", "1");
  Load load(serving.at());
  CHECK(eventually([&] { return load.good > 100; }));
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
  load.stop();
  CHECK(load.later == 0);
  CHECK(load.other == 0);
}

TEST_CASE("packages of a folder have worker processes as they come and go") {
  test::Scratch scratch;
  const fs::path models = scratch / "models";
  fs::create_directory(models);
  fs::copy_file(two_versions() / "digits.tar", models / "digits.tar");
  Isolated serving("--models " + models.string());
  CHECK(serving.workers().size() == 1);
  fs::copy_file(two_versions() / "next.tar", models / ".next");
  fs::rename(models / ".next", models / "next.tar");
  CHECK(eventually([&] { return serving.predict("/v2/models/digits/versions/1.1/infer") == 200; }));
  CHECK(serving.workers().size() == 2);
  fs::remove(models / "digits.tar");
  CHECK(eventually([&] { return serving.workers().size() == 1; }));
  CHECK(serving.predict() == 200);
}
