// Packages that were pulled in order to be used here, kept by the digest of their manifest.
#pragma once

#include "actions/remote.hpp"
#include "package/trust.hpp"

namespace modelctl::actions {

// The folder with the package that a reference names: in $XDG_CACHE_HOME/modelctl/packages, else ~/.cache/…. Pulled
// if it is not there yet; the signature is checked first either way. The content of a folder from before is for the
// caller to verify. Fails with untrusted before anything is stored if the signature or the name is not right, and with
// conflict, code pull-running, while another process pulls the same package.
Result<std::filesystem::path> cached_package(const std::string& reference, const package::TrustRequest& trusted,
                                             const RemoteOptions& remote, bool any_name, Host& host);

}  // namespace modelctl::actions
