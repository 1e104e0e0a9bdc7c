// Where a package that is being pulled waits until all of it is there and right: a hidden folder or file beside its
// final place, named by the manifest's digest, so that the same pull finds it again after an interruption.
#pragma once

#include "package/package.hpp"

#include <filesystem>
#include <memory>

namespace modelctl::transport {

class Staging {
 public:
  virtual ~Staging() = default;

  // An open file in which entry i's content lies from `base` on; `present` bytes of it are there from before,
  // unchecked.
  struct Place {
    int descriptor;
    std::uint64_t base;
    std::uint64_t present;
  };
  virtual Result<Place> place(std::size_t entry) = 0;
  // Entry i is whole; its place is not used any more.
  virtual Result<void> finish(std::size_t entry) = 0;
  // Puts everything in place.
  virtual Result<void> commit() = 0;
  // Removes what is there: it is not what was signed.
  virtual void discard() = 0;
  virtual const std::filesystem::path& path() const = 0;
};

// Unpacked, as `folder`, which must not exist or be empty. Fails with `conflict` while another pull holds the place.
Result<std::unique_ptr<Staging>> stage_folder(const package::SignedManifest& manifest, std::filesystem::path folder);
// As the one archive that the manifest stands for.
Result<std::unique_ptr<Staging>> stage_archive(const package::SignedManifest& manifest, std::filesystem::path archive);

}  // namespace modelctl::transport
