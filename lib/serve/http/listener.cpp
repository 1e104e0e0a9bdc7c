// A name is resolved to its first address: one listener, one socket.
#include "serve/http/listener.hpp"

#include "base/files.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace modelctl::serve {

namespace net = boost::asio;
using boost::system::error_code;
using tcp = net::ip::tcp;

namespace {

struct Address {
  std::string host, port;
};

Error bad_address(const std::string& text, std::string_view flag) {
  return Error(Kind::usage, "bad-address", fmt::format("cannot listen on '{}'", text))
      .help(fmt::format("give {} as HOST:PORT, as in 127.0.0.1:8080", flag));
}

Result<Address> parse_address(const std::string& text, std::string_view flag) {
  std::size_t colon = std::min(text.rfind(':'), text.size());
  Address address{text.substr(0, colon), text.substr(std::min(colon + 1, text.size()))};
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  std::uint16_t port = 0;
  const char* last = address.port.data() + address.port.size();
  auto [end, code] = std::from_chars(address.port.data(), last, port);
  if (colon == text.size() || address.port.empty() || code != std::errc() || end != last)
    return bad_address(text, flag);
  if (address.host.empty()) address.host = "0.0.0.0";
  return address;
}

Error cannot_listen(const std::string& text, std::string_view flag, const error_code& code) {
  if (code != net::error::address_in_use) return bad_address(text, flag).because(code.message());
  return Error(Kind::conflict, "address-in-use", fmt::format("cannot listen on '{}'", text))
      .because(code.message())
      .help(fmt::format("choose another port with {} HOST:PORT", flag));
}

constexpr std::string_view unix_scheme = "unix:";
constexpr std::string_view temporary_suffix = ".new";

Error cannot_listen_at(const std::string& path, std::string_view flag, std::string reason) {
  return Error(Kind::usage, "bad-address", fmt::format("cannot listen on the unix socket '{}'", path))
      .because(std::move(reason))
      .help(fmt::format("give {} as unix:PATH, with a short path in a folder that you may write", flag));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// The lock, held as long as the process has it, is what keeps two servers apart: of a socket's file alone, nobody can
// say whether it is in use without a race.
Result<Descriptor> lock_beside(const std::string& path, std::string_view flag) {
  std::string name = path + ".lock";
  Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open()) return cannot_listen_at(path, flag, std::strerror(errno));
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Error(Kind::conflict, "address-in-use", fmt::format("cannot listen on the unix socket '{}'", path))
      .because("another server has it")
      .help(fmt::format("choose another path with {} unix:PATH", flag));
}

// Bound under another name and renamed: clients find the old file or the new one, which listens. The mode is set
// before, because bind(2) takes it from there, as the umask restricts it.
Result<ListeningSocket> listen_at(const std::string& path, std::string_view flag) {
  std::string temporary = path + std::string(temporary_suffix);
  if (path.empty() || temporary.size() >= sizeof sockaddr_un::sun_path)
    return cannot_listen_at(path, flag, "the path is empty or too long");
  Descriptor lock = TRY(lock_beside(path, flag));
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
    return cannot_listen_at(path, flag, "there is something that is not a socket");
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = address_of(temporary);
  ::unlink(temporary.c_str());
  bool good = socket.is_open() && ::fchmod(socket.number(), 0600) == 0 &&
              ::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
              ::listen(socket.number(), SOMAXCONN) == 0 && ::stat(temporary.c_str(), &status) == 0 &&
              ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!good) return cannot_listen_at(path, flag, std::strerror(errno));
  return ListeningSocket{std::move(socket), AF_UNIX, {"unix", path, 0}, false, {path, std::move(lock), status.st_ino}};
}

Result<ListeningSocket> listen_on_network(const std::string& text, std::string_view flag) {
  Address address = TRY(parse_address(text, flag));
  error_code code;
  net::io_context io;
  tcp::acceptor acceptor(io);
  tcp::resolver resolver(io);
  auto found = resolver.resolve(address.host, address.port, tcp::resolver::passive, code);
  if (code || found.empty()) return cannot_listen(text, flag, code);
  tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), code);
  // A restart must not wait until the connections of the process before have left TIME_WAIT.
  if (!code) acceptor.set_option(net::socket_base::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(net::socket_base::max_listen_connections, code);
  if (!code) endpoint = acceptor.local_endpoint(code);
  if (code) return cannot_listen(text, flag, code);
  return ListeningSocket{Descriptor(acceptor.release()),
                         endpoint.protocol().family(),
                         {"", address.host, endpoint.port()},
                         endpoint.address().is_unspecified()};
}

union AnyAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un local;
  sockaddr_storage storage;
};

std::string text_of(const AnyAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.any.sa_family == AF_INET) ::inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
  else if (address.any.sa_family == AF_INET6) ::inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof text);
  else return "unix";
  return text;
}

}  // namespace

UnixSocketFile::~UnixSocketFile() {
  struct stat status {};
  if (owned_ && lock_.is_open() && ::stat(path_.c_str(), &status) == 0 && status.st_ino == inode_)
    ::unlink(path_.c_str());
}

bool ListeningSocket::is_unix() const { return family == AF_UNIX; }

int ListeningSocket::take() {
  int taken = ::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, 0);
  descriptor.close();
  return taken;
}

Result<ListeningSocket> listen_on(const std::string& address, std::string_view flag) {
  if (address.starts_with(unix_scheme)) return listen_at(address.substr(unix_scheme.size()), flag);
  return listen_on_network(address, flag);
}

Result<ListeningSocket> adopt(Descriptor descriptor) {
  AnyAddress address{};
  socklen_t size = sizeof address;
  int listens = 0;
  socklen_t listens_size = sizeof listens;
  if (::getsockname(descriptor.number(), &address.any, &size) != 0 ||
      ::getsockopt(descriptor.number(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || listens == 0) {
    return Error(Kind::bad_config, "bad-socket", "cannot use the socket that the service manager passed")
        .because("it is not a stream socket that listens");
  }
  ListeningSocket socket{std::move(descriptor), address.any.sa_family, {}, false};
  if (socket.is_unix()) {
    std::size_t length =
        size > offsetof(sockaddr_un, sun_path) ? ::strnlen(address.local.sun_path, sizeof address.local.sun_path) : 0;
    socket.endpoint = {"unix", std::string(address.local.sun_path, length), 0};
    return socket;
  }
  bool v6 = address.any.sa_family == AF_INET6;
  socket.endpoint = {"", text_of(address), ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port)};
  socket.on_all_interfaces =
      v6 ? IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr) : address.v4.sin_addr.s_addr == INADDR_ANY;
  return socket;
}

// The kernel reports the name under which a unix socket was bound.
Result<ListeningSocket> inherit(Descriptor descriptor, Descriptor lock) {
  ListeningSocket socket = TRY(adopt(std::move(descriptor)));
  socket.inherited = true;
  if (!lock.is_open()) return socket;
  std::string& path = socket.endpoint.address;
  if (path.ends_with(temporary_suffix)) path.resize(path.size() - temporary_suffix.size());
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return socket;  // somebody removed the file
  socket.file = {path, std::move(lock), status.st_ino};
  socket.file.set_owned(false);
  return socket;
}

std::string client_of(int socket) {
  AnyAddress address{};
  socklen_t size = sizeof address;
  return ::getpeername(socket, &address.any, &size) == 0 ? text_of(address) : "";
}

}  // namespace modelctl::serve
