// How many predictions one client may ask for.
#include "serve/client_limits.hpp"

#include "serve/running.hpp"
#include "support/http_client.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;
using namespace std::chrono_literals;
using test::HttpClient;
using test::Running;

namespace {

constexpr ClientLimits::TimePoint start{1h};

Settings limited(std::uint64_t rate, std::uint64_t concurrency) {
  Settings settings;
  settings.rate = rate;
  settings.concurrency = concurrency;
  return settings;
}

}  // namespace

TEST_CASE("a client has its rate in each second, and is asked to wait until it has one more") {
  Metrics metrics;
  ClientLimits limits(limited(2, 0), metrics);
  auto enter = [&](ClientLimits::TimePoint at) { return limits.enter("", "10.0.0.1", at).retry_after; };
  CHECK(enter(start) == 0);
  CHECK(enter(start) == 0);
  CHECK(enter(start) == 1);
  CHECK(enter(start + 500ms) == 0);
  CHECK(enter(start + 500ms) == 1);
  CHECK(enter(start + 1h) == 0);
  CHECK(enter(start + 1h) == 0);
  CHECK(enter(start + 1h) == 1);
  CHECK(metrics.text(false).find("modelctl_limited_requests_total{limit=\"rate\"} 3\n") != std::string::npos);
}

TEST_CASE("clients do not share their limits, and one with a token is the same from everywhere") {
  Metrics metrics;
  ClientLimits limits(limited(1, 0), metrics);
  auto enter = [&](const char* token, const char* address) { return limits.enter(token, address, start).retry_after; };
  CHECK(enter("", "10.0.0.1") == 0);
  CHECK(enter("", "10.0.0.2") == 0);
  CHECK(enter("app", "10.0.0.1") == 0);
  CHECK(enter("app", "10.0.0.3") == 1);
  CHECK(enter("", "2001:db8::1") == 0);
  CHECK(enter("", "2001:db8::2") == 1);
  CHECK(enter("", "2001:db8:0:1::1") == 0);
}

TEST_CASE("as many requests of a client as it may have run at a time") {
  Metrics metrics;
  ClientLimits limits(limited(0, 2), metrics);
  auto first = limits.enter("", "10.0.0.1", start), second = limits.enter("", "10.0.0.1", start);
  CHECK(second.retry_after == 0);
  CHECK(limits.enter("", "10.0.0.1", start).retry_after == 1);
  first.place.reset();
  CHECK(limits.enter("", "10.0.0.1", start).retry_after == 0);
}

TEST_CASE("the table of clients is bounded, and keeps those whose requests run") {
  Metrics metrics;
  ClientLimits limits(limited(0, 1), metrics);
  auto running = limits.enter("", "the first", start);
  for (std::size_t i = 0; i < ClientLimits::most_clients + 10; ++i) limits.enter("", std::to_string(i), start);
  CHECK(limits.enter("", "the first", start).retry_after == 1);
}

TEST_CASE("a client beyond its rate gets a 429 with the time to wait, and health and metrics as before") {
  Running running(limited(1, 0));
  HttpClient client(running.port());
  constexpr const char* body = R"({"data": [[1, 2]]})";
  int limited = 0;
  test::Answer refused;
  for (int i = 0; i < 20; ++i) {
    auto answer = client.post("/predict", body);
    if (answer.status != 429) continue;
    ++limited;
    refused = answer;
  }
  CHECK(limited > 0);
  CHECK(refused.headers.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(client.get("/readyz").status == 200);
  CHECK(client.get("/metrics").status == 200);
}

TEST_CASE("a request that runs takes a place of its client until it is answered") {
  Running running(limited(0, 1));
  constexpr const char* body = R"({"data": [[1, 2]]})";
  test::gate.set(false);
  HttpClient first(running.port()), second(running.port());
  first.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 18\r\n\r\n" + std::string(body));
  while (running.service.pending() == 0) std::this_thread::yield();
  CHECK(second.post("/predict", body).status == 429);
  test::gate.set(true);
  CHECK(first.receive().status == 200);
  CHECK(second.post("/predict", body).status == 200);
}
