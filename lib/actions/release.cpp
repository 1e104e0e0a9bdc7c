// A release is a folder of files, here or on a web host. Its signature is checked first, then the file that was named.
#include "actions/release.hpp"

#include "actions/remote_context.hpp"
#include "base/files.hpp"
#include "package/passphrase.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

using package::release_subject;
using Sink = std::function<void(ByteSpan)>;

// Where the files of a release are.
class ReleaseFolder {
 public:
  virtual ~ReleaseFolder() = default;
  virtual std::string place_of(std::string_view name) const = 0;
  virtual Result<std::string> document(std::string_view name, std::uint64_t limit) = 0;
  virtual Result<void> read(std::string_view name, const Sink& sink) = 0;
};

class LocalFolder final : public ReleaseFolder {
 public:
  explicit LocalFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::string place_of(std::string_view name) const override { return (folder_ / name).string(); }

  Result<std::string> document(std::string_view name, std::uint64_t limit) override {
    return read_text_file(folder_ / name, limit);
  }

  Result<void> read(std::string_view name, const Sink& sink) override {
    auto file = TRY(MappedFile::open(folder_ / name));
    sink(file->bytes());
    return {};
  }

 private:
  std::filesystem::path folder_;
};

class WebFolder final : public ReleaseFolder {
 public:
  WebFolder(const http::Url& file, const RemoteOptions& remote, Host& host)
      : context_(context_of(remote, host)), client_(context_, file, "", ""), file_(file), stop_(host.stop) {}

  std::string place_of(std::string_view name) const override {
    auto url = http::resolve(file_, name);
    return url ? http::redacted(*url) : std::string(name);
  }

  Result<std::string> document(std::string_view name, std::uint64_t limit) override {
    http::HttpResponse response = TRY(open(name));
    return response.text(limit);
  }

  Result<void> read(std::string_view name, const Sink& sink) override {
    http::HttpResponse response = TRY(open(name));
    std::vector<std::byte> buffer(256 << 10);
    while (true) {
      if (stop_.stopped()) return Error(Kind::interrupted, "interrupted", "stopped checking; nothing was used");
      std::size_t count = TRY(response.body->read(buffer));
      if (count == 0) return {};
      sink(ByteSpan(buffer.data(), count));
    }
  }

 private:
  Result<http::HttpResponse> open(std::string_view name) {
    http::HttpRequest request{.url = TRY(http::resolve(file_, name))};
    return client_.expect(request, {200}, fmt::format("cannot get '{}'", http::redacted(request.url)));
  }

  transport::Context context_;
  transport::RemoteClient client_;
  http::Url file_;
  const StopToken& stop_;
};

struct Place {
  std::unique_ptr<ReleaseFolder> folder;
  std::string name;  // of the file in it
};

Result<Place> place_of(const CheckReleaseRequest& request, Host& host) {
  const std::string& text = request.release;
  if (text.starts_with("https://") || text.starts_with("http://")) {
    http::Url url = TRY(http::Url::parse(text));
    std::string name = url.path.substr(url.path.rfind('/') + 1);
    return Place{std::make_unique<WebFolder>(url, request.remote, host), std::move(name)};
  }
  std::filesystem::path path(text);
  return Place{std::make_unique<LocalFolder>(path.parent_path()), path.filename().string()};
}

// The signed list, or its signature, which must be beside the file.
Result<std::string> signed_document(const Place& place, std::string_view name, std::uint64_t limit) {
  auto text = place.folder->document(name, limit);
  if (text || text.error().kind != Kind::not_found) return text;
  return Error(Kind::not_found, "no-release-signature",
               fmt::format("cannot check '{}': '{}' is missing", place.name, name))
      .at(place.folder->place_of(name))
      .because("the signed list of a release's files, and its signature, are read from the folder of the file")
      .help(fmt::format("download '{}' and '{}' of the release to the same place", release_subject.path,
                        release_subject.bundle_path));
}

Result<void> check_file(ReleaseFolder& folder, const package::Release& release, const std::string& name) {
  const package::ReleaseFile* file = release.find(name);
  std::string what = fmt::format("cannot trust '{}'", name);
  if (!file) {
    return Error(Kind::untrusted, "not-in-release", std::move(what))
        .at(folder.place_of(name))
        .because(fmt::format("the signed list of the files of {} does not name it", release.version));
  }
  Sha256 hash;
  TRY(folder.read(name, [&](ByteSpan bytes) { hash.update(bytes); }));
  Digest digest = hash.finish();
  if (digest == file->digest) return {};
  return Error(Kind::untrusted, "altered", std::move(what))
      .at(folder.place_of(name))
      .because(fmt::format("its digest is {} and not {}", digest.text(), file->digest.text()));
}

}  // namespace

Result<SignReleaseReport> sign_release(const SignReleaseRequest& request, Host& host) {
  std::string list = TRY(read_text_file(request.list, package::release_list_limit));
  package::Release release = TRY(package::Release::read(list));
  if (auto warning = exposed_secret(request.key)) host.reporter.warn(*warning);
  auto ask = [&] {
    return package::existing_passphrase(request.password_file, request.key.string(), host.environment, host.reporter);
  };
  auto key = TRY(package::PrivateKey::read(request.key, ask));
  std::string bundle = TRY(package::sign(release_subject, list, key));
  std::filesystem::path signature = request.list.parent_path() / release_subject.bundle_path;
  TRY(write_file(signature, as_bytes(bundle)));
  return SignReleaseReport{release.version, signature, key.public_key().fingerprint()};
}

Result<CheckReleaseReport> check_release(const CheckReleaseRequest& request, Host& host) {
  package::Trust trust = TRY(package::read_trust(request.trust, host.environment));
  Place place = TRY(place_of(request, host));
  std::string list = TRY(signed_document(place, release_subject.path, package::release_list_limit));
  std::string bundle = TRY(signed_document(place, release_subject.bundle_path, package::bundle_limit));
  CheckReleaseReport report;
  report.signer = TRY(package::verify_bundle(release_subject, list, bundle, trust));
  package::Release release = TRY(package::Release::read(list));
  if (place.name != release_subject.path) {
    TRY(check_file(*place.folder, release, place.name));
    report.file = place.name;
  }
  report.newer = package::compare_versions(release.version, MODELCTL_VERSION) > 0;
  report.version = std::move(release.version);
  return report;
}

}  // namespace modelctl::actions
