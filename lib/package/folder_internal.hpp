// The files of an unpacked package. The folder may have been prepared by anybody: it is walked by descriptor, so that
// no name is resolved twice and no link is followed, and nothing in it is opened for longer than it takes to see what
// it is.
#pragma once

#include "base/files.hpp"
#include "package/manifest.hpp"

namespace modelctl::package {

// One open folder with an unpacked package, in two steps, as the manifest must be read to know what may be there.
class FolderReader {
 public:
  // MappedFile::map or map_stable.
  using MapFile = Result<std::shared_ptr<const MappedFile>> (*)(Descriptor file, const std::filesystem::path& shown);
  static Result<FolderReader> open(const std::filesystem::path& path, MapFile map);

  // manifest.json or manifest.sigstore.json.
  Result<std::shared_ptr<const MappedFile>> document(std::string_view name) const;
  // The content of each entry. Fails with `untrusted` if the folder holds anything that is not an entry, a document or
  // a folder of one: another file, a link, a FIFO, a socket, a device, an empty folder; or if a file or folder is
  // set-user-ID or writable by everybody. Fails with `bad_input` if an entry is missing.
  Result<std::vector<std::shared_ptr<const MappedFile>>> contents(const Manifest& manifest) const;

 private:
  FolderReader(Descriptor folder, std::filesystem::path path, MapFile map)
      : folder_(std::move(folder)), path_(std::move(path)), map_(map) {}
  Descriptor folder_;
  std::filesystem::path path_;
  MapFile map_;
};

}  // namespace modelctl::package
