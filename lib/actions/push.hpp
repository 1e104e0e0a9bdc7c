// push: brings a package to a registry or host.
#pragma once

#include "actions/remote.hpp"
#include "base/digest.hpp"

#include <optional>

namespace modelctl::actions {

struct PushRequest {
  std::filesystem::path package;  // an archive, or the folder that it was unpacked into
  std::string reference;
  RemoteOptions remote;
  bool force = false;  // under another name or version than its own, and in place of another package
};

struct PushReport {
  std::string reference;         // with the digest if the place has one: names exactly this
  std::optional<Digest> digest;  // of the OCI manifest
  Digest package;                // of the package's manifest
  std::string name, version;     // as the package says
  std::uint64_t sent = 0;        // bytes of content that moved
  std::uint64_t skipped = 0;     // bytes that were there already
};

// Refuses a package that is not what its manifest says (untrusted): it would be refused by everybody who pulls it. Who
// signed it, those who pull it will ask, so no key is needed here. Fails with conflict as check_push() does. The name
// refers to the package only when all of it is stored, and a push that was interrupted can be repeated.
Result<PushReport> push(const PushRequest& request, Host& host);

}  // namespace modelctl::actions
