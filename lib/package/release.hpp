// The list of a release's files: SHA256SUMS, which `sha256sum -c` reads, and the signature over it. Each file's name
// has the release's version, so that the signature covers the version too: "modelctl-1.2.0-linux-x86_64.tar.gz".
#pragma once

#include "package/signing.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::package {

inline constexpr Subject release_subject = {"release", "list of files", "SHA256SUMS", "SHA256SUMS.sigstore.json",
                                            "https://modelctl.dev/release/v1"};
inline constexpr std::uint64_t release_list_limit = 64 << 10;  // bytes of SHA256SUMS

struct ReleaseFile {
  std::string name;
  Digest digest;
};

struct Release {
  std::string version;
  std::vector<ReleaseFile> files;

  // Reads a list: lines of a digest, two spaces and a file name. At least one file is the tarball of a Linux program,
  // and no two tarballs have different versions. Refuses everything else with bad_input.
  static Result<Release> read(std::string_view list);
  const ReleaseFile* find(std::string_view name) const;
};

// Negative if version `a` is older than `b`, 0 if they are equal, positive if it is newer: by the precedence of
// Semantic Versioning 2.0.0, section 11. A field that is not a number is compared as text.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace modelctl::package
