// Numbers are scattered by SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"), from a
// random start. They are not secrets.
#include "serve/request_identity.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <random>

namespace modelctl::serve {
namespace {

constexpr std::size_t longest_id = 128;

bool good_id(std::string_view id) {
  auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._~:/+=@-").find(c) != std::string_view::npos;
  };
  return !id.empty() && id.size() <= longest_id && std::all_of(id.begin(), id.end(), good);
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool all_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

// version "-" trace "-" parent "-" flags. Later versions may have more after that.
void read_traceparent(std::string_view text, RequestIdentity& identity) {
  constexpr std::size_t size = 55;
  if (text.size() < size || text[2] != '-' || text[35] != '-' || text[52] != '-') return;
  std::string_view version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16),
                   flags = text.substr(53, 2);
  if (!is_hex(version) || version == "ff" || !is_hex(trace) || !is_hex(parent) || !is_hex(flags)) return;
  if (all_zero(trace) || all_zero(parent) || (text.size() > size && (version == "00" || text[size] != '-'))) return;
  identity.trace = trace;
  identity.parent = parent;
  identity.flags = flags;
}

}  // namespace

std::string RequestIdentity::trace_response() const {
  return trace.empty() ? "" : fmt::format("00-{}-{}-{}", trace, span, flags);
}

RequestIdentities::RequestIdentities() {
  std::random_device random;
  next_ = std::uint64_t{random()} << 32 | random();
}

std::string RequestIdentities::hex_digits(int words) {
  std::string text;
  text.reserve(16 * static_cast<std::size_t>(words));
  for (int i = 0; i < words; ++i) {
    std::uint64_t z = next_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[z >> shift & 15];
  }
  return text;
}

RequestIdentity RequestIdentities::identify(std::string_view request_id, std::string_view traceparent) {
  RequestIdentity identity;
  read_traceparent(traceparent, identity);
  if (!identity.trace.empty()) identity.span = hex_digits(1);
  if (good_id(request_id)) identity.id = request_id;
  else identity.id = identity.trace.empty() ? hex_digits(2) : identity.trace;
  return identity;
}

}  // namespace modelctl::serve
