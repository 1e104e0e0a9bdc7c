// Opens a package in either form, and compares its content with the manifest.
#include "package/package.hpp"

#include "base/pages.hpp"
#include "package/archive_internal.hpp"
#include "package/folder_internal.hpp"

#include <fmt/core.h>

#include <fcntl.h>

#include <algorithm>

namespace modelctl::package {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t piece_size = 1u << 20;  // a multiple of every page size

// Calls use(piece) for each piece, and drops its pages if it is a mapping.
template <class Use>
// Calls use(piece) for each piece, and drops its pages if it is a mapping: otherwise a package of 10 GiB would take 10
// GiB of memory while it is verified.
Result<void> each_piece(ByteSpan bytes, bool mapped, const Use& use) {
  while (!bytes.empty()) {
    ByteSpan piece = bytes.first(std::min(piece_size, bytes.size()));
    TRY(use(piece));
    if (mapped) release_pages(piece);
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

// Reports how far a verification has come, and ends it when a stop was asked for.
class Progress {
 public:
  Progress(Reporter& reporter, const StopToken& stop, std::uint64_t total)
      : reporter_(reporter), stop_(stop), total_(total) {}
  Result<void> add(std::uint64_t bytes) {
    if (stop_.stopped()) return Error(Kind::interrupted, "interrupted", "stopped verifying; nothing was used");
    reporter_.progress("verifying", done_ += bytes, total_);
    return {};
  }

 private:
  Reporter& reporter_;
  const StopToken& stop_;
  std::uint64_t total_, done_ = 0;
};

Result<void> feed_all(ByteSpan archive, bool mapped, StreamReader& reader, Reporter& reporter, const StopToken& stop) {
  Progress progress(reporter, stop, archive.size());
  TRY(each_piece(archive, mapped, [&](ByteSpan piece) -> Result<void> {
    TRY(reader.feed(piece));
    return progress.add(piece.size());
  }));
  return reader.finish();
}

class NoSink : public EntrySink {
 public:
  Result<void> begin(const Entry&) override { return {}; }
  Result<void> write(ByteSpan) override { return {}; }
  Result<void> end(const Entry&) override { return {}; }
};

}  // namespace

Result<Package> Package::open(const fs::path& path) { return open_by(path, &MappedFile::map); }

Result<Package> Package::open_stable(const fs::path& path) {
  return open_by(path,
                 [](Descriptor file, const fs::path& shown) { return MappedFile::map_stable(std::move(file), shown); });
}

Result<Package> Package::open_by(const fs::path& path, MapFile map) {
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    auto file = TRY(map(TRY(open_file(path, O_NONBLOCK)), path));
    Package package = TRY(over(file->bytes(), file, path));
    package.mapped_ = true;
    package.files_.push_back(std::move(file));
    return package;
  }
  Package package;
  package.path_ = path;
  package.mapped_ = true;
  if (auto good = package.read_folder(map); !good) return in_file(path, std::move(good).error());
  return package;
}

Result<Package> Package::over(ByteSpan archive, std::shared_ptr<const void> owner, fs::path name) {
  Package package;
  package.path_ = std::move(name);
  package.archive_ = archive;
  package.owner_ = std::move(owner);
  if (auto good = package.read_archive(); !good) return in_file(package.path_, std::move(good).error());
  return package;
}

Result<void> Package::read_archive() {
  // The sizes of the two documents are the only claims that are believed, up to their limits. From the manifest on,
  // every byte that is not content is known, and compared. No size is used before it was compared with the bytes that
  // are left.
  ByteSpan bytes = archive_;
  std::uint64_t at = 0;
  auto take = [&](std::uint64_t size) -> Result<ByteSpan> {
    if (size > bytes.size() - at)
      return bad_archive(bytes.size(), {}, bytes.empty() ? "it is empty" : "it ends too early");
    at += size;
    return bytes.subspan(at - size, size);
  };
  std::uint64_t timestamps[2];
  auto document = [&](std::string_view name, std::uint64_t limit,
                      std::uint64_t& timestamp) -> Result<std::string_view> {
    ByteSpan block = TRY(take(tar_block));
    DocumentHeader header = TRY(read_document_header(block, at - tar_block, name, limit));
    timestamp = header.timestamp;
    ByteSpan content = TRY(take(header.size));
    TRY(check_zeros(TRY(take(tar_padding(header.size))), at - tar_padding(header.size), name));
    return as_text(content);
  };
  manifest_text_ = TRY(document(manifest_path, manifest_limit, timestamps[0]));
  bundle_text_ = TRY(document(bundle_path, bundle_limit, timestamps[1]));
  manifest_ = TRY(Manifest::read(manifest_text_));
  for (std::uint64_t timestamp : timestamps) TRY(check_timestamp(manifest_, timestamp));

  Layout all = layout();
  for (std::size_t i = 0; i < manifest_.entries.size(); ++i) {
    const Slot& slot = all.slots()[i + 2];
    ByteSpan header = TRY(take(slot.at - slot.header_at));
    TRY(check_header(header, all.header(slot), slot));
    contents_.push_back(TRY(take(slot.size)));
    std::uint64_t padding = slot.end - at;
    TRY(check_zeros(TRY(take(padding)), at - padding, slot.path));
  }
  TRY(check_zeros(TRY(take(2 * tar_block)), at - 2 * tar_block, {}));
  // Nothing may follow: one package has one archive, and nothing travels with it unseen.
  if (at != bytes.size()) return bad_archive(at, {}, "something follows the end of the archive");
  return {};
}

Result<void> Package::check_unchanged() const {
  for (const auto& file : files_) TRY(file->check_unchanged());
  return {};
}

Result<void> Package::read_folder(MapFile map) {
  FolderReader folder = TRY(FolderReader::open(path_, map));
  for (std::string_view document : {manifest_path, bundle_path}) files_.push_back(TRY(folder.document(document)));
  manifest_text_ = as_text(files_[0]->bytes());
  bundle_text_ = as_text(files_[1]->bytes());
  manifest_ = TRY(Manifest::read(manifest_text_));
  for (auto& content : TRY(folder.contents(manifest_))) files_.push_back(std::move(content));
  for (std::size_t i = 0; i < manifest_.entries.size(); ++i) {
    const Entry& entry = manifest_.entries[i];
    contents_.push_back(files_[i + 2]->bytes());
    if (contents_[i].size() != entry.size) {
      return Error(Kind::bad_input, "altered", fmt::format("cannot use the package: '{}' was altered", entry.path))
          .at((path_ / entry.path).string())
          .because(fmt::format("it has {} bytes and not {}", contents_[i].size(), entry.size));
    }
  }
  owner_ = std::make_shared<const std::vector<std::shared_ptr<const MappedFile>>>(files_);
  return {};
}

Result<ByteSpan> Package::content(std::string_view path) const {
  for (std::size_t i = 0; i < contents_.size(); ++i) {
    if (manifest_.entries[i].path == path) return contents_[i];
  }
  return Error(Kind::not_found, "no-such-entry", fmt::format("cannot find '{}' in the package", path))
      .at(path_.string());
}

const Entry* Package::first(Role role) const {
  for (const Entry& entry : manifest_.entries) {
    if (entry.role == role) return &entry;
  }
  return nullptr;
}

Result<SignedManifest> Package::verify(const Trust& trust, Reporter& reporter, const StopToken& stop) const {
  auto verified = !archive_.empty() ? verify_archive(trust, reporter, stop) : verify_folder(trust, reporter, stop);
  if (!verified) return in_file(path_, std::move(verified).error());
  return verified;
}

// Reads the archive again as a stream, as if it had never been opened: what was parsed when it was opened may have
// changed since. The manifest that the caller holds must be the one whose signature was verified.
Result<SignedManifest> Package::verify_archive(const Trust& trust, Reporter& reporter, const StopToken& stop) const {
  NoSink sink;
  StreamReader reader(trust, sink);
  TRY(feed_all(archive_, mapped_, reader, reporter, stop));
  if (reader.opened()->manifest == manifest_) return *reader.opened();
  return Error(Kind::untrusted, "altered", "cannot use the package: it changed while it was read");
}

// The signature first: it costs nothing, and without it the content need not be hashed.
Result<SignedManifest> Package::verify_folder(const Trust& trust, Reporter& reporter, const StopToken& stop) const {
  SignedManifest opened = TRY(open_signed(manifest_text_, bundle_text_, trust));
  if (opened.manifest != manifest_) {
    return Error(Kind::untrusted, "altered", "cannot use the package: it changed while it was read");
  }
  TRY(check_entries(reporter, stop));
  return opened;
}

void Package::release(ByteSpan content) const {
  if (mapped_) release_pages(content);
}

Result<void> Package::check_content(Reporter& reporter, const StopToken& stop) const {
  auto good = check_entries(reporter, stop);
  if (!good) return in_file(path_, std::move(good).error());
  return good;
}

Result<void> Package::check_entries(Reporter& reporter, const StopToken& stop) const {
  Progress progress(reporter, stop, manifest_.payload_size());
  for (std::size_t i = 0; i < contents_.size(); ++i) {
    EntryCheck check(manifest_.entries[i]);
    TRY(each_piece(contents_[i], mapped_, [&](ByteSpan piece) -> Result<void> {
      TRY(check.update(piece));
      return progress.add(piece.size());
    }));
    TRY(check.finish());
  }
  return {};
}

}  // namespace modelctl::package
