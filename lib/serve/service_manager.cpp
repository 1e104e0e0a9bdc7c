// A message that cannot be sent is not worth an error: the manager has time-outs of its own.
#include "serve/service_manager.hpp"

#include "base/bytes.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

namespace modelctl::serve {
namespace {

constexpr std::uint64_t most_sockets = 16;

bool is_known(std::string_view name) {
  if (name == ready_pipe || name == "http-lock") return true;
  if (name.ends_with(lock_suffix)) name.remove_suffix(lock_suffix.size());
  return name == "grpc" || name == "admin";
}

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (code != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

// The variables are for one process, and children inherit them.
bool is_for_us(const std::optional<std::string>& process) {
  return number(process) == static_cast<std::uint64_t>(::getpid());
}

std::multimap<std::string, Descriptor> passed_sockets(const Environment& environment) {
  std::multimap<std::string, Descriptor> sockets;
  if (!is_for_us(environment.get("LISTEN_PID"))) return sockets;
  std::string names = environment.get("LISTEN_FDNAMES").value_or("");
  std::uint64_t count = std::min(number(environment.get("LISTEN_FDS")).value_or(0), most_sockets);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::size_t end = std::min(names.find(':'), names.size());
    std::string name = names.substr(0, end);
    names.erase(0, std::min(end + 1, names.size()));
    int descriptor = first_passed_descriptor + static_cast<int>(i);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    sockets.emplace(is_known(name) ? name : "http", Descriptor(descriptor));
  }
  return sockets;
}

}  // namespace

ServiceManager::ServiceManager(const Environment& environment)
    : address_(environment.get("NOTIFY_SOCKET").value_or("")), sockets_(passed_sockets(environment)) {
  predecessor_ = take(ready_pipe);
  auto process = environment.get("WATCHDOG_PID");
  auto time = number(environment.get("WATCHDOG_USEC"));
  if (time && *time > 0 && (!process || is_for_us(process))) watchdog_ = std::chrono::microseconds(*time);
}

Result<std::optional<ListeningSocket>> ServiceManager::take_socket(std::string_view listener) {
  Descriptor socket = take(std::string(listener)), lock = take(std::string(listener) + std::string(lock_suffix));
  if (!socket.is_open()) return std::optional<ListeningSocket>();
  if (replaces()) return TRY(inherit(std::move(socket), std::move(lock)));
  return TRY(adopt(std::move(socket)));
}

Descriptor ServiceManager::take(std::string_view name) {
  auto found = sockets_.find(std::string(name));
  if (found == sockets_.end()) return {};
  Descriptor descriptor = std::move(found->second);
  sockets_.erase(found);
  return descriptor;
}

// A listener that the settings no longer have is closed.
void ServiceManager::take_over() {
  sockets_.clear();
  if (replaces()) write_all(predecessor_.number(), as_bytes("1"));  // if that fails, there is nobody to report it to
}

void ServiceManager::hand_over(int process) {
  notify(fmt::format("MAINPID={}", process));
  address_.clear();
}

void ServiceManager::ready(std::string_view status) { notify(fmt::format("READY=1\nSTATUS={}", status)); }

// The time tells it apart from a message that was sent before the request to reload.
void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

void ServiceManager::stopping() { notify("STOPPING=1"); }

void ServiceManager::alive(std::chrono::steady_clock::time_point now) {
  pollfd pipe{predecessor_.number(), 0, 0};
  if (replaces() && ::poll(&pipe, 1, 0) > 0) {  // the other end is closed
    predecessor_.close();
    ready("serving");
  }
  if (!watchdog_ || now - reported_ < *watchdog_ / 2) return;
  reported_ = now;
  notify("WATCHDOG=1");
}

// A path, or the name of an abstract socket after '@', which begins with a NUL on the wire. As long as the process
// before is there, the manager takes messages from that alone.
void ServiceManager::notify(std::string_view message) {
  if (replaces()) return;
  sockaddr_un address{};
  if (address_.size() < 2 || address_.size() > sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  if (address_.front() == '@') address.sun_path[0] = '\0';
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ::sendto(socket.number(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
           reinterpret_cast<sockaddr*>(&address), size);
}

}  // namespace modelctl::serve
