// Sockets that listen, and the files of those that have one.
#include "serve/http/listener.hpp"

#include "base/files.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

using namespace modelctl;
using namespace modelctl::serve;
namespace fs = std::filesystem;

namespace {

std::string unix_address(const fs::path& path) { return "unix:" + path.string(); }

bool connects(const fs::path& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return ::connect(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

TEST_CASE("the file of a unix socket is for its owner alone, and goes with the server") {
  test::Scratch scratch;
  fs::path path = scratch / "socket";
  {
    auto socket = listen_on(unix_address(path), "--admin");
    REQUIRE(socket);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(connects(path));
    CHECK(socket->endpoint.url() == unix_address(path));
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("the socket of a server that was killed is replaced, and that of one that runs is not") {
  test::Scratch scratch;
  fs::path path = scratch / "socket";
  {
    auto killed = listen_on(unix_address(path), "--admin");
    REQUIRE(killed);
    fs::create_hard_link(path, scratch / "left");
  }
  fs::rename(scratch / "left", path);
  REQUIRE_FALSE(connects(path));
  auto running = listen_on(unix_address(path), "--admin");
  REQUIRE(running);
  CHECK(connects(path));
  auto second = listen_on(unix_address(path), "--admin");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == "address-in-use");
  CHECK(connects(path));
}

TEST_CASE("a file that is not a socket is not replaced, and a long path is refused") {
  test::Scratch scratch;
  REQUIRE(write_file(scratch / "file", {}));
  auto file = listen_on(unix_address(scratch / "file"), "--admin");
  REQUIRE_FALSE(file);
  CHECK(file.error().code == "bad-address");
  CHECK(fs::is_regular_file(scratch / "file"));
  CHECK_FALSE(listen_on(unix_address(scratch / std::string(200, 'a')), "--admin"));
  CHECK_FALSE(listen_on("unix:", "--admin"));
}

TEST_CASE("a socket that listens already is taken, and another one is not") {
  auto socket = listen_on("127.0.0.1:0", "--listen");
  REQUIRE(socket);
  std::uint16_t port = socket->endpoint.port;
  auto same = adopt(std::move(socket->descriptor));
  REQUIRE(same);
  CHECK(same->endpoint.address == "127.0.0.1");
  CHECK(same->endpoint.port == port);
  CHECK_FALSE(same->on_all_interfaces);
  CHECK_FALSE(adopt(Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
}
