// The policy's numbers.
#include "http/retry.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace modelctl::http {
namespace {

constexpr std::chrono::milliseconds first_wait{500};
constexpr std::chrono::milliseconds longest_wait{60'000};
constexpr std::chrono::seconds year{366L * 24 * 3600};  // what a server claims beyond must not overflow in milliseconds

}  // namespace

bool is_transient(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

bool is_transient(const Error& error) {
  return info(error.kind).may_retry && error.kind != Kind::interrupted && error.code != "unknown-host" &&
         error.code != "cannot-connect";
}

// A date in the past is a wait of 0; what is neither form is as if the header were absent.
std::optional<std::chrono::seconds> retry_after(const HttpResponse& response, Clock& clock) {
  auto text = response.header("Retry-After");
  if (!text) return std::nullopt;
  long seconds = 0;
  auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  auto limited = [](std::chrono::seconds time) { return std::clamp(time, std::chrono::seconds(0), year); };
  if (fault == std::errc() && end == text->data() + text->size()) return limited(std::chrono::seconds(seconds));
  std::tm date{};
  if (::strptime(text->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  auto when = std::chrono::system_clock::from_time_t(::timegm(&date));
  return limited(std::chrono::duration_cast<std::chrono::seconds>(when - clock.now()));
}

// Exponential backoff with "equal jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter").
std::chrono::milliseconds delay(int attempt, std::optional<std::chrono::seconds> requested, std::uint16_t random) {
  if (requested) return std::min<std::chrono::milliseconds>(*requested, longest_requested_wait);
  auto full = std::min(first_wait * (1 << std::clamp(attempt - 1, 0, 7)), longest_wait);
  return full / 2 + full / 2 * random / 65535;
}

bool Attempts::another(std::uint64_t position) {
  if (position >= from_ + progress) {
    from_ = position;
    made_ = 0;
  }
  return ++made_ < attempt_limit;
}

}  // namespace modelctl::http
