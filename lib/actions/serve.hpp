// serve: a package, wherever it lies, or a bare artifact as an inference server.
#pragma once

#include "actions/project.hpp"
#include "actions/remote.hpp"
#include "package/trust.hpp"

namespace modelctl::actions {

struct ServeRequest {
  // Package file or folder, artifact, or reference to a package, which is then pulled into a cache; empty: the artifact
  // and the settings of modelctl.yaml.
  std::string source;
  // Whose signature counts. With nothing given and no MODELCTL_TRUST, a package's bytes are still checked against its
  // manifest, but nobody vouches for the manifest: that is warned of. A reference is not pulled so.
  package::TrustRequest trust;
  RemoteOptions remote;
  bool any_name = false;    // of a reference: whatever name and version the package has
  std::string name;         // overrides the package's
  Project::Serve settings;  // what is absent takes the defaults below
};

// In the order of Project::Serve.
struct ServeDefaults {
  static constexpr const char* listen = "127.0.0.1:8080";  // HOST:PORT, [HOST]:PORT or :PORT
  static constexpr int workers = 0;                        // predictions at once; 0: one per CPU
  static constexpr int threads = 1;                        // of one prediction
  static constexpr std::uint64_t queue = 64;
  static constexpr std::uint64_t max_body = 64ull << 20;
  static constexpr std::uint64_t max_memory = 4ull << 30;
  static constexpr double max_time = 60;
  static constexpr double read_timeout = 10;
  static constexpr double drain = 10;
};

struct ServeReport {
  std::uint16_t port = 0;
};

// Returns when a stop was asked for and everything under way was answered.
Result<ServeReport> serve(const ServeRequest& request, Host& host);

}  // namespace modelctl::actions
