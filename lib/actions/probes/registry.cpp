// The local registry: whether it can be used, and whether packages in it are damaged. Only what can be seen quickly is:
// documents are read and hashed, and of each file the size is compared. A pull finds everything else.
#include "actions/probe.hpp"
#include "package/manifest.hpp"
#include "transport/layout_store.hpp"
#include "transport/oci_package.hpp"

#include <fmt/core.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_packages = 10'000, most_shown = 20;

// Who else may change what is in the folder. Signatures still protect what is pulled with a key.
std::string ownership(const fs::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return "";
  if (status.st_uid != ::geteuid() && status.st_uid != 0) return "it belongs to another user, who can replace packages";
  bool open = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
  return open ? "every user of this machine can replace packages" : "";
}

Result<void> check_stored(const transport::LayoutStore& store, const Digest& digest) {
  std::string text = TRY(store.text(digest, transport::oci_manifest_limit));
  auto stored = transport::read_oci_manifest(text, "");
  if (!stored) return {};  // an image of another kind
  TRY(store.text(stored->documents[1].digest, package::bundle_limit));
  auto manifest = TRY(package::Manifest::read(TRY(store.text(stored->documents[0].digest, package::manifest_limit))));
  for (const package::Entry& entry : manifest.entries)
    TRY_BECAUSE(store.open_blob(entry.digest, entry.size), fmt::format("it is '{}' of the package", entry.path));
  return {};
}

std::vector<Finding> run(const ProbeContext& context) {
  auto folder = transport::local_registry(context.host.environment);
  if (!folder) return {broken("local registry", folder.error())};
  std::vector<Finding> findings{writable_folder("local registry", *folder)};
  transport::LayoutStore store(*folder);
  if (!store.exists()) {
    if (findings[0].state != Finding::State::good) return findings;
    findings[0].state = Finding::State::absent;
    findings[0].reason = "the first push to it creates it";
    return findings;
  }
  auto names = store.names();
  if (!names) {
    findings.push_back(broken("index", names.error()));
    return findings;
  }
  findings[0].value += fmt::format(", {} name{}", names->size(), names->size() == 1 ? "" : "s");
  if (std::string reason = ownership(*folder); !reason.empty() && findings[0].state == Finding::State::good) {
    findings[0].state = Finding::State::limited;
    findings[0].reason = std::move(reason);
    findings[0].help = fmt::format("chmod go-w {}", folder->string());
  }
  for (std::size_t i = 0; i < std::min(names->size(), most_packages) && findings.size() <= most_shown; ++i) {
    const transport::LayoutStore::Named& named = (*names)[i];
    auto whole = check_stored(store, named.digest);
    if (whole) continue;
    findings.push_back(broken(named.name, whole.error()));
    findings.back().help = "push the package again: that repairs it";
  }
  return findings;
}

constexpr ProbeDef defs[] = {{"registry", run}};

}  // namespace
std::span<const ProbeDef> registry_probe() { return defs; }
}  // namespace modelctl::actions
