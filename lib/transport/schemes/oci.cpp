// OCI registries: registry.example[:port]/team/digits:1.2. Everything that is on the wire is in oci_registry.hpp.
#include "transport/oci_registry.hpp"
#include "transport/transport.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

constexpr std::size_t versions_limit = 10'000;  // each is one request

// Finds the two documents by the OCI manifest, then each entry by its signed digest: the manifest's list of layers is
// not used for that, so a registry cannot substitute one entry for another.
class OciReader : public Reader {
 public:
  explicit OciReader(Repository repository) : repository_(std::move(repository)) {}

  Result<Documents> documents() override {
    auto fetched = TRY(repository_.manifest(repository_.name().tag_or_digest()));
    OciManifest manifest = TRY(read_oci_manifest(fetched.text, repository_.name().text()));
    Documents documents;
    documents.manifest = TRY(document(manifest.documents[0], package::manifest_path));
    documents.bundle = TRY(document(manifest.documents[1], package::bundle_path));
    return documents;
  }

  Result<void> fetch(const Part& part, std::uint64_t from, const Sink& sink) override {
    return repository_.blob(part.digest, from, part.size, sink);
  }

 private:
  Result<std::string> document(const OciLayer& layer, std::string_view title) {
    std::string text;
    TRY(repository_.blob(layer.digest, 0, layer.size, [&](ByteSpan bytes) -> Result<void> {
      text.append(as_text(bytes));
      return {};
    }));
    if (Digest found = Sha256::of(as_bytes(text)); found != layer.digest) {
      return Error(Kind::untrusted, "digest-mismatch",
                   fmt::format("cannot read '{}' of '{}'", title, repository_.name().text()))
          .because(fmt::format("the registry sent {}, but {} was expected", found.text(), layer.digest.text()));
    }
    return text;
  }

  Repository repository_;
};

// Pushes all blobs before the manifest, which is what a tag refers to. An interrupted push leaves blobs without a
// manifest: the next push finds them, and the registry's garbage collection removes them otherwise.
class OciWriter : public Writer {
 public:
  OciWriter(Repository repository, Host& host) : repository_(std::move(repository)), host_(host) {}

  Result<Pushed> push(const package::Package& package, const NameCheck& check) override {
    OciPackage oci = oci_package(package);
    Pushed pushed;
    std::uint64_t total = 0;
    for (const Blob& blob : oci.blobs) total += blob.bytes.size();
    std::string what = fmt::format("pushing {}", repository_.name().text());
    for (const Blob& blob : oci.blobs) {
      std::uint64_t before = pushed.sent + pushed.skipped;
      std::uint64_t seen = 0;
      auto show = [&](std::uint64_t sent) {
        host_.reporter.progress(what, before + sent, total);
        if (sent <= seen) return;  // a part that is sent again
        if (blob.entry) package.release(blob.bytes.subspan(seen, sent - seen));
        seen = sent;
      };
      bool fresh = TRY(repository_.push_blob(blob, show));
      show(blob.bytes.size());
      (fresh ? pushed.sent : pushed.skipped) += blob.bytes.size();
    }
    // The distribution specification has no conditional PUT: what another push puts between these two requests is lost.
    TRY(check());
    TRY(repository_.push_manifest(repository_.name().tag, oci));  // last: a tag never means half a package
    Name exact = repository_.name();
    exact.digest = oci.digest;
    pushed.reference = exact.text();
    pushed.digest = oci.digest;
    return pushed;
  }

 private:
  Repository repository_;
  Host& host_;
};

Result<Name> name_of(const std::string& reference) { return parse_name(reference); }

Result<std::unique_ptr<Reader>> open_reader(const std::string& reference, Context& context) {
  Name name = TRY(parse_name(reference));
  return std::make_unique<OciReader>(TRY(Repository::open(name, Repository::Access::pull, context)));
}

Result<std::unique_ptr<Writer>> open_writer(const std::string& reference, Context& context) {
  Name name = TRY(parse_name(reference));
  if (name.digest) {
    return Error(Kind::usage, "bad-reference", fmt::format("cannot push to '{}'", reference))
        .because("a digest identifies a package that exists already")
        .help("push to a name and version; push prints the digest");
  }
  return std::make_unique<OciWriter>(TRY(Repository::open(name, Repository::Access::push, context)), context.host);
}

// `left` is how many versions may still be looked at: a registry chooses how many repositories and tags it names. Each
// tag costs a request, since a list of tags does not tell packages from images.
Result<void> list_repository(const Name& name, Context& context, std::size_t& left, std::vector<Listed>& all) {
  Repository repository = TRY(Repository::open(name, Repository::Access::pull, context));
  for (const std::string& tag : TRY(repository.tags())) {
    if (left-- == 0) {
      return Error(Kind::unsupported, "list-too-long", fmt::format("cannot list '{}'", name.host))
          .because(fmt::format("it has more than {} versions", versions_limit))
          .help(fmt::format("name one repository: modelctl list {}/{}", name.host, name.repository));
    }
    auto fetched = TRY(repository.manifest(tag));
    auto manifest = read_oci_manifest(fetched.text, "");
    if (!manifest) continue;  // an image, or an artifact of another kind
    Name tagged = name;
    tagged.tag = tag;
    all.push_back({tagged.text(), fetched.digest, manifest->size, std::nullopt});
  }
  return {};
}

// `registry` is a host, or host/team/name.
Result<std::vector<Listed>> list(const std::string& registry, Context& context) {
  Name name = TRY(parse_repository(registry));
  std::vector<Listed> all;
  std::size_t left = versions_limit;
  if (!name.repository.empty()) {
    TRY(list_repository(name, context, left, all));
  } else {
    for (std::string& repository : TRY(catalog(name.host, context))) {
      name.repository = std::move(repository);
      TRY(list_repository(name, context, left, all));
    }
  }
  std::sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) { return a.reference < b.reference; });
  return all;
}

constexpr TransportDef defs[] = {{
    .name = "oci",
    .example = "registry.example/team/digits:1.2",
    .summary = "any OCI registry, over HTTPS",
    .prefixes = {},
    .claims = begins_with_host,
    .name_of = name_of,
    .open_reader = open_reader,
    .open_writer = open_writer,
    .list = list,
}};

}  // namespace

std::span<const TransportDef> oci_transport() { return defs; }

}  // namespace modelctl::transport
