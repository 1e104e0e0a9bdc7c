// How many files and sockets this process may have open. A server that runs into that limit can accept nothing, not
// even a health check, so the number of connections is derived from it.
#pragma once

#include <cstddef>
#include <optional>

namespace modelctl::serve {

// Raises the soft limit to the hard one: the soft one is low by default for the sake of programs that use select(2).
void raise_descriptor_limit();

// The limit now in force; nullopt if the system does not report it.
std::optional<std::size_t> descriptor_limit();
// Those open now.
std::optional<std::size_t> open_descriptors();

}  // namespace modelctl::serve
