// A pull into a folder. The waiting folder is renamed into place as a whole, so everything in it becomes part of the
// package: before the rename it is reduced to the files of the signed manifest, and only those. A killed pull may have
// left other files there, such as a half-written document.
#include "transport/staging.hpp"

#include "base/file_mode.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

class FolderStaging : public Staging {
 public:
  FolderStaging(const package::SignedManifest& manifest, StagingPlace place, Descriptor claimed)
      : manifest_(manifest), place_(std::move(place)), folder_(std::move(claimed), place_.path()) {}

  Result<OpenEntry> open_entry(std::size_t i) override {
    const package::Entry& entry = manifest_.manifest.entries[i];
    file_ = TRY(folder_.file(entry.path));
    struct stat status {};
    if (::fstat(file_.number(), &status) != 0) return cannot_write(entry.path);
    return OpenEntry{file_.number(), 0, static_cast<std::uint64_t>(status.st_size)};
  }

  // Until now a new file was private (0600), and an executable one could not be run half-written.
  Result<void> finish_entry(std::size_t i) override {
    const package::Entry& entry = manifest_.manifest.entries[i];
    TRY(complete(file_, entry.mode(), entry.path));
    file_.close();
    return {};
  }

  Result<void> commit() override {
    TRY(write_document(package::manifest_path, manifest_.text));
    TRY(write_document(package::bundle_path, manifest_.bundle));
    std::set<std::string> files{std::string(package::manifest_path), std::string(package::bundle_path)};
    for (const package::Entry& entry : manifest_.manifest.entries) files.insert(entry.path);
    TRY(folder_.keep_only(files));
    return place_.put_in_place(folder_.descriptor());
  }

  void discard() override {
    std::error_code code;
    file_.close();
    fs::remove_all(place_.path(), code);
  }
  const fs::path& path() const override { return place_.path(); }

 private:
  // Written in place: no other process reads it here, and the next pull writes it again from its start.
  Result<void> write_document(std::string_view name, std::string_view text) {
    Descriptor file = TRY(folder_.file(name));
    if (::ftruncate(file.number(), 0) != 0) return cannot_write(name);
    if (!write_all_at(file.number(), as_bytes(text), 0)) return cannot_write(name);
    return complete(file, 0644, name);
  }

  // The time comes from the package, not from the pull, so that two pulls give equal folders.
  Result<void> complete(const Descriptor& file, unsigned mode, std::string_view name) const {
    auto seconds = static_cast<std::time_t>(manifest_.manifest.timestamp);
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    bool good = ::fchmod(file.number(), allowed_mode(mode)) == 0 && ::futimens(file.number(), times) == 0 &&
                ::fsync(file.number()) == 0;
    return good ? Result<void>() : cannot_write(name);
  }

  Error cannot_write(std::string_view name) const {
    fs::path path = place_.path() / name;
    return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
  }

  const package::SignedManifest& manifest_;
  StagingPlace place_;
  CheckedFolder folder_;
  Descriptor file_;  // the entry that is being written
};

}  // namespace

Result<void> check_new_folder(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(folder, code) || fs::is_empty(folder, code)) return {};
  return Error(Kind::conflict, "already-exists", fmt::format("cannot pull into '{}': it is not empty", folder.string()))
      .at(folder.string())
      .help("name another folder, or remove this one first");
}

Result<std::unique_ptr<Staging>> stage_folder(const package::SignedManifest& manifest, fs::path folder) {
  StagingPlace place = TRY(StagingPlace::in(std::move(folder), manifest.digest));
  TRY(check_new_folder(place.target()));
  Descriptor claimed = TRY(place.claim(true));
  return std::unique_ptr<Staging>(new FolderStaging(manifest, std::move(place), std::move(claimed)));
}

}  // namespace modelctl::transport
