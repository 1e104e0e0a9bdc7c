// A pull into one archive. The archive grows in the order of its own layout, so its size shows how far an interrupted
// pull came; every byte that is not content (headers, padding, the end) is written again.
#include "transport/staging.hpp"

#include "base/file_mode.hpp"
#include "base/links.hpp"

#include <fmt/core.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

class ArchiveStaging : public Staging {
 public:
  ArchiveStaging(const package::SignedManifest& manifest, StagingPlace place, Descriptor file)
      : manifest_(manifest),
        layout_(manifest.manifest, manifest.text.size(), manifest.bundle.size()),
        place_(std::move(place)),
        file_(std::move(file)) {}

  Result<void> write_head() {
    std::string head = layout_.head(manifest_.text, manifest_.bundle);
    return write(as_bytes(head), 0);
  }

  // The file's size was chosen by whoever wrote it last, so it only says how many bytes to hash, never that they are
  // right.
  Result<OpenEntry> open_entry(std::size_t i) override {
    const package::Slot& slot = layout_.slots()[i + 2];
    struct stat status {};
    if (::fstat(file_.number(), &status) != 0) return cannot_write();
    auto size = static_cast<std::uint64_t>(status.st_size);
    TRY(write(as_bytes(layout_.header(slot)), slot.header_at));
    std::uint64_t present = size <= slot.at ? 0 : std::min(size - slot.at, slot.size);
    return OpenEntry{file_.number(), slot.at, present};
  }

  Result<void> finish_entry(std::size_t i) override {
    const package::Slot& slot = layout_.slots()[i + 2];
    return write(zeros(slot.end - slot.at - slot.size), slot.at + slot.size);
  }

  // The archive was created private. It gets the mode of the file that it replaces, else 0644: a package is not secret.
  Result<void> commit() override {
    TRY(write(zeros(2 * package::tar_block), layout_.size() - 2 * package::tar_block));
    struct stat old {};
    bool exists = ::fstatat(place_.parent(), place_.target().filename().c_str(), &old, 0) == 0;
    mode_t mode = exists ? old.st_mode & 0777 : allowed_mode(0644);
    // The size first: a killed pull may have left a longer file. Synced before the rename, since otherwise a crash
    // could leave the final name on a file without its content: POSIX gives no order between the two.
    bool good = ::ftruncate(file_.number(), static_cast<off_t>(layout_.size())) == 0 &&
                ::fchmod(file_.number(), mode) == 0 && ::fsync(file_.number()) == 0;
    if (!good) return cannot_write();
    return place_.put_in_place(file_);
  }

  void discard() override { ::unlinkat(place_.parent(), place_.path().filename().c_str(), 0); }
  const fs::path& path() const override { return place_.path(); }

 private:
  static ByteSpan zeros(std::uint64_t count) {
    static constexpr std::byte block[2 * package::tar_block] = {};
    return {block, count};
  }

  Error cannot_write() const {
    return system_error(errno, fmt::format("cannot write '{}'", place_.path().string()), place_.path());
  }

  Result<void> write(ByteSpan bytes, std::uint64_t offset) {
    if (write_all_at(file_.number(), bytes, offset)) return {};
    return cannot_write();
  }

  const package::SignedManifest& manifest_;
  package::Layout layout_;
  StagingPlace place_;
  Descriptor file_;
};

// The file that is replaced: what a link leads to, and not the link.
Result<fs::path> archive_file(const fs::path& path) {
  fs::path target = TRY(follow_links(path));
  std::error_code code;
  fs::file_status status = fs::status(target, code);
  std::string what = fmt::format("cannot write the archive '{}'", path.string());
  if (fs::is_directory(status)) {
    return Error(Kind::conflict, "is-a-folder", std::move(what)).at(path.string()).because("it is a folder");
  }
  if (is_stream(path)) {
    return Error(Kind::conflict, "not-a-file", std::move(what))
        .at(path.string())
        .because(
            "it is a device, a pipe or an open descriptor, and a pull needs a file to continue in after an "
            "interruption");
  }
  return target;
}

}  // namespace

Result<std::unique_ptr<Staging>> stage_archive(const package::SignedManifest& manifest, fs::path archive) {
  fs::path target = TRY(archive_file(archive));
  StagingPlace place = TRY(StagingPlace::in(std::move(target), manifest.digest));
  Descriptor file = TRY(place.claim(false));
  auto staging = std::make_unique<ArchiveStaging>(manifest, std::move(place), std::move(file));
  TRY(staging->write_head());
  return std::unique_ptr<Staging>(std::move(staging));
}

}  // namespace modelctl::transport
