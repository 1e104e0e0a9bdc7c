// verify: checks a package's signature and every byte of it, and tells what was signed by whom.
#pragma once

#include "base/host.hpp"
#include "package/package.hpp"

namespace modelctl::actions {

struct VerifyRequest {
  std::filesystem::path package;  // an archive, or the folder that it was unpacked into
  package::TrustRequest trust;
};

struct VerifyReport {
  package::SignedManifest signed_manifest;
};

Result<VerifyReport> verify(const VerifyRequest& request, Host& host);

}  // namespace modelctl::actions
