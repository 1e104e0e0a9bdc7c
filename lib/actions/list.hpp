// list: what a registry holds.
#pragma once

#include "actions/remote.hpp"
#include "base/digest.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::actions {

struct ListRequest {
  std::string registry;  // a host, host/team/name, oci:FOLDER, or a name in the local registry; empty: all of that
  RemoteOptions remote;
};

struct ListReport {
  struct Package {
    std::string reference;
    Digest digest;
    std::uint64_t size = 0;
    std::optional<std::chrono::seconds> age;  // since it was pushed, where the registry keeps that
  };
  std::vector<Package> packages;
};

// Sorted by reference; what is not a package of ours is left out. Fails with unsupported, code cannot-list, for a place
// that cannot list (a file, a web host), and with what the registry or folder fails with.
Result<ListReport> list(const ListRequest& request, Host& host);

// The registries that somebody has logged in to, for who types. No network and no helper is asked.
std::vector<std::string> known_registries(Host& host);

}  // namespace modelctl::actions
