// serve: a package, an unpacked package or a bare artifact as an inference server.
#pragma once

#include "base/host.hpp"
#include "package/trust.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace modelctl::actions {

struct ServeRequest {
  std::string source;                     // package file or folder, or artifact
  std::string listen = "127.0.0.1:8080";  // HOST:PORT, [HOST]:PORT or :PORT
  std::filesystem::path tls_certificate, tls_key;
  // Whose signature counts. With nothing given and no MODELCTL_TRUST, a package's bytes are still checked against its
  // manifest, but nobody vouches for the manifest: that is warned of.
  package::TrustRequest trust;
  std::string name;        // overrides the package's
  int workers = 0;         // predictions at once; 0: one per CPU
  int threads = 1;         // threads of one prediction
  std::size_t queue = 64;  // predictions that may wait
  std::uint64_t body_bytes = 64ull << 20;
  std::uint64_t memory_bytes = 4ull << 30;  // of one prediction
  double read_seconds = 10;                 // for a request to arrive
  double drain_seconds = 10;
};

struct ServeReport {
  std::uint16_t port = 0;
};

// Returns when a stop was asked for and everything under way was answered.
Result<ServeReport> serve(const ServeRequest& request, Host& host);

}  // namespace modelctl::actions
