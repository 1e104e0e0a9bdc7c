// The retry policy: pure functions, so no network.
#include "http/retry.hpp"
#include "support/hosts.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::http;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
std::optional<seconds> wait_of(const char* value) {
  test::FakeClock clock;
  clock.elapsed = seconds(1'000'000'000);  // 2001-09-09T01:46:40Z
  HttpResponse response;
  response.headers = {{"retry-after", value}};
  return retry_after(response, clock);
}
}  // namespace

TEST_CASE(
    "Retry-After is seconds or a date; what it claims beyond a year is a "
    "year") {
  CHECK(wait_of("7") == seconds(7));
  CHECK(wait_of("-3") == seconds(0));
  CHECK(wait_of("Sun, 09 Sep 2001 01:46:50 GMT") == seconds(10));
  CHECK(wait_of("Sun, 09 Sep 2001 01:46:30 GMT") == seconds(0));
  CHECK(wait_of("9223372036854775807") == seconds(366L * 24 * 3600));
  CHECK(!wait_of("soon"));
  CHECK(!wait_of("99999999999999999999"));
}

TEST_CASE(
    "the delay doubles up to a minute, half of it random, unless the "
    "server requests one") {
  CHECK(delay(1, std::nullopt, 0) == milliseconds(250));
  CHECK(delay(1, std::nullopt, 65535) == milliseconds(500));
  CHECK(delay(2, std::nullopt, 0) == milliseconds(500));
  CHECK(delay(100, std::nullopt, 65535) == milliseconds(60'000));
  CHECK(delay(1, seconds(9), 1234) == seconds(9));
  CHECK(delay(1, seconds(1'000'000), 0) == longest_requested_wait);
}

TEST_CASE("attempts are given back only for progress that counts") {
  Attempts attempts;
  int made = 1;
  for (std::uint64_t position = 0; attempts.another(position); ++position) ++made;  // one byte each
  CHECK(made == attempt_limit);
  Attempts large;
  std::uint64_t position = 0;
  for (int i = 0; i < 100; ++i) CHECK(large.another(position += Attempts::progress));
}

TEST_CASE("only what may pass by itself is transient") {
  CHECK(is_transient(503));
  CHECK(is_transient(429));
  CHECK(!is_transient(500));
  CHECK(!is_transient(404));
  CHECK(is_transient(Error(Kind::unavailable, "connection-lost", "x")));
  CHECK(!is_transient(Error(Kind::unavailable, "cannot-connect", "x")));
  CHECK(!is_transient(Error(Kind::interrupted, "interrupted", "x")));
}
