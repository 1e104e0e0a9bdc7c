// verify: checks a package's signature and every byte of it, and reports what was signed by whom. An artifact or a
// linked program has no signature: only its digest can be checked, which shows damage, not who made it.
#pragma once

#include "actions/remote.hpp"
#include "package/package.hpp"

#include <optional>

namespace modelctl::actions {

struct VerifyRequest {
  // An archive, the folder that it was unpacked into, or a reference; or an artifact or linked program.
  std::string package;
  package::TrustRequest trust;
  RemoteOptions remote;
  bool any_name = false;  // of a reference: whatever name and version the package has
};

struct VerifyReport {
  // Absent: an artifact or linked program, which is intact.
  std::optional<package::SignedManifest> signed_manifest;
};

Result<VerifyReport> verify(const VerifyRequest& request, Host& host);

}  // namespace modelctl::actions
