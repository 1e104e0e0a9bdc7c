// pack: an artifact, and what belongs to it, as one signed package.
#pragma once

#include "base/host.hpp"
#include "package/writer.hpp"

namespace modelctl::actions {

struct PackRequest {
  std::filesystem::path artifact;
  std::string name, version;
  std::filesystem::path key;            // the private key
  std::filesystem::path password_file;  // with the key's passphrase, in place of environment and prompt
  std::filesystem::path output;
  std::string description;  // one line for people
  std::string licence;      // SPDX expression
  std::vector<package::Quality> quality;
  std::map<std::string, std::string> annotations;
  // More files, each stored under its own name in a folder named for its role ("samples/images.npy").
  struct File {
    package::Role role;
    std::filesystem::path path;
  };
  std::vector<File> files;
};

struct PackReport {
  package::Manifest manifest;
  Digest digest;  // of the manifest: the package's
  std::uint64_t archive_size = 0;
  std::filesystem::path output;
  Digest signer;  // the fingerprint of the key
};

Result<PackReport> pack(const PackRequest& request, Host& host);

}  // namespace modelctl::actions
