// serve: a package, wherever it lies, or a bare artifact as an inference server.
#pragma once

#include "actions/project.hpp"
#include "actions/remote.hpp"
#include "package/trust.hpp"

namespace modelctl::actions {

struct ServeRequest {
  // Package file or folder, artifact, or reference to a package, which is then pulled into a cache; empty: the artifact
  // of modelctl.yaml.
  std::string source;
  // Whose signature counts. With nothing given and no MODELCTL_TRUST, a package's bytes are still checked against its
  // manifest, but nobody vouches for the manifest: that is warned of. A reference is not pulled so.
  package::TrustRequest trust;
  RemoteOptions remote;
  bool any_name = false;          // of a reference: whatever name and version the package has
  std::string name;               // overrides the package's
  serve::GivenSettings settings;  // what is absent is taken from modelctl.yaml, or its default
};

struct ServeReport {
  std::uint16_t port = 0;
};

// Returns when a stop was asked for and everything under way was answered. Fails before it serves any prediction with
// what verifying, loading or proving the model fails with; and later with untrusted if somebody alters the model's file
// while it is served: then it stops, since what it would compute is no longer what was verified.
Result<ServeReport> serve(const ServeRequest& request, Host& host);

}  // namespace modelctl::actions
