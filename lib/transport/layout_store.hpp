// A folder that is an OCI image layout (OCI image specification 1.1, "Image Layout"): the local registry. Blobs are
// written once and do not change, except that a push repairs a damaged one; index.json is replaced as a whole under a
// lock on the folder.
#pragma once

#include "base/digest.hpp"
#include "base/files.hpp"
#include "base/host.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace modelctl::transport {

// Where the local registry is: $MODELCTL_REGISTRY, else $XDG_DATA_HOME/modelctl/registry, else
// ~/.local/share/modelctl/registry. It need not exist. Fails with bad_config if none of the variables is set.
Result<std::filesystem::path> local_registry(const Environment& environment);

class LayoutStore {
 public:
  // The folder need not exist.
  explicit LayoutStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }
  bool exists() const;

  std::filesystem::path blob_path(const Digest& digest) const;
  // A blob opened for reading; its size is checked, its content is not. Does not block, whatever is in its place.
  Result<Descriptor> open_blob(const Digest& digest, std::uint64_t size) const;
  // A small blob's content, at most `limit` bytes, its digest checked (untrusted if it does not match).
  Result<std::string> text(const Digest& digest, std::uint64_t limit) const;
  // Keeps the bytes, which must have this digest (untrusted if not). False: they were there already, undamaged.
  Result<bool> put(const Digest& digest, ByteSpan bytes, const StopToken& stop,
                   const std::function<void(std::uint64_t)>& written) const;

  struct Named {
    std::string name;
    Digest digest;  // of the manifest
    std::optional<std::chrono::system_clock::time_point> pushed;
  };
  // All manifests that have a name, in the index's order. No folder: none.
  Result<std::vector<Named>> names() const;
  Result<std::optional<Digest>> find(std::string_view name) const;
  // Lets `name` mean the manifest from now on; all its blobs must be there. `check` runs under the lock of the index,
  // so that no other process changes the name in between; it may read the store and must not write to it. Waits for the
  // lock, until a stop.
  Result<void> set_name(std::string_view name, const Digest& manifest, std::uint64_t size,
                        std::string_view artifact_type, Clock& clock, const std::function<Result<void>()>& check) const;

 private:
  Result<void> create() const;
  Result<bool> is_whole(const Digest& digest, std::uint64_t size, const StopToken& stop) const;
  std::filesystem::path folder_;
};

}  // namespace modelctl::transport
