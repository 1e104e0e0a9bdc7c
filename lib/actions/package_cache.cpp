// The key is the digest of the manifest, so a package is stored once for all of its names and a moved tag cannot hit an
// old entry. A reference has the digest of the OCI manifest instead, which follows from the package: it is computed
// from what is there, so that the cache needs no index.
#include "actions/package_cache.hpp"

#include "actions/cache_folder.hpp"
#include "actions/named_package.hpp"
#include "actions/remote_context.hpp"
#include "transport/oci_package.hpp"
#include "transport/pull.hpp"
#include "transport/reference.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace fs = std::filesystem;

Result<fs::path> cached_package(const std::string& reference, const package::TrustRequest& trusted,
                                const RemoteOptions& remote, bool any_name, Host& host) {
  package::Trust trust = TRY(package::read_trust(trusted, host.environment));
  fs::path cache = TRY(cache_folder(package_cache, host.environment));
  if (auto folder = TRY(pulled_before(reference, host.environment))) return *folder;
  const transport::TransportDef* def = TRY(transport::transport_of(reference));
  transport::Context context = context_of(remote, host);
  auto reader = TRY(def->open_reader(reference, context));
  package::SignedManifest manifest = TRY_BECAUSE(transport::read_signed(*reader, trust),
                                                 fmt::format("nothing of '{}' was used", transport::shown(reference)));
  TRY(check_name(*def, reference, manifest.manifest, any_name, host.reporter));
  // The name follows from the signed bytes, so a registry cannot choose the folder. The folder appears by one rename:
  // if it is there, it is complete.
  fs::path folder = cache / manifest.digest.hex();
  std::error_code code;
  if (fs::exists(folder, code)) return folder;
  // Private: other users have no business with the models of this one, and cannot plant a folder under an expected
  // name.
  TRY(make_folder(cache, 0700));
  auto staging = TRY(transport::stage_folder(manifest, folder));
  TRY(transport::pull_entries(*reader, manifest, *staging, "pulling " + transport::shown(reference), host.reporter,
                              host.stop));
  limit_cache(cache, folder, package_cache.limit);
  return folder;
}

Result<std::optional<fs::path>> pulled_before(const std::string& reference, const Environment& environment) {
  std::optional<fs::path> none;
  const transport::TransportDef* def = TRY(transport::transport_of(reference));
  if (def->name_of == nullptr) return none;
  std::optional<Digest> wanted = TRY(def->name_of(reference)).digest;
  if (!wanted) return none;
  std::error_code code;
  for (fs::directory_iterator entry(TRY(cache_folder(package_cache, environment)), code), end; !code && entry != end;
       entry.increment(code)) {
    if (entry->path().filename().string().starts_with('.')) continue;  // a package that is being pulled
    auto package = package::Package::open(entry->path());
    if (package && transport::oci_package(*package).digest == *wanted) return std::optional(entry->path());
  }
  return none;
}

}  // namespace modelctl::actions
