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

// Every refusal of a package is untrusted, whatever is wrong with it, except that a newer format is unsupported. Fails
// with usage, code no-key, if a package is given and nobody to trust: intact bytes alone are not reported as verified.
Result<VerifyReport> verify(const VerifyRequest& request, Host& host);

}  // namespace modelctl::actions
