// The flags are global, because a signal handler has no argument for them.
#include "base/noted_signal.hpp"

#include <array>
#include <atomic>

namespace modelctl {
namespace {

std::array<std::atomic<bool>, NSIG> noted{};
static_assert(std::atomic<bool>::is_always_lock_free);

std::atomic<bool>& flag(int number) { return noted[static_cast<std::size_t>(number)]; }

}  // namespace

// SA_RESTART: unlike a stop, these must not end a read that is under way.
NotedSignal::NotedSignal(int number) : number_(number) {
  flag(number) = false;
  struct sigaction action {};
  action.sa_handler = [](int received) { flag(received) = true; };
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, &before_);
}

NotedSignal::~NotedSignal() { ::sigaction(number_, &before_, nullptr); }

bool NotedSignal::take() { return flag(number_).exchange(false); }

}  // namespace modelctl
