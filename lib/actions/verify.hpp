// verify: checks a package's signature and every byte of it, and tells what was signed by whom.
#pragma once

#include "actions/remote.hpp"
#include "package/package.hpp"

namespace modelctl::actions {

struct VerifyRequest {
  std::string package;  // an archive, the folder that it was unpacked into, or a reference
  package::TrustRequest trust;
  RemoteOptions remote;
};

struct VerifyReport {
  package::SignedManifest signed_manifest;
};

Result<VerifyReport> verify(const VerifyRequest& request, Host& host);

}  // namespace modelctl::actions
