// What every action that speaks with another machine takes.
#pragma once

#include "base/host.hpp"

#include <filesystem>

namespace modelctl::actions {

struct RemoteOptions {
  std::filesystem::path ca_file;  // certificates to trust in place of the system's
  bool plain_http = false;        // allow http to hosts that are not this machine
};

}  // namespace modelctl::actions
