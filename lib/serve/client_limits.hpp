// How many predictions one client may ask for: each second, and at the same time. A client is who has a token, by the
// token's name, else an address.
#pragma once

#include "serve/metrics.hpp"
#include "serve/settings.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace modelctl::serve {

class ClientLimits {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The metrics outlive it.
  ClientLimits(const Settings& settings, Metrics& metrics);
  ClientLimits(const ClientLimits&) = delete;
  ClientLimits& operator=(const ClientLimits&) = delete;

  struct Entry {
    // Keeps the request among those of its client until it ends; null if there is no limit.
    std::shared_ptr<void> place;
    // If this is above 0, the client has used up what it may, and is asked to wait so many seconds.
    unsigned retry_after = 0;
  };
  // A request of a client begins. Any thread may call it; what it returns may end on any thread, while this lives.
  Entry enter(std::string_view token, std::string_view address, TimePoint now);

  static constexpr std::size_t most_clients = 65536;

 private:
  // A bucket that fills with `rate` tokens a second, up to those of one second.
  struct Client {
    std::string key;
    double tokens = 0;
    TimePoint filled;
    std::uint64_t running = 0;
  };
  using Clients = std::list<Client>;

  Client& client(std::string key, TimePoint now);
  unsigned take(const std::string& key, TimePoint now);
  void leave(const std::string& key);

  const double rate_;
  const std::uint64_t concurrency_;
  Metrics& metrics_;
  std::mutex mutex_;
  Clients clients_;  // the one that asked last is the first
  std::unordered_map<std::string_view, Clients::iterator> by_key_;
};

// What stands for an address: of IPv6 the first 64 bits, since one client has all addresses that begin with them.
std::string network_of(std::string_view address);

}  // namespace modelctl::serve
