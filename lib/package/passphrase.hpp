// Where the passphrase of a private key comes from: a file, the environment, or the person at the terminal.
#pragma once

#include "base/host.hpp"
#include "package/secret.hpp"

#include <filesystem>

namespace modelctl::package {

// The first of: the first line of `file` (if it is not empty), MODELCTL_PASSWORD, COSIGN_PASSWORD, the answer to a
// prompt. Fails with denied if there is none of them. `key` names the key in the prompt. A passphrase is never an
// argument of the command line: every user of the machine can read those.
Result<Secret> existing_passphrase(const std::filesystem::path& file, std::string_view key,
                                   const Environment& environment, Reporter& reporter);
// The same for a key that is being made: at the prompt it is asked for twice, and it must not be empty.
Result<Secret> new_passphrase(const std::filesystem::path& file, const Environment& environment, Reporter& reporter);

}  // namespace modelctl::package
