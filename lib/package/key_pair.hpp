// The two files of a key pair, PREFIX.key and PREFIX.pub, replaced together. A rename replaces one file, never two, so
// a command that is killed between the renames leaves a state that the next one recognizes from the names alone:
//
//   1. PREFIX.pub.modelctl-new and then PREFIX.key.modelctl-new are written and synced.   The old pair counts.
//   2. The old private key gets a second name, PREFIX.key.modelctl-old.                   The old pair counts.
//   3. PREFIX.pub.modelctl-new is renamed to PREFIX.pub.                                  The new pair counts.
//   4. PREFIX.key.modelctl-new is renamed to PREFIX.key, and PREFIX.key.modelctl-old is removed.
//
// PREFIX.key.modelctl-new without PREFIX.pub.modelctl-new therefore means that step 3 was done. The old private key
// exists under one of its names until the new pair is complete.
#pragma once

#include "package/keys.hpp"

namespace modelctl::package {

// Finishes or undoes what a killed command left, then fails with conflict if PREFIX.key or PREFIX.pub exists, unless
// `replace`.
Result<void> check_key_pair_absent(const std::filesystem::path& prefix, bool replace);

// Writes PREFIX.key (mode 0600) and PREFIX.pub (0644, less the umask); both or neither. Fails as the function above
// does.
Result<void> write_key_pair(const PrivateKey& key, const Secret& passphrase, const std::filesystem::path& prefix,
                            bool replace);

}  // namespace modelctl::package
