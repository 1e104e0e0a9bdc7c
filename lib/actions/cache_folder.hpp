// Where modelctl keeps what it can make or pull again: packages that were pulled in order to be used here, and
// artifacts that were built on the fly. Whatever is in there may be removed at any time, also while it is in use: a
// process that has opened an entry keeps it.
#pragma once

#include "base/host.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace modelctl::actions {

struct Cache {
  std::string_view name;  // of the folder
  std::uint64_t limit;    // bytes of all entries together; a new one stays even if it is larger
};
inline constexpr Cache artifact_cache{"artifacts", 4ull << 30};
inline constexpr Cache package_cache{"packages", 16ull << 30};

// $XDG_CACHE_HOME/modelctl/NAME, else ~/.cache/modelctl/NAME; it may not exist yet. Fails with bad_config if neither
// variable is set.
Result<std::filesystem::path> cache_folder(const Cache& cache, const Environment& environment);

struct CacheUse {
  std::size_t entries = 0, removed = 0;
  std::uint64_t bytes = 0, freed = 0;  // of the entries that are left, and of those that were removed
};

// Removes the entries of a cache that were not used for the longest time until `limit` bytes are left, and those that
// were not used since `since`, but never `keep`. Best effort: what cannot be removed stays.
CacheUse limit_cache(const std::filesystem::path& folder, const std::filesystem::path& keep, std::uint64_t limit,
                     std::optional<std::chrono::system_clock::time_point> since = {});

}  // namespace modelctl::actions
