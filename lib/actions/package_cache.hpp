// Packages that were pulled in order to be used here, kept by the digest of their manifest.
#pragma once

#include "actions/remote.hpp"
#include "package/trust.hpp"

#include <optional>

namespace modelctl::actions {

// The folder with the package that a reference names: in $XDG_CACHE_HOME/modelctl/packages, else ~/.cache/…. Pulled
// if it is not there yet; the signature is checked first either way. The content of a folder from before is for the
// caller to verify. Fails with untrusted before anything is stored if the signature or the name is not right, and with
// conflict, code pull-running, while another process pulls the same package.
//
// A reference with a digest names one package for ever: if that was pulled before, nothing is asked of the network.
Result<std::filesystem::path> cached_package(const std::string& reference, const package::TrustRequest& trusted,
                                             const RemoteOptions& remote, bool any_name, Host& host);

// The folder of the package that a reference with a digest names, if it was pulled before; nothing for other
// references. Its content is for the caller to verify.
Result<std::optional<std::filesystem::path>> pulled_before(const std::string& reference,
                                                           const Environment& environment);

}  // namespace modelctl::actions
