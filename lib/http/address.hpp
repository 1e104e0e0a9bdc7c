// Addresses of this machine and of private networks. A server may name hosts for us to contact (redirects, token
// services, upload locations); without these checks it could make us send requests to services behind our firewall
// (server-side request forgery). A host name says nothing about that: what it resolves to is checked when the socket is
// opened, since a name can resolve to another address each time (DNS rebinding).
#pragma once

#include <string_view>

struct sockaddr;

namespace modelctl::http {

// True for localhost, *.localhost, 127.0.0.0/8 and ::1: the hosts that plain http is allowed to by default.
bool is_loopback(std::string_view host);
// True for literal addresses that is_private() is true for, and for the names of this machine.
bool is_private_literal(std::string_view host);

// True for every host that is an address and not a name: literals, and names whose last label is a number, which
// resolvers read as an IPv4 address ("0x7f.1").
bool is_address(std::string_view host);

// The same as the first two for a resolved address. Private is everything that is not a public unicast address:
// loopback, private, link-local, shared (carrier-grade NAT), benchmarking, multicast and reserved networks, and IPv6
// addresses that embed such an IPv4 address (mapped, NAT64, 6to4).
bool is_loopback(const sockaddr& address);
bool is_private(const sockaddr& address);

}  // namespace modelctl::http
