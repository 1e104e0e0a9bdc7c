// Blobs by digest, and the index under its lock.
//
// Several processes may push into one layout. Blobs need no lock: each is written to a temporary file and renamed to
// the name that its content determines, so two writers of one blob write the same. The index is read, changed and
// replaced as one step under the lock. Readers take no lock, since the rename replaces the index at once.
#include "transport/layout_store.hpp"

#include "base/descriptor.hpp"
#include "base/json.hpp"
#include "transport/oci_package.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <ctime>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t index_limit = 64 << 20;
constexpr std::size_t chunk = 1 << 20;
constexpr std::chrono::milliseconds lock_pause{20};  // a push holds the lock for a few milliseconds
constexpr const char* name_key = "org.opencontainers.image.ref.name";
constexpr const char* pushed_key = "dev.modelctl.pushed";

// Holds the folder for writing its index. On the folder itself: a file that is renamed over cannot be locked.
class FolderLock {
 public:
  // Waits for another push to finish, and no longer than a stop: whoever can read the folder can lock it forever.
  static Result<FolderLock> take(const fs::path& folder, Clock& clock) {
    FolderLock lock(Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    int held = lock.folder_.number();
    if (held < 0) return system_error(errno, fmt::format("cannot open '{}'", folder.string()), folder);
    while (::flock(held, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return system_error(errno, fmt::format("cannot lock '{}'", folder.string()), folder);
      if (!clock.sleep(lock_pause)) {
        return Error(Kind::interrupted, "interrupted", "the push was interrupted")
            .at(folder.string())
            .because("it waited for another push into this folder");
      }
    }
    return lock;
  }

 private:
  explicit FolderLock(Descriptor folder) : folder_(std::move(folder)) {}
  Descriptor folder_;
};

Result<Json> read_index(const fs::path& folder) {
  fs::path path = folder / "index.json";
  std::string text = TRY(read_text_file(path, index_limit));
  Json index = TRY_BECAUSE(parse_json(text, path.string()), "reading the index of an OCI layout");
  TRY(json_array(index, "manifests", path.string()));
  return index;
}

std::string annotation(const Json& descriptor, const char* key) {
  if (!descriptor.is_object() || !descriptor.contains("annotations")) return {};
  return json_string(descriptor["annotations"], key, "").value_or("");
}

std::optional<std::chrono::system_clock::time_point> parse_date(const std::string& text) {
  std::tm date{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &date) == nullptr) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&date));
}

}  // namespace

// By the XDG base directory specification.
Result<fs::path> local_registry(const Environment& environment) {
  auto set = [&](const char* variable) {
    auto value = environment.get(variable);
    return value && !value->empty() ? value : std::nullopt;
  };
  if (auto folder = set("MODELCTL_REGISTRY")) return fs::path(*folder);
  if (auto folder = set("XDG_DATA_HOME")) return fs::path(*folder) / "modelctl/registry";
  if (auto folder = set("HOME")) return fs::path(*folder) / ".local/share/modelctl/registry";
  return Error(Kind::bad_config, "no-home", "cannot tell where the local registry is")
      .because("none of MODELCTL_REGISTRY, XDG_DATA_HOME and HOME is set")
      .help("set MODELCTL_REGISTRY to a folder");
}

bool LayoutStore::exists() const {
  std::error_code code;
  return fs::exists(folder_ / "index.json", code);
}

fs::path LayoutStore::blob_path(const Digest& digest) const { return folder_ / "blobs" / "sha256" / digest.hex(); }

Result<Descriptor> LayoutStore::open_blob(const Digest& digest, std::uint64_t size) const {
  fs::path path = blob_path(digest);
  std::string what = fmt::format("cannot read the blob '{}'", path.string());
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0) return system_error(errno, what, path);
  if (S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == size) return file;
  return Error(Kind::untrusted, "wrong-size", what)
      .at(path.string())
      .because(S_ISREG(status.st_mode) ? fmt::format("the file has {} bytes, but {} were signed", status.st_size, size)
                                       : std::string("it is not a regular file"));
}

Result<std::string> LayoutStore::text(const Digest& digest, std::uint64_t limit) const {
  std::string path = blob_path(digest).string();
  auto damaged = [&](std::string reason) {
    return Error(Kind::untrusted, "digest-mismatch", fmt::format("cannot use the blob '{}': it is damaged", path))
        .at(path)
        .because(std::move(reason));
  };
  std::error_code code;
  if (fs::file_status status = fs::status(path, code); fs::exists(status) && !fs::is_regular_file(status)) {
    return damaged("it is not a regular file");
  }
  auto file = TRY(MappedFile::open(path));
  if (file->bytes().size() > limit) {
    return Error(Kind::bad_input, "file-too-large",
                 fmt::format("cannot read '{}': it is larger than the {} bytes that are allowed here", path, limit))
        .at(path);
  }
  std::string text(as_text(file->bytes()));
  Digest found = Sha256::of(as_bytes(text));
  if (found == digest) return text;
  return damaged(fmt::format("its content has the digest {}", found.text()));
}

// The content of a file can be damaged while its size is right, so the digest is computed, which reads the file once:
// as much as writing it again would cost. What cannot be opened counts as damaged.
Result<bool> LayoutStore::is_whole(const Digest& digest, std::uint64_t size, const StopToken& stop) const {
  auto file = open_blob(digest, size);
  if (!file) return false;
  Sha256 hash;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(chunk, size));
  for (std::uint64_t at = 0; at < size;) {
    if (stop.stopped()) return Error(Kind::interrupted, "interrupted", "the push was interrupted");
    ssize_t count = read_some_at(file->number(), buffer, at);
    if (count <= 0) return false;
    hash.update(ByteSpan(buffer).first(static_cast<std::size_t>(count)));
    at += static_cast<std::uint64_t>(count);
  }
  return hash.finish() == digest;
}

Result<void> LayoutStore::create() const {
  TRY(make_folder(folder_ / "blobs" / "sha256"));
  std::error_code code;
  if (!fs::exists(folder_ / "oci-layout", code)) {
    TRY(write_file(folder_ / "oci-layout", as_bytes(R"({"imageLayoutVersion":"1.0.0"})")));
  }
  return {};
}

Result<bool> LayoutStore::put(const Digest& digest, ByteSpan bytes, const StopToken& stop,
                              const std::function<void(std::uint64_t)>& written) const {
  if (TRY(is_whole(digest, bytes.size(), stop))) return false;
  fs::path path = blob_path(digest);
  TRY(create());
  // A link, a device or a folder in a blob's place is replaced: AtomicFile would follow it, or fail.
  std::error_code code;
  if (fs::file_status status = fs::symlink_status(path, code); fs::exists(status) && !fs::is_regular_file(status)) {
    if (fs::remove_all(path, code); code) return system_error(code.value(), "cannot replace a damaged blob", path);
  }
  AtomicFile file = TRY(AtomicFile::create(path));
  Sha256 hash;
  for (std::size_t at = 0; at < bytes.size(); at += chunk) {
    if (stop.stopped()) return Error(Kind::interrupted, "interrupted", "the push was interrupted");
    ByteSpan piece = bytes.subspan(at, std::min(chunk, bytes.size() - at));
    hash.update(piece);
    TRY(file.write(piece));
    if (written) written(at + piece.size());
  }
  // Hashed on the way to the disk and compared before the rename: the store never has a blob under a name that is not
  // its content's, whatever happened to the source since it was checked.
  if (Digest found = hash.finish(); found != digest) {
    return Error(Kind::untrusted, "digest-mismatch", "cannot push what is not what its manifest says")
        .because(fmt::format("the content has the digest {}, the manifest says {}", found.text(), digest.text()));
  }
  TRY(file.commit());
  return true;
}

Result<std::vector<LayoutStore::Named>> LayoutStore::names() const {
  std::vector<Named> all;
  if (!exists()) return all;
  Json index = TRY(read_index(folder_));
  for (const Json& entry : index["manifests"]) {
    std::string name = annotation(entry, name_key);
    if (name.empty()) continue;
    std::string digest = TRY(json_string(entry, "digest", (folder_ / "index.json").string()));
    Digest manifest = TRY(Digest::parse(digest));
    all.push_back({std::move(name), std::move(manifest), parse_date(annotation(entry, pushed_key))});
  }
  return all;
}

Result<std::optional<Digest>> LayoutStore::find(std::string_view name) const {
  for (const Named& named : TRY(names())) {
    if (named.name == name) return std::optional(named.digest);
  }
  return std::optional<Digest>();
}

// A name has one entry: the new one replaces those before it. Its blobs were stored before, so whoever finds the name
// finds the content.
Result<void> LayoutStore::set_name(std::string_view name, const Digest& manifest, std::uint64_t size,
                                   std::string_view artifact_type, Clock& clock,
                                   const std::function<Result<void>()>& check) const {
  TRY(create());
  FolderLock lock = TRY(FolderLock::take(folder_, clock));
  TRY(check());
  Json index = {{"schemaVersion", 2}, {"mediaType", oci_index_type}, {"manifests", Json::array()}};
  if (exists()) index = TRY(read_index(folder_));
  Json& manifests = index["manifests"];
  for (auto entry = manifests.begin(); entry != manifests.end();) {
    entry = annotation(*entry, name_key) == name ? manifests.erase(entry) : entry + 1;
  }
  auto seconds = std::chrono::system_clock::to_time_t(clock.now());
  manifests.push_back(
      {{"mediaType", oci_manifest_type},
       {"artifactType", artifact_type},
       {"digest", manifest.text()},
       {"size", size},
       {"annotations", {{name_key, name}, {pushed_key, fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds))}}}});
  return write_file(folder_ / "index.json", as_bytes(canonical_json(index)));
}

}  // namespace modelctl::transport
