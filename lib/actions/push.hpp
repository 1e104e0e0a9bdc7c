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
  std::string reference;         // with the digest where the place has one: names exactly this
  std::optional<Digest> digest;  // of the OCI manifest
  Digest package;                // of the package's manifest
  std::string name, version;     // as the package says
  std::uint64_t sent = 0;        // bytes of content that moved
  std::uint64_t skipped = 0;     // bytes that were there already
};

// Refuses a package that is not what its manifest says. Who signed it, those who pull it will ask.
Result<PushReport> push(const PushRequest& request, Host& host);

}  // namespace modelctl::actions
