// Copies a file of any size to a new one, within the kernel: file systems that can, share the blocks of both.
#pragma once

#include "base/host.hpp"

#include <filesystem>

namespace modelctl {

// Copies `from`, a regular file, to `to`, which must not exist, and syncs it; returns the number of bytes. Reports the
// progress, and fails with interrupted once `stop` is requested, with io (code file-changed) if `from` changed
// meanwhile, else as the system does. A copy that failed is left behind, cut short: make it in a TemporaryFolder.
Result<std::uint64_t> copy_file(const std::filesystem::path& from, const std::filesystem::path& to, Reporter& reporter,
                                const Interrupt& stop);

}  // namespace modelctl
