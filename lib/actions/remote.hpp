// What every action takes that uses another machine. By default nothing weakens TLS or sends a secret elsewhere.
#pragma once

#include "base/host.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace modelctl::actions {

struct RemoteOptions {
  std::filesystem::path ca_file;  // certificates to trust in place of the system's
  bool plain_http = false;        // allow http to hosts that are not this machine
  // Hosts of token services that may get the credentials of a registry of another domain.
  std::vector<std::string> auth_hosts;
};

}  // namespace modelctl::actions
