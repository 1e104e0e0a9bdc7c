// The flag is global, because a signal handler has no argument for it.
#include "base/reload_signal.hpp"

#include <atomic>

namespace modelctl {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

// SA_RESTART: unlike a stop, a reload must not end a read that is under way.
ReloadSignal::ReloadSignal() {
  requested = false;
  struct sigaction action {};
  action.sa_handler = [](int) { requested = true; };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGHUP, &action, &before_);
}

ReloadSignal::~ReloadSignal() { ::sigaction(SIGHUP, &before_, nullptr); }

bool ReloadSignal::take() { return requested.exchange(false); }

}  // namespace modelctl
