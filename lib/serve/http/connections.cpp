// No connection is asked to close under the lock: the reference held here may be its last, and its end takes the lock.
#include "serve/http/connections.hpp"

#include <vector>

namespace modelctl::serve {

std::shared_ptr<Connection> Connections::take_longest(Waiting& waiting) {
  while (!waiting.empty()) {
    auto connection = waiting.begin()->second.lock();
    waiting.erase(waiting.begin());
    if (connection) return connection;
  }
  return nullptr;
}

// A victim is taken out of the order at once, so that each new connection asks another one, but it stays counted until
// it has closed. A victim whose request has arrived in the meantime does not close at all: the bounds on how many are
// counted beyond the limits are for those. Each kind has a bound of its own, because a burst of connections whose
// requests never end would otherwise leave nothing to the reserve.
Admission Connections::admit() {
  std::shared_ptr<Connection> victim;
  Admission admission = Admission::full;
  {
    std::lock_guard lock(mutex_);
    std::size_t full = open_ - in_reserve_;
    if (full >= limits_.connections) {
      if (full < limits_.connections + 2 * limits_.reserve) victim = take_longest(waiting_);
      if (victim == nullptr) {
        if (in_reserve_ >= limits_.reserve) victim = take_longest(waiting_in_reserve_);
        // One that is refused asks for a place, too: its next attempt finds it.
        bool taken = in_reserve_ < limits_.reserve || (victim != nullptr && in_reserve_ < 2 * limits_.reserve);
        admission = taken ? Admission::reserve : Admission::refused;
        if (taken) ++in_reserve_;
      }
    }
    if (admission != Admission::refused) ++open_;
  }
  if (victim) victim->close_if_waiting();
  return admission;
}

void Connections::leave(Ticket ticket, Admission admission) {
  std::lock_guard lock(mutex_);
  waiting_.erase(ticket);
  waiting_in_reserve_.erase(ticket);
  if (admission == Admission::reserve) --in_reserve_;
  if (--open_ == 0) none_.notify_all();
}

Connections::Ticket Connections::start_waiting(const std::shared_ptr<Connection>& connection, Admission admission) {
  std::lock_guard lock(mutex_);
  Ticket ticket = ++last_ticket_;
  Waiting& waiting = admission == Admission::reserve ? waiting_in_reserve_ : waiting_;
  waiting.emplace_hint(waiting.end(), ticket, connection);  // tickets only grow
  return ticket;
}

void Connections::stop_waiting(Ticket ticket) {
  std::lock_guard lock(mutex_);
  waiting_.erase(ticket);
  waiting_in_reserve_.erase(ticket);
}

void Connections::close_longest_waiting() {
  std::shared_ptr<Connection> victim;
  {
    std::lock_guard lock(mutex_);
    victim = take_longest(waiting_);
  }
  if (victim) victim->close_if_waiting();
}

void Connections::close_idle() {
  std::vector<std::shared_ptr<Connection>> idle;
  {
    std::lock_guard lock(mutex_);
    for (const Waiting* waiting : {&waiting_, &waiting_in_reserve_}) {
      for (const auto& [ticket, weak] : *waiting) {
        if (auto connection = weak.lock()) idle.push_back(std::move(connection));
      }
    }
  }
  for (const auto& connection : idle) connection->close_if_idle();
}

void Connections::wait_until_none() {
  std::unique_lock lock(mutex_);
  none_.wait(lock, [this] { return open_ == 0; });
}

void Connections::wait_until_none(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  none_.wait_for(lock, at_most, [this] { return open_ == 0; });
}

}  // namespace modelctl::serve
