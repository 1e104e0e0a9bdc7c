// A package as an OCI artifact: one layer per file, uncompressed, with manifest.json and its signature first. Every
// byte is determined by the package, so it has the same digest in all registries, and a file that did not change is a
// blob that the registry has already.
#pragma once

#include "package/package.hpp"

#include <span>
#include <string>
#include <vector>

namespace modelctl::transport {

inline constexpr std::string_view oci_manifest_type = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index_type = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view package_artifact_type = "application/vnd.modelctl.package.v1";
inline constexpr std::uint64_t oci_manifest_limit = 4 << 20;  // also what registries accept

// One blob: the empty config or a layer.
struct Blob {
  std::string media_type;
  Digest digest;
  ByteSpan bytes;
  std::string title;   // the file's path in the package; empty for the config
  bool entry = false;  // an entry's content, which the package can release
};

// The blobs in the order in which they are pushed, and the manifest that lists them.
struct OciPackage {
  std::string manifest;  // the OCI manifest's bytes
  Digest digest;         // and their digest
  std::vector<Blob> blobs;
};

// The views are into `package`, which must outlive them.
OciPackage oci_package(const package::Package& package);

// The part of a registry's OCI manifest that our reader needs.
struct OciLayer {
  Digest digest;
  std::uint64_t size = 0;
};
struct OciManifest {
  std::string artifact_type;
  OciLayer documents[2];   // manifest.json and its signature
  std::uint64_t size = 0;  // of all layers
};
// Fails with bad_input if this is not a manifest of a package of ours; `where` names it in messages.
Result<OciManifest> read_oci_manifest(std::string_view text, std::string_view where);

}  // namespace modelctl::transport
