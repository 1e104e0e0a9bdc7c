// The table is bounded: for a new client, the one that has asked for nothing for longest goes, which then begins with a
// full bucket again. Whoever has more than 65,536 addresses is not limited by this, but by the limits of the server.
#include "serve/client_limits.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>

namespace modelctl::serve {

std::string network_of(std::string_view address) {
  in6_addr network{};
  if (::inet_pton(AF_INET6, std::string(address).c_str(), &network) != 1 || IN6_IS_ADDR_V4MAPPED(&network))
    return std::string(address);
  std::fill(std::begin(network.s6_addr) + 8, std::end(network.s6_addr), 0);
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, &network, text, sizeof text);
  return text;
}

ClientLimits::ClientLimits(const Settings& settings, Metrics& metrics)
    : rate_(static_cast<double>(settings.rate)), concurrency_(settings.concurrency), metrics_(metrics) {
  if (rate_ == 0 && concurrency_ == 0) return;
  metrics_.declare("modelctl_limited_requests_total", "counter",
                   "Predictions that were refused because their client had used up what it may ask for.");
}

// Under the lock.
ClientLimits::Client& ClientLimits::client(std::string key, TimePoint now) {
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    clients_.splice(clients_.begin(), clients_, found->second);
    return clients_.front();
  }
  if (clients_.size() >= most_clients) {
    auto idle = std::find_if(clients_.rbegin(), clients_.rend(), [](const Client& one) { return one.running == 0; });
    if (idle != clients_.rend()) {
      by_key_.erase(idle->key);
      clients_.erase(std::prev(idle.base()));
    }
  }
  clients_.push_front({std::move(key), rate_, now, 0});
  by_key_.emplace(clients_.front().key, clients_.begin());
  return clients_.front();
}

// Returns how long a client must wait that has used up what it may.
unsigned ClientLimits::take(const std::string& key, TimePoint now) {
  std::lock_guard lock(mutex_);
  Client& client = this->client(key, now);
  client.tokens = std::min(rate_, client.tokens + std::chrono::duration<double>(now - client.filled).count() * rate_);
  client.filled = now;
  if (concurrency_ > 0 && client.running >= concurrency_) {
    metrics_.count("modelctl_limited_requests_total", {{"limit", "concurrency"}});
    return 1;
  }
  if (rate_ > 0 && client.tokens < 1) {
    metrics_.count("modelctl_limited_requests_total", {{"limit", "rate"}});
    return static_cast<unsigned>(std::max(1.0, std::ceil((1 - client.tokens) / rate_)));
  }
  if (rate_ > 0) client.tokens -= 1;
  ++client.running;
  return 0;
}

// The place is made outside of the lock: without memory for it, its end is called at once, and takes the lock.
ClientLimits::Entry ClientLimits::enter(std::string_view token, std::string_view address, TimePoint now) {
  if (rate_ == 0 && concurrency_ == 0) return {};
  std::string key = token.empty() ? network_of(address) : "token " + std::string(token);
  if (unsigned wait = take(key, now)) return {nullptr, wait};
  auto leave = [key = std::move(key)](ClientLimits* limits) { limits->leave(key); };
  return {std::shared_ptr<ClientLimits>(this, std::move(leave)), 0};
}

void ClientLimits::leave(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (auto found = by_key_.find(key); found != by_key_.end()) --found->second->running;
}

}  // namespace modelctl::serve
