// Writing and reading the OCI manifest of a package.
//
// It is an artifact manifest (OCI image specification 1.1, "Guidelines for Artifact Usage"): an empty config,
// artifactType, and one layer per file with its path as the title. Registries treat it like an image, and oras unpacks
// it to the files. Its JSON is canonical and contains nothing of the push (no date, no tool), so every push of a
// package gives one digest.
#include "transport/oci_package.hpp"

#include "base/json.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

constexpr std::string_view empty_config = "{}";  // OCI image specification 1.1, "Guidance for an Empty Descriptor"
constexpr std::string_view title_key = "org.opencontainers.image.title";  // oras and others name the files by it

Json descriptor(const Blob& blob) {
  Json json = {{"mediaType", blob.media_type}, {"digest", blob.digest.text()}, {"size", blob.bytes.size()}};
  if (!blob.title.empty()) json["annotations"][std::string(title_key)] = blob.title;
  return json;
}

std::string date(std::uint64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace

OciPackage oci_package(const package::Package& package) {
  const package::Manifest& manifest = package.manifest();
  OciPackage oci;
  auto add = [&](std::string type, Digest digest, ByteSpan bytes, std::string title) {
    oci.blobs.push_back({std::move(type), digest, bytes, std::move(title)});
  };
  ByteSpan config = as_bytes(empty_config);
  ByteSpan text = as_bytes(package.manifest_text()), bundle = as_bytes(package.bundle_text());
  add("application/vnd.oci.empty.v1+json", Sha256::of(config), config, "");
  add("application/vnd.modelctl.package.manifest.v1+json", Sha256::of(text), text, std::string(package::manifest_path));
  add(std::string(package::bundle_media_type), Sha256::of(bundle), bundle, std::string(package::bundle_path));
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
    const package::Entry& entry = manifest.entries[i];
    add(fmt::format("application/vnd.modelctl.package.{}.v1", package::name(entry.role)), entry.digest,
        package.content(i), entry.path);
    oci.blobs.back().entry = true;
  }
  Json json = {{"schemaVersion", 2},
               {"mediaType", oci_manifest_type},
               {"artifactType", package_artifact_type},
               {"config", descriptor(oci.blobs.front())},
               {"layers", Json::array()},
               {"annotations",
                {{std::string(title_key), manifest.name},
                 {"org.opencontainers.image.version", manifest.version},
                 {"org.opencontainers.image.created", date(manifest.timestamp)}}}};
  if (!manifest.license.empty()) json["annotations"]["org.opencontainers.image.licenses"] = manifest.license;
  for (std::size_t i = 1; i < oci.blobs.size(); ++i) json["layers"].push_back(descriptor(oci.blobs[i]));
  oci.manifest = canonical_json(json);
  oci.digest = Sha256::of(as_bytes(oci.manifest));
  return oci;
}

// The manifest is not signed, so it is used only to find the two signed documents. Everything else follows from those.
Result<OciManifest> read_oci_manifest(std::string_view text, std::string_view where) {
  Json json = TRY(parse_json(text, where));
  OciManifest manifest;
  manifest.artifact_type = json_string(json, "artifactType", where).value_or("");
  if (!json.is_object() || !json.contains("layers")) {
    return Error(Kind::bad_input, "no-package", "the manifest there does not describe a package of modelctl")
        .at(std::string(where))
        .because("it has no layers, as the index of an image for several platforms");
  }
  const Json& layers = *TRY(json_array(json, "layers", where));
  bool found[2] = {false, false};
  for (const Json& layer : layers) {
    OciLayer read;
    read.digest = TRY(Digest::parse(TRY(json_string(layer, "digest", where))));
    read.size = TRY(json_unsigned(layer, "size", where));
    manifest.size += std::min(read.size, package::payload_limit);
    if (!layer.contains("annotations")) continue;
    std::string title = json_string(layer["annotations"], title_key.data(), where).value_or("");
    for (std::size_t i : {0, 1}) {
      if (title != (i == 0 ? package::manifest_path : package::bundle_path) || found[i]) continue;
      std::uint64_t limit = i == 0 ? package::manifest_limit : package::bundle_limit;
      if (read.size > limit) {
        return Error(Kind::bad_input, "documents-too-large", fmt::format("'{}' is too large to be read", title))
            .at(std::string(where))
            .because(fmt::format("it claims {} bytes of at most {}", read.size, limit));
      }
      manifest.documents[i] = read;
      found[i] = true;
    }
  }
  if (!found[0] || !found[1]) {
    return Error(Kind::bad_input, "no-package", "the manifest there does not describe a package of modelctl")
        .at(std::string(where))
        .because(fmt::format("it has no layer '{}'", found[0] ? package::bundle_path : package::manifest_path));
  }
  return manifest;
}

}  // namespace modelctl::transport
