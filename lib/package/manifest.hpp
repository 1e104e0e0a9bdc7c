// What a package says of itself: manifest.json, the one document that is signed. It has exactly one spelling (canonical
// JSON, nothing unknown, nothing optional left empty), so that equal manifests are equal bytes and have equal digests.
// docs/explanation/package.md describes the format, docs/reference/manifest.schema.json its members.
#pragma once

#include "base/digest.hpp"

#include <map>
#include <optional>

namespace modelctl::package {

inline constexpr std::string_view manifest_format = "modelctl.package/1";
inline constexpr std::string_view manifest_path = "manifest.json";
inline constexpr std::string_view bundle_path = "manifest.sigstore.json";

// What a reader believes at most, so that a claim costs nothing. They bound what a hostile manifest can make a reader
// allocate or compute before a digest is compared, and are far beyond any real package.
inline constexpr std::uint64_t manifest_limit = 4u << 20;  // bytes of manifest.json
inline constexpr std::uint64_t bundle_limit = 64u << 10;   // bytes of manifest.sigstore.json
inline constexpr std::size_t entry_limit = 10'000;         // entries
inline constexpr std::size_t path_limit = 1024;            // bytes of a path
inline constexpr std::uint64_t payload_limit =
    (1ull << 53) - 1;  // bytes of all entries: what JSON numbers hold exactly
inline constexpr std::uint64_t timestamp_limit = 077777777777ull;  // seconds since 1970: what a tar header holds

// What an entry is for. The names in the manifest are those of the enumerators.
enum class Role : std::uint8_t { plan, weights, source, sample, code, document, sbom, provenance };
std::string_view name(Role role);
Result<Role> parse_role(std::string_view text);

struct Entry {
  std::string path;  // relative, '/' between folders; see check_path
  Role role = Role::document;
  bool executable = false;  // mode 0755 instead of 0644
  std::uint64_t size = 0;
  Digest digest;

  unsigned mode() const { return executable ? 0755u : 0644u; }
  bool operator==(const Entry&) const = default;
};

// One extent of a tensor: a number, or the name of a symbol; "?" if it has no name.
struct Dimension {
  std::uint64_t size = 0;
  std::string symbol;  // not empty: the dimension is symbolic and `size` means nothing
  bool operator==(const Dimension&) const = default;
};
struct TensorSignature {
  std::string name;
  std::string type;  // "float32", "int64", …
  std::vector<Dimension> shape;
  bool operator==(const TensorSignature&) const = default;
};

// What a machine must have to run the package. Empty members claim nothing.
struct Requirements {
  std::string architecture;               // "x86_64"
  std::vector<std::string> cpu_features;  // "avx2", …
  std::uint64_t memory = 0;               // bytes
  std::vector<std::string> libraries;     // shared libraries by soname
  std::string interpreter;                // for packages with code: "python>=3.11"
  std::vector<std::string> packages;      // pinned: "numpy==1.26.4"
  bool operator==(const Requirements&) const = default;
};

struct Quality {
  std::string metric;  // "accuracy"
  double value = 0;
  std::string data_set;                   // its name
  std::optional<Digest> data_set_digest;  // and, where it is a file, its digest
  bool operator==(const Quality&) const = default;
};

// A file that the build used, by name and digest: the source model first of all.
struct Material {
  std::string name;
  Digest digest;
  bool operator==(const Material&) const = default;
};
struct Lineage {
  std::string builder;  // "modelctl 0.1.0"
  std::vector<Material> sources;
  bool operator==(const Lineage&) const = default;
};

struct Manifest {
  std::string name;                              // "digits", "team/digits": an OCI repository's grammar
  std::string version;                           // "1.2": an OCI tag's grammar
  std::uint64_t timestamp = 0;                   // of every file, seconds since 1970 (SOURCE_DATE_EPOCH)
  std::string description;                       // one line for people
  std::string license;                           // SPDX expression
  std::vector<TensorSignature> inputs, outputs;  // the model's signature
  Requirements requirements;
  std::vector<Quality> quality;
  Lineage lineage;
  std::map<std::string, std::string> annotations;  // for everyone else's needs; we read none of them
  std::vector<Entry> entries;                      // sorted by path, bytewise

  const Entry* find(std::string_view path) const;
  std::uint64_t payload_size() const;
  bool operator==(const Manifest&) const = default;

  // The bytes of manifest.json. Its size depends on no digest's value.
  std::string write() const;
  // Accepts exactly what write() gives, and reports every fault that it finds. Errors are bad_input, or unsupported
  // for another version of the format.
  static Result<Manifest> read(std::string_view text);
};

// Whether a path may stand in a package: relative, no empty, '.' or '..' part, nothing that is special on any common
// system. Only printable ASCII: other alphabets have several spellings of one name, and file systems disagree on them.
// The errors of all three are bad_input: codes bad-entry-path, bad-package-name, bad-package-version.
Result<void> check_path(std::string_view path);
Result<void> check_name(std::string_view name);
Result<void> check_version(std::string_view version);

}  // namespace modelctl::package
