// The special-purpose address registries of IANA (RFC 6890), as prefixes.
#include "http/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace modelctl::http {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct Network {
  std::uint32_t address;
  int prefix;
};
constexpr Network private_v4[] = {
    {0x00000000, 8},   // "this network"
    {0x0a000000, 8},   // 10/8
    {0x64400000, 10},  // 100.64/10, shared
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, with the metadata services of clouds
    {0xac100000, 12},  // 172.16/12
    {0xc0000000, 24},  // IETF protocol assignments
    {0xc0a80000, 16},  // 192.168/16
    {0xc6120000, 15},  // benchmarking
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved, and broadcast
};

bool is_private_v4(Bytes a) {
  std::uint32_t address = static_cast<std::uint32_t>(a[0]) << 24 | static_cast<std::uint32_t>(a[1]) << 16 |
                          static_cast<std::uint32_t>(a[2]) << 8 | a[3];
  return std::any_of(std::begin(private_v4), std::end(private_v4),
                     [&](const Network& network) { return (address ^ network.address) >> (32 - network.prefix) == 0; });
}

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool is_private_v6(Bytes a) {
  static constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b};                          // 64:ff9b::/96
  if (all_zero(a.first(10)) && a[10] == 0xff && a[11] == 0xff) return is_private_v4(a.subspan(12));  // ::ffff:0:0/96
  if (all_zero(a.first(12))) return true;  // ::, ::1 and the deprecated compatible addresses
  if (std::equal(nat64.begin(), nat64.end(), a.begin())) return is_private_v4(a.subspan(12));
  static constexpr std::array<std::uint8_t, 6> local_nat64{0, 0x64, 0xff, 0x9b, 0, 1};  // 64:ff9b:1::/48, RFC 8215
  if (std::equal(local_nat64.begin(), local_nat64.end(), a.begin())) return true;
  if (a[0] == 0x20 && a[1] == 0x02) return is_private_v4(a.subspan(2));  // 6to4
  return (a[0] & 0xfe) == 0xfc || a[0] == 0xff ||                        // unique local, multicast
         (a[0] == 0xfe && (a[1] & 0xc0) >= 0x80);                        // link-local, site-local
}

bool is_loopback_v6(Bytes a) {
  if (all_zero(a.first(10)) && a[10] == 0xff && a[11] == 0xff) return a[12] == 127;
  return all_zero(a.first(15)) && a[15] == 1;
}

// The address literal as bytes: 4, 16, or none. Resolvers read an IPv4 address in many forms ("127.1", "0x7f000001"),
// as inet_aton(3) does.
std::span<const std::uint8_t> literal(std::string_view host, std::array<std::uint8_t, 16>& bytes) {
  std::string text(host);
  in_addr v4{};
  if (is_address(host) && ::inet_aton(text.c_str(), &v4) == 1) {
    std::memcpy(bytes.data(), &v4, 4);
    return std::span(bytes).first(4);
  }
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

Bytes bytes_of(const sockaddr& address, std::array<std::uint8_t, 16>& bytes) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(bytes.data(), &v4.sin_addr, 4);
    return std::span(bytes).first(4);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
    return bytes;
  }
  return {};
}

bool is_loopback_bytes(Bytes a) { return a.size() == 4 ? a[0] == 127 : a.size() == 16 && is_loopback_v6(a); }

}  // namespace

bool is_loopback(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host == "localhost" || host.ends_with(".localhost")) return true;  // RFC 6761, section 6.3
  std::array<std::uint8_t, 16> bytes{};
  return is_loopback_bytes(literal(host, bytes));
}

bool is_private_literal(std::string_view host) {
  if (is_loopback(host)) return true;
  std::array<std::uint8_t, 16> bytes{};
  Bytes a = literal(host, bytes);
  return a.size() == 4 ? is_private_v4(a) : a.size() == 16 && is_private_v6(a);
}

bool is_address(std::string_view host) {
  if (host.find(':') != host.npos) return true;
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string_view last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  if (last.starts_with("0x") || last.starts_with("0X")) return true;
  return !last.empty() && last.find_first_not_of("0123456789") == last.npos;
}

bool is_loopback(const sockaddr& address) {
  std::array<std::uint8_t, 16> bytes{};
  return is_loopback_bytes(bytes_of(address, bytes));
}

bool is_private(const sockaddr& address) {
  std::array<std::uint8_t, 16> bytes{};
  Bytes a = bytes_of(address, bytes);
  // A family that is neither IPv4 nor IPv6, such as a Unix socket, is on this machine.
  return a.size() == 4 ? is_private_v4(a) : a.size() == 16 ? is_private_v6(a) : true;
}

}  // namespace modelctl::http
