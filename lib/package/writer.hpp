// Writes a package in one pass over the payload: content goes to its final offset while it is hashed, and the documents
// in front, whose size depends on no digest, follow.
#pragma once

#include "base/files.hpp"
#include "base/host.hpp"
#include "package/keys.hpp"
#include "package/manifest.hpp"

namespace modelctl::package {

// Where an entry's content comes from: a range of a file, or bytes.
struct Content {
  std::filesystem::path file;
  std::uint64_t offset = 0, size = 0;
  std::string bytes;  // if `file` is empty

  static Result<Content> of_file(std::filesystem::path file);
  static Content of_range(std::filesystem::path file, std::uint64_t offset, std::uint64_t size) {
    return {std::move(file), offset, size, {}};
  }
  static Content of_bytes(std::string bytes) { return {{}, 0, bytes.size(), std::move(bytes)}; }
};

struct Payload {
  std::string path;
  Role role = Role::document;
  bool executable = false;
  Content content;
};

struct Written {
  Manifest manifest;  // with its entries
  Digest digest;      // of manifest.json: the package's digest
  std::uint64_t archive_size = 0;
};

// `draft` is the manifest without its entries. The archive at `output` is complete or absent. Fails with bad_input for
// what the reader would refuse, with io if a file cannot be read or becomes shorter meanwhile, and with interrupted. A
// file that grows is packed at the size that it had when its Content was made.
Result<Written> write_package(Manifest draft, std::vector<Payload> payload, const PrivateKey& key,
                              const std::filesystem::path& output, Reporter& reporter, const StopToken& stop);

}  // namespace modelctl::package
