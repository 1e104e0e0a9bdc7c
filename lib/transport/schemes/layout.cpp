// The local registry, and any other folder that is an OCI image layout (oci:FOLDER:NAME:TAG, as skopeo writes it).
#include "transport/layout_store.hpp"
#include "transport/oci_package.hpp"
#include "transport/reference.hpp"
#include "transport/transport.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

namespace modelctl::transport {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view prefix = "oci:";
constexpr std::size_t chunk = 1 << 20;

// A reference resolved to a folder and a name in it.
struct LayoutReference {
  LayoutStore store;
  std::string spelled;  // what stands before the name in a reference: "" or "oci:FOLDER:"
  Name name;

  std::string title() const { return spelled.empty() ? "the local registry" : "'" + store.folder().string() + "'"; }
};

// The folder ends at the first ':' after the prefix; what follows is the name.
Result<LayoutReference> parse_layout_reference(const std::string& reference, Context& context) {
  if (!reference.starts_with(prefix)) {
    Name name = TRY(parse_name(reference));
    return LayoutReference{LayoutStore(TRY(local_registry(context.host.environment))), "", std::move(name)};
  }
  std::size_t colon = reference.find(':', prefix.size());
  std::string folder = reference.substr(prefix.size(), colon - prefix.size());
  if (colon == reference.npos || folder.empty()) {
    return Error(Kind::usage, "bad-reference", fmt::format("'{}' is not a reference to a package", reference))
        .because("it names no package in the folder")
        .help("write oci:FOLDER:NAME:VERSION");
  }
  Name name = TRY(parse_name(reference.substr(colon + 1)));
  if (!name.host.empty()) {
    return Error(Kind::usage, "bad-reference", fmt::format("'{}' is not a reference to a package", reference))
        .because("a package in a folder has no host")
        .help("write oci:FOLDER:NAME:VERSION");
  }
  return LayoutReference{LayoutStore(folder), reference.substr(0, colon + 1), std::move(name)};
}

Error no_such_package(const LayoutReference& target) {
  return Error(Kind::not_found, "no-such-package",
               fmt::format("there is no '{}' in {}", target.name.text(), target.title()))
      .at(target.store.folder().string())
      .help(target.spelled.empty()
                ? "modelctl list shows what there is"
                : fmt::format("modelctl list oci:{} shows what there is", target.store.folder().string()));
}

class LayoutReader : public Reader {
 public:
  LayoutReader(LayoutReference target, const StopToken& stop) : reference_(std::move(target)), stop_(stop) {}

  Result<Documents> documents() override {
    std::optional<Digest> digest = reference_.name.digest;
    if (!digest) digest = TRY(reference_.store.find(reference_.name.local()));
    std::error_code code;
    if (!digest || !fs::exists(reference_.store.blob_path(*digest), code)) return no_such_package(reference_);
    std::string where = reference_.store.blob_path(*digest).string();
    std::string text = TRY(reference_.store.text(*digest, oci_manifest_limit));
    OciManifest manifest = TRY(read_oci_manifest(text, where));
    Documents documents;
    documents.manifest = TRY(reference_.store.text(manifest.documents[0].digest, package::manifest_limit));
    documents.bundle = TRY(reference_.store.text(manifest.documents[1].digest, package::bundle_limit));
    return documents;
  }

  // Read, not mapped: pages of a mapping count as our memory, and a model may be larger than that.
  Result<void> fetch(const Part& part, std::uint64_t from, const Sink& sink) override {
    std::string what = fmt::format("cannot read '{}' of '{}'", part.path, reference_.name.text());
    Descriptor file = TRY_BECAUSE(reference_.store.open_blob(part.digest, part.size), what);
    std::vector<std::byte> buffer(chunk);
    while (from < part.size) {
      if (stop_.stopped()) return Error(Kind::interrupted, "interrupted", "the pull was interrupted");
      std::span<std::byte> wanted(buffer.data(), std::min<std::uint64_t>(chunk, part.size - from));
      ssize_t count = read_some_at(file.number(), wanted, from);
      if (count <= 0) return system_error(count < 0 ? errno : EIO, what, reference_.store.blob_path(part.digest));
      TRY(sink(ByteSpan(buffer).first(static_cast<std::size_t>(count))));
      from += static_cast<std::uint64_t>(count);
    }
    return {};
  }

 private:
  LayoutReference reference_;
  const StopToken& stop_;
};

// Stores the blobs, then the manifest, then the name: a push that ends early leaves the name as it was.
class LayoutWriter : public Writer {
 public:
  LayoutWriter(LayoutReference target, Host& host) : reference_(std::move(target)), host_(host) {}

  Result<Pushed> push(const package::Package& package, const NameCheck& check) override {
    OciPackage oci = oci_package(package);
    Pushed pushed;
    std::uint64_t total = 0;
    for (const Blob& blob : oci.blobs) total += blob.bytes.size();
    std::string what = fmt::format("pushing {}", reference_.name.text());
    for (const Blob& blob : oci.blobs) {
      std::uint64_t before = pushed.sent + pushed.skipped;
      std::uint64_t seen = 0;
      auto show = [&](std::uint64_t n) {
        host_.reporter.progress(what, before + n, total);
        if (blob.entry) package.release(blob.bytes.subspan(seen, n - seen));
        seen = n;
      };
      bool fresh = TRY_BECAUSE(reference_.store.put(blob.digest, blob.bytes, host_.stop, show),
                               fmt::format("pushing '{}' to {}", blob.title, reference_.title()));
      (fresh ? pushed.sent : pushed.skipped) += blob.bytes.size();
    }
    TRY(reference_.store.put(oci.digest, as_bytes(oci.manifest), host_.stop, nullptr));
    host_.reporter.progress(what, total, total);
    TRY(reference_.store.set_name(reference_.name.local(), oci.digest, oci.manifest.size(), package_artifact_type,
                                  host_.clock, check));
    Name exact = reference_.name;
    exact.digest = oci.digest;
    pushed.reference = reference_.spelled + exact.text();
    pushed.digest = oci.digest;
    return pushed;
  }

 private:
  LayoutReference reference_;
  Host& host_;
};

Result<Name> name_of(const std::string& reference) {
  if (!reference.starts_with(prefix)) return parse_name(reference);
  std::size_t colon = reference.find(':', prefix.size());
  return parse_name(colon == reference.npos ? std::string() : reference.substr(colon + 1));
}

Result<std::unique_ptr<Reader>> open_reader(const std::string& reference, Context& context) {
  return std::make_unique<LayoutReader>(TRY(parse_layout_reference(reference, context)), context.host.stop);
}

Result<std::unique_ptr<Writer>> open_writer(const std::string& reference, Context& context) {
  LayoutReference target = TRY(parse_layout_reference(reference, context));
  if (target.name.digest) {
    return Error(Kind::usage, "bad-reference", fmt::format("cannot push to '{}'", reference))
        .because("a digest identifies a package that exists already")
        .help("push to a name and version; push prints the digest");
  }
  return std::make_unique<LayoutWriter>(std::move(target), context.host);
}

// `registry` is empty, oci:FOLDER, or a name that the list is narrowed to.
Result<std::vector<Listed>> list(const std::string& registry, Context& context) {
  bool elsewhere = registry.starts_with(prefix);
  fs::path folder =
      elsewhere ? fs::path(registry.substr(prefix.size())) : TRY(local_registry(context.host.environment));
  std::string only = elsewhere || registry.empty() ? "" : TRY(parse_repository(registry)).repository;
  LayoutStore store(folder);
  if (elsewhere && !store.exists()) {
    return Error(Kind::not_found, "no-such-registry", fmt::format("there is no registry in '{}'", folder.string()))
        .at(folder.string())
        .because("it holds no index.json, as an OCI layout does");
  }
  std::vector<Listed> all;
  for (LayoutStore::Named& named : TRY(store.names())) {
    if (!only.empty() && !named.name.starts_with(only + ":")) continue;
    auto text = store.text(named.digest, oci_manifest_limit);
    if (!text) continue;  // a layout may name what lies elsewhere
    auto manifest = read_oci_manifest(*text, "");
    if (!manifest) continue;  // an image of another kind
    all.push_back({(elsewhere ? registry + ":" : "") + named.name, named.digest, manifest->size, named.pushed});
  }
  std::sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) { return a.reference < b.reference; });
  return all;
}

constexpr std::string_view prefixes[] = {prefix};
constexpr TransportDef defs[] = {{
    .name = "layout",
    .example = "digits:1.2",
    .summary = "the local registry, or another folder that is an OCI layout (oci:FOLDER:NAME:VERSION)",
    .prefixes = prefixes,
    .claims = [](std::string_view reference) { return !begins_with_host(reference); },
    .name_of = name_of,
    .open_reader = open_reader,
    .open_writer = open_writer,
    .list = list,
}};

}  // namespace

std::span<const TransportDef> layout_transport() { return defs; }

}  // namespace modelctl::transport
