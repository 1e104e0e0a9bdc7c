// Clock, environment and random numbers of the system; its processes are in system_processes.cpp.
#include "base/system_host.hpp"

#include "base/check.hpp"
#include "base/descriptor.hpp"

#include <sys/random.h>
#include <algorithm>
#include <cstdlib>
#include <thread>

namespace modelctl {
namespace {

// How long a stop may go unnoticed while something else is waited for.
constexpr std::chrono::milliseconds notice{50};

}  // namespace

std::chrono::system_clock::time_point SystemClock::now() { return std::chrono::system_clock::now(); }
std::chrono::steady_clock::time_point SystemClock::steady() { return std::chrono::steady_clock::now(); }

bool SystemClock::sleep(std::chrono::milliseconds time) {
  auto end = steady() + time;
  while (!stop_.stopped()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady());
    if (left.count() <= 0) return true;
    std::this_thread::sleep_for(std::min(left, notice));
  }
  return false;
}

std::optional<std::string> SystemEnvironment::get(const std::string& name) const {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void SystemRandom::fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t n = retry_interrupted([&] { return ::getrandom(bytes.data(), bytes.size(), 0); });
    MODELCTL_CHECK(n > 0, "the system provides random bytes");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace modelctl
