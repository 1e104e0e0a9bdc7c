// A package on this machine, mapped: an archive, or the folder that it was unpacked into. Opening checks the form and
// costs nothing; whoever is going to use the content calls verify() first. Nobody may shorten the files meanwhile.
#pragma once

#include "base/descriptor.hpp"
#include "base/files.hpp"
#include "base/host.hpp"
#include "package/reader.hpp"

namespace modelctl::package {

// Copies share the mapping. The views that it returns point into the mapping and are valid for as long as owner() is
// held. The files must not become shorter meanwhile: access to a page that is gone ends the process
// (base/mapped_file.hpp).
class Package {
 public:
  // Errors are bad_input for what is not a package, unsupported for a newer format.
  static Result<Package> open(const std::filesystem::path& path);
  // The same for a package whose content is used for a while after it was verified (MappedFile::open_stable).
  static Result<Package> open_stable(const std::filesystem::path& path);
  // An archive that is in memory already; `name` is for messages.
  static Result<Package> over(ByteSpan archive, std::shared_ptr<const void> owner, std::filesystem::path name);

  const Manifest& manifest() const { return manifest_; }
  std::string_view manifest_text() const { return manifest_text_; }
  std::string_view bundle_text() const { return bundle_text_; }
  Digest digest() const { return Sha256::of(as_bytes(manifest_text_)); }  // the package's
  bool is_folder() const { return archive_.empty(); }
  Layout layout() const { return Layout(manifest_, manifest_text_.size(), bundle_text_.size()); }

  // An entry's content, a view into the mapping, 64-byte aligned; entry `i` of the manifest.
  ByteSpan content(std::size_t i) const { return contents_[i]; }
  // The content of the entry with that path; not_found if there is none.
  Result<ByteSpan> content(std::string_view path) const;
  // Keeps the contents alive; share it with whatever outlives the package.
  std::shared_ptr<const void> owner() const { return owner_; }
  // The files that are mapped: the archive, or each file of a folder.
  std::span<const std::shared_ptr<const MappedFile>> files() const { return files_; }
  // Drops the pages of a part of an entry's content that was read and is not needed soon: it is read from the file
  // again.
  void release(ByteSpan content) const;
  // The first entry of a role, or null.
  const Entry* first(Role role) const;

  // Checks the signature, then every byte of the package. Memory stays small at any size. Every refusal is untrusted.
  Result<SignedManifest> verify(const Trust& trust, Reporter& reporter, const StopToken& stop) const;
  // Every entry against the manifest, the signature left aside: that nothing was damaged, not where it is from.
  Result<void> check_content(Reporter& reporter, const StopToken& stop) const;
  // Fails if somebody wrote to a file of the package since open_stable().
  Result<void> check_unchanged() const;

 private:
  Package() = default;
  Result<void> read_archive();
  using MapFile = Result<std::shared_ptr<const MappedFile>> (*)(Descriptor file, const std::filesystem::path& path);
  static Result<Package> open_by(const std::filesystem::path& path, MapFile map);
  Result<void> read_folder(MapFile map);
  Result<SignedManifest> verify_archive(const Trust& trust, Reporter& reporter, const StopToken& stop) const;
  Result<void> check_entries(Reporter& reporter, const StopToken& stop) const;
  Result<SignedManifest> verify_folder(const Trust& trust, Reporter& reporter, const StopToken& stop) const;
  std::filesystem::path path_;
  ByteSpan archive_;     // empty for a folder
  bool mapped_ = false;  // from files, and not memory that a caller gave
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::shared_ptr<const void> owner_;
  Manifest manifest_;
  std::string_view manifest_text_, bundle_text_;
  std::vector<ByteSpan> contents_;
};

// Verifies an archive, read as a stream, or an unpacked folder. Every refusal is untrusted, malformed ones too.
Result<SignedManifest> verify(const std::filesystem::path& path, const Trust& trust, Reporter& reporter,
                              const StopToken& stop);

// Verifies the archive while it unpacks it, then puts the whole folder in place; `folder` must not exist or be empty,
// else it fails with conflict. After any failure nothing is at `folder` that was not there before.
Result<SignedManifest> unpack(const std::filesystem::path& archive, const std::filesystem::path& folder,
                              const Trust& trust, Reporter& reporter, const StopToken& stop);

// Receives entries into a folder that nobody sees yet, for unpack() and for transports.
class FolderSink : public EntrySink {
 public:
  explicit FolderSink(std::filesystem::path folder) : folder_(std::move(folder)) {}
  FolderSink(const FolderSink&) = delete;
  FolderSink& operator=(const FolderSink&) = delete;
  Result<void> opened(const SignedManifest& manifest) override;
  Result<void> begin(const Entry& entry) override;
  Result<void> write(ByteSpan bytes) override;
  Result<void> end(const Entry& entry) override;

 private:
  std::filesystem::path folder_, path_;
  Descriptor file_;
};

}  // namespace modelctl::package
