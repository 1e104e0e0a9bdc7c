// Which addresses are public, and which hosts belong together.
#include "http/address.hpp"
#include "http/domain.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <cstring>
#include <string>

using namespace modelctl::http;

namespace {
sockaddr_storage resolved(const std::string& text) {
  sockaddr_storage storage{};
  if (text.find(':') == text.npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    REQUIRE(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return storage;
}
bool resolves_to_private(const std::string& text) {
  sockaddr_storage storage = resolved(text);
  return is_private(reinterpret_cast<const sockaddr&>(storage));
}
}  // namespace

TEST_CASE(
    "hosts of this machine and of private networks are known by their "
    "literals") {
  for (const char* host : {"localhost", "localhost.", "127.0.0.1", "127.9.9.9", "127.1", "0x7f000001", "017700000001",
                           "2130706433", "::1", "a.localhost", "::ffff:127.0.0.1"}) {
    CHECK_MESSAGE(is_loopback(host), host);
    CHECK_MESSAGE(is_private_literal(host), host);
  }
  for (const char* host : {"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1", "fd00::1", "0.0.0.0",
                           "10.1", "0xa9fea9fe"}) {
    CHECK_MESSAGE(!is_loopback(host), host);
    CHECK_MESSAGE(is_private_literal(host), host);
  }
  for (const char* host : {"example.com", "8.8.8.8", "2001:db8::1", "172.32.0.1", "localhost.example"}) {
    CHECK_MESSAGE(!is_private_literal(host), host);
  }
}

TEST_CASE("a resolved address is private unless it is a public unicast address") {
  for (const char* text : {"127.0.0.1",
                           "0.0.0.0",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "169.254.169.254",
                           "172.31.0.1",
                           "192.168.0.1",
                           "192.0.0.8",
                           "198.18.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "fe80::1",
                           "fec0::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b:1::808:808",
                           "2002:a00:1::1"}) {
    CHECK_MESSAGE(resolves_to_private(text), text);
  }
  for (const char* text : {"8.8.8.8", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1",
                           "198.20.0.1", "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"}) {
    CHECK_MESSAGE(!resolves_to_private(text), text);
  }
}

TEST_CASE(
    "hosts of one registrable domain are one site; addresses and single "
    "names must be equal") {
  CHECK(same_site("registry-1.docker.io", "auth.docker.io"));
  CHECK(same_site("registry.gitlab.com", "gitlab.com"));
  CHECK(same_site("ghcr.io", "ghcr.io"));
  CHECK(same_site("registry.corp.internal", "auth.corp.internal"));
  CHECK(same_site("localhost", "127.0.0.1"));
  CHECK(same_site("registry", "registry"));
  CHECK(!same_site("registry", "auth"));
  CHECK(!same_site("registry.example", "auth.elsewhere"));
  CHECK(!same_site("registry.example.com", "example.com.evil.net"));
  CHECK(!same_site("a.github.io",
                   "b.github.io"));  // a public suffix: everybody can have a name below it
  CHECK(!same_site("a.co.uk", "b.co.uk"));
  CHECK(!same_site("1.2.8.8", "9.9.8.8"));
  CHECK(!same_site("0x1.2.8.8", "0x9.9.8.8"));
  CHECK(!same_site("2001:db8::1", "2001:db8::2"));
}
