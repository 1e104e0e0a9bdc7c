// pull: brings a package here, after its signature was checked.
#pragma once

#include "actions/remote.hpp"
#include "package/package.hpp"

namespace modelctl::actions {

struct PullRequest {
  std::string reference;
  package::TrustRequest trust;
  std::filesystem::path folder;   // unpacked, here; must not exist or be empty
  std::filesystem::path archive;  // and, or instead, as the same archive that was pushed
  RemoteOptions remote;
  bool any_name = false;  // whatever name and version the package has
};

struct PullReport {
  package::SignedManifest signed_manifest;
  std::filesystem::path folder, archive;
  std::uint64_t moved = 0;   // bytes of content that came
  std::uint64_t reused = 0;  // bytes that an interrupted pull had brought before
};

// Each of folder and archive is complete or absent. Fails with untrusted if the signature, the name or any byte is not
// right, in which case what had come is removed; with conflict if the target exists or another pull into it is running.
// After an interruption or a network failure what has come is kept, and the same request continues from there.
Result<PullReport> pull(const PullRequest& request, Host& host);

}  // namespace modelctl::actions
