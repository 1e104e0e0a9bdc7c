// A server whose program is replaced while clients use it: SIGUSR2, with the real binary behind a symbolic link that
// leads to whatever it is replaced by.
#include "digits.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>

using namespace modelctl;
using commands::digits;
using commands::eventually;
using commands::Serving;
using commands::shell;
using test::HttpClient;
namespace fs = std::filesystem;

namespace {

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != text.npos; at += word.size()) ++found;
  return found;
}

// A folder with a package and a program, both of which can be replaced, and a server that was started there.
struct Replaceable {
  test::Scratch scratch;
  int grpc = test::free_port();
  Serving serving;

  explicit Replaceable(const std::string& arguments = "", const std::string& environment = "")
      : serving(
            prepared(scratch.path()),
            "digits.tar --drain 0 --admin unix:admin.sock --grpc 127.0.0.1:" + std::to_string(grpc) + " " + arguments,
            environment + " exec ./program") {
    REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  }
  // Processes that replaced the first one are ours once that has ended.
  ~Replaceable() {
    if (int last = last_process(); last > 0) ::kill(last, SIGKILL);
  }

  static fs::path prepared(const fs::path& folder) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    fs::copy_file(digits().folder / "digits.tar", folder / "digits.tar");
    fs::create_symlink(MODELCTL, folder / "program");
    return folder;
  }
  void lead_program_to(const fs::path& target) {
    fs::create_symlink(target, scratch / "new");
    fs::rename(scratch / "new", scratch / "program");
  }
  void write_program(std::string_view script) {
    REQUIRE(write_file(scratch / "script", as_bytes(script), 0700));
    lead_program_to(scratch / "script");
  }
  // Of what serves now: the last one that replaced another, or 0.
  int last_process() const {
    std::string log = serving.log_text();
    constexpr std::string_view before = "replaced the server: process ";
    std::size_t at = log.rfind(before);
    return at == log.npos ? 0 : std::atoi(log.c_str() + at + before.size());
  }
  bool logs(std::string_view text, std::size_t times = 1) {
    return eventually([&] { return count(serving.log_text(), text) >= times; });
  }
  bool predicts() { return HttpClient(serving.at()).post("/v2/models/digits/infer", digits().request()).status == 200; }
  bool admin_answers() {
    return shell(scratch.path(), "curl -sS --fail --unix-socket admin.sock http://admin/admin/log").exit_code == 0;
  }
};

// Clients that keep their connections and clients that do not, and what they got.
class Load {
 public:
  explicit Load(std::uint16_t port) : port_(port) {
    for (bool keeps : {true, true, false, false}) threads_.emplace_back([this, keeps] { run(keeps); });
  }
  ~Load() { stop(); }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  std::atomic<int> answered{0}, failed{0};

 private:
  void run(bool keeps) {
    std::string request = digits().request();
    std::optional<HttpClient> client;
    while (!stop_) {
      if (!client) client.emplace(port_);
      auto answer = client->post("/v2/models/digits/infer", request);
      ++(answer.status == 200 ? answered : failed);
      if (!keeps || answer.status == 0 || answer.headers.find("\r\nConnection: close") != std::string::npos)
        client.reset();
    }
  }
  std::uint16_t port_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("a server that is replaced five times under load refuses no connection and fails no request") {
  Replaceable server;
  Load load(server.serving.at());
  for (std::size_t times = 1; times <= 5; ++times) {
    if (times == 1) server.serving.program.signal(SIGUSR2);
    else ::kill(server.last_process(), SIGUSR2);
    REQUIRE_MESSAGE(server.logs("replaced the server: process ", times), server.serving.log_text());
    if (times == 1) CHECK(server.serving.program.wait() == 0);
    int before = load.answered;
    CHECK(eventually([&] { return load.answered > before + 50; }));
    CHECK(server.admin_answers());
    auto health = shell("/",
                        "curl -sS -o /dev/null -w '%header{grpc-status}' --http2-prior-knowledge -H 'te: trailers' "
                        "-H 'content-type: application/grpc' --data-raw '' http://127.0.0.1:" +
                            std::to_string(server.grpc) + "/grpc.health.v1.Health/Check");
    CHECK(health.exit_code == 0);
  }
  load.stop();
  CHECK(load.failed == 0);
  CHECK(load.answered > 0);
  int last = server.last_process(), status = 0;
  ::kill(last, SIGTERM);
  CHECK(eventually([&] { return ::waitpid(last, &status, WNOHANG) == last; }));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_FALSE(fs::exists(server.scratch / "admin.sock"));
}

TEST_CASE("a new program or model that is broken leaves the old server as it was, and the reason is reported") {
  Replaceable server;
  auto refused = [&](std::string_view why, std::size_t times) {
    server.serving.program.signal(SIGUSR2);
    CHECK_MESSAGE(server.logs("warning[server-not-replaced]: cannot replace the server by ", times),
                  server.serving.log_text());
    CHECK_MESSAGE(server.logs(why), server.serving.log_text());
    CHECK(server.predicts());
    CHECK(server.admin_answers());
  };
  server.lead_program_to("/nowhere/modelctl");
  refused("No such file or directory", 1);
  server.write_program("not a program");
  refused("Exec format error", 2);
  server.write_program("#!/bin/sh\nexit 3\n");
  refused("the new process ended with exit code 3 before it was ready", 3);
  server.lead_program_to(MODELCTL);
  REQUIRE(write_file(server.scratch / "broken", as_bytes("not a package")));
  fs::rename(server.scratch / "broken", server.scratch / "digits.tar");
  refused("the new process ended with exit code 65 before it was ready", 4);
  server.serving.program.signal(SIGTERM);
  CHECK(server.serving.program.wait() == 0);
  CHECK_FALSE(fs::exists(server.scratch / "admin.sock"));
}

TEST_CASE("a new program that does not become ready is ended, after a limit or with the server") {
  for (const char* limit : {"0.2", "1000"}) {
    CAPTURE(limit);
    Replaceable server(std::string("--replace-timeout ") + limit);
    server.write_program("#!/bin/sh\nexec sleep 1000\n");
    server.serving.program.signal(SIGUSR2);
    REQUIRE(server.logs("replacing the server: started process "));
    std::string log = server.serving.log_text();
    int started = std::atoi(log.c_str() + log.find("started process ") + 16);
    if (std::string_view(limit) == "1000") {
      server.serving.program.signal(SIGUSR2);
      CHECK(server.logs("warning[already-replacing]: "));
    } else {
      CHECK(server.logs("the new process was not ready within 0.2 s, and was ended"));
    }
    CHECK(server.predicts());
    server.serving.program.signal(SIGTERM);
    CHECK(server.serving.program.wait() == 0);
    CHECK(::kill(started, 0) != 0);
  }
}

TEST_CASE("the service manager hears of the new process from the old one, and then from the new one alone") {
  test::Scratch scratch;
  fs::path path = scratch / "notify";
  Descriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.string().size());
  REQUIRE(::bind(manager.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  Replaceable server("", "NOTIFY_SOCKET=" + path.string());
  std::string heard;
  auto hears = [&](const std::string& text) {
    return eventually([&] {
      char message[256];
      for (ssize_t size = 0; (size = ::recv(manager.number(), message, sizeof message, 0)) > 0;)
        heard += "[" + std::string(message, static_cast<std::size_t>(size)) + "]";
      return heard.ends_with(text);
    });
  };
  CHECK_MESSAGE(hears("[READY=1\nSTATUS=serving]"), heard);
  server.serving.program.signal(SIGUSR2);
  CHECK(server.serving.program.wait() == 0);
  std::string main = std::to_string(server.last_process());
  CHECK_MESSAGE(hears("[READY=1\nSTATUS=serving][MAINPID=" + main + "][READY=1\nSTATUS=serving]"), heard);
}
