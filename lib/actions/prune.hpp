// prune: removes what was not used for a long time from the caches of this machine.
#pragma once

#include "actions/cache_folder.hpp"

#include <vector>

namespace modelctl::actions {

struct PruneRequest {
  std::optional<std::uint64_t> keep_bytes;  // of each cache; nothing: its own limit
  std::optional<double> unused_days;        // also removes what was not used for so long
};

struct PruneReport {
  struct One {
    std::string_view name;
    std::filesystem::path folder;
    CacheUse use;
  };
  std::vector<One> caches;
};

// What is left of pulls that nobody continued for a day is removed in any case. Fails with bad_config if it is not
// known where the caches are.
Result<PruneReport> prune(const PruneRequest& request, Host& host);

}  // namespace modelctl::actions
