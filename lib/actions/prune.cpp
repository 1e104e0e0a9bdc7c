// Both caches by one rule.
#include "actions/prune.hpp"

namespace modelctl::actions {

Result<PruneReport> prune(const PruneRequest& request, Host& host) {
  std::optional<std::chrono::system_clock::time_point> since;
  if (request.unused_days) {
    auto unused = std::chrono::duration<double, std::ratio<86400>>(*request.unused_days);
    since = host.clock.now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(unused);
  }
  PruneReport report;
  for (const Cache& cache : {artifact_cache, package_cache}) {
    auto folder = TRY(cache_folder(cache, host.environment));
    CacheUse use = limit_cache(folder, {}, request.keep_bytes.value_or(cache.limit), since);
    report.caches.push_back({cache.name, std::move(folder), use});
  }
  return report;
}

}  // namespace modelctl::actions
