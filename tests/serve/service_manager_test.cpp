// What a service manager hears, on a datagram socket as systemd has one.
#include "serve/service_manager.hpp"

#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

using namespace modelctl;
using namespace modelctl::serve;

namespace {

struct Variables final : Environment {
  std::map<std::string, std::string> values;
  std::optional<std::string> get(const std::string& name) const override {
    auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  }
};

struct Manager {
  test::Scratch scratch;
  Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  Variables environment;

  explicit Manager(bool abstract = false) {
    std::string path = (scratch / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + (abstract ? 1 : 0), path.data(), path.size());
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    if (!abstract) size = sizeof address;
    REQUIRE(::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    environment.values["NOTIFY_SOCKET"] = (abstract ? "@" : "") + path;
  }
  std::string heard() const {
    char text[256];
    ssize_t size = ::recv(socket.number(), text, sizeof text, 0);
    return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
  }
};

}  // namespace

TEST_CASE("the manager hears when the server is ready, reloads and stops") {
  for (bool abstract : {false, true}) {
    Manager manager(abstract);
    ServiceManager server(manager.environment);
    server.ready("serving");
    CHECK(manager.heard() == "READY=1\nSTATUS=serving");
    server.reloading();
    CHECK(manager.heard().substr(0, 27) == "RELOADING=1\nMONOTONIC_USEC=");
    server.stopping();
    CHECK(manager.heard() == "STOPPING=1");
  }
}

TEST_CASE("the watchdog hears twice within its time that the server is alive, if it is meant") {
  using namespace std::chrono_literals;
  Manager manager;
  manager.environment.values["WATCHDOG_USEC"] = "1000000";
  manager.environment.values["WATCHDOG_PID"] = std::to_string(::getpid());
  ServiceManager server(manager.environment);
  std::chrono::steady_clock::time_point now{1h};
  server.alive(now);
  CHECK(manager.heard() == "WATCHDOG=1");
  server.alive(now + 499ms);
  CHECK(manager.heard().empty());
  server.alive(now + 500ms);
  CHECK(manager.heard() == "WATCHDOG=1");
  manager.environment.values["WATCHDOG_PID"] = "1";
  ServiceManager other(manager.environment);
  other.alive(now);
  CHECK(manager.heard().empty());
}

TEST_CASE("without a manager, nothing happens") {
  Variables nothing;
  ServiceManager server(nothing);
  server.ready("serving");
  server.alive(std::chrono::steady_clock::now());
  auto socket = server.take_socket("http");
  REQUIRE(socket);
  CHECK_FALSE(*socket);
  nothing.values = {{"LISTEN_PID", "1"}, {"LISTEN_FDS", "1"}, {"NOTIFY_SOCKET", "/nowhere/socket"}};
  ServiceManager other(nothing);
  other.stopping();
  CHECK_FALSE(*other.take_socket("http"));
}
