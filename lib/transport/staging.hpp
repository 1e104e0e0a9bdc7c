// Where a package that is being pulled waits until all of it is there and checked: a hidden folder or file beside its
// final place, named by the manifest's digest, so that the same pull finds it again after an interruption. What is
// found there is not trusted: its content is hashed again, and it is opened as checked_folder.hpp says.
#pragma once

#include "package/package.hpp"
#include "transport/checked_folder.hpp"

#include <filesystem>
#include <memory>

namespace modelctl::transport {

class Staging {
 public:
  virtual ~Staging() = default;

  // An open file that holds entry i's content from the offset `base` on; `present` bytes of it are left from before,
  // unchecked.
  struct OpenEntry {
    int descriptor;
    std::uint64_t base;
    std::uint64_t present;
  };
  virtual Result<OpenEntry> open_entry(std::size_t entry) = 0;
  // Entry i is complete; its OpenEntry is not used any more.
  virtual Result<void> finish_entry(std::size_t entry) = 0;
  // Puts the files of the manifest in place, and nothing else.
  virtual Result<void> commit() = 0;
  // Removes what is there: it is not what was signed.
  virtual void discard() = 0;
  virtual const std::filesystem::path& path() const = 0;
};

// Fails with `conflict` unless the folder does not exist or is empty.
Result<void> check_new_folder(const std::filesystem::path& folder);

// Unpacked, as `folder`, which must pass check_new_folder(). Fails with `conflict` while another pull holds the place.
Result<std::unique_ptr<Staging>> stage_folder(const package::SignedManifest& manifest, std::filesystem::path folder);
// As the one archive that the manifest describes. A symbolic link is followed; any other non-regular file is refused.
Result<std::unique_ptr<Staging>> stage_archive(const package::SignedManifest& manifest, std::filesystem::path archive);

// The two names of a staging place in their common folder: what both implementations share.
class StagingPlace {
 public:
  static Result<StagingPlace> in(std::filesystem::path target, const Digest& digest);

  // Opens the waiting folder or file, creates it if needed, and locks other pulls out until the descriptor is closed.
  Result<Descriptor> claim(bool folder) const;
  // Renames it to the target, if the name still means what was claimed. Then what killed pulls of other versions into
  // the same target have left is removed: it will not be continued.
  Result<void> put_in_place(const Descriptor& claimed) const;

  const std::filesystem::path& target() const { return target_; }
  const std::filesystem::path& path() const { return path_; }
  int parent() const { return parent_.number(); }

 private:
  bool names(const Descriptor& claimed) const;
  void remove_others() const;

  std::filesystem::path target_, path_;
  Descriptor parent_;
};

}  // namespace modelctl::transport
