// Requests of the distribution specification, and the checks of what comes back.
#include "transport/oci_registry.hpp"

#include "base/json.hpp"
#include "http/address.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

using http::HttpRequest;
using http::HttpResponse;
using http::place_of;
using http::Url;

constexpr std::uint64_t page_bytes_limit = 4 << 20;
constexpr std::size_t list_limit = 10'000;  // names
constexpr int page_limit = 1'000;           // a registry may send empty pages

std::string scope_of(const std::string& repository, Repository::Access access) {
  return fmt::format("repository:{}:{}", repository, access == Repository::Access::pull ? "pull" : "pull,push");
}

// The URL of the next page (RFC 8288): Link: </v2/_catalog?n=2&last=b>; rel="next".
std::optional<std::string> next_page(const HttpResponse& response) {
  auto link = response.header("Link");
  if (!link || link->find("rel=\"next\"") == link->npos) return std::nullopt;
  std::size_t open = link->find('<'), close = link->find('>');
  if (open == link->npos || close == link->npos || close < open) return std::nullopt;
  return link->substr(open + 1, close - open - 1);
}

}  // namespace

Result<Url> registry_origin(const std::string& host, Context& context) {
  bool docker_hub = host == "docker.io" || host == "index.docker.io";
  Url url = TRY(Url::parse("https://" + (docker_hub ? "registry-1.docker.io" : host)));
  if (context.http.plain_http) {
    url.scheme = "http";
    return url;
  }
  if (!http::is_loopback(url.host)) return url;
  http::ConnectionPool connections(context.http, context.host.environment, context.host.stop);
  // A registry of this machine is usually a test's or a developer's, without TLS. Only a failed handshake shows that: a
  // server that supports TLS is never used without it.
  HttpRequest probe{.method = "HEAD", .url = url};
  probe.url.path = "/v2/";
  auto response = connections.send(probe);
  if (!response && response.error().code == "tls-failed") url.scheme = "http";
  return url;
}

Result<Repository> Repository::open(const Name& name, Access access, Context& context) {
  Url origin = TRY(registry_origin(name.host, context));
  Name used = name;
  // Docker Hub keeps names without a team below library/.
  if (origin.host == "registry-1.docker.io" && used.repository.find('/') == std::string::npos) {
    used.repository = "library/" + used.repository;
  }
  auto client = std::make_unique<RemoteClient>(context, origin, used.repository, scope_of(used.repository, access));
  return Repository(std::move(used), std::move(client));
}

Url Repository::url(const std::string& below) const {
  Url url = client_->origin();
  url.path = "/v2/" + name_.repository + "/" + below;
  return url;
}

Result<Repository::Fetched> Repository::manifest(const std::string& tag_or_digest) {
  HttpRequest request{.url = url("manifests/" + tag_or_digest)};
  request.headers = {{"Accept", std::string(oci_manifest_type)}, {"Accept", std::string(oci_index_type)}};
  std::string what = fmt::format("cannot read '{}'", name_.text());
  HttpResponse response = TRY(client_->expect(request, {200, 404}, what));
  if (response.status == 404) {
    Error error = client_->failure(request, response, fmt::format("there is no '{}'", name_.text()));
    error.code = "no-such-package";
    error.hint = fmt::format("modelctl list {}/{} shows what there is", name_.host, name_.repository);
    return error;
  }
  Fetched fetched;
  fetched.text = TRY_BECAUSE(response.text(oci_manifest_limit), what);
  fetched.digest = Sha256::of(as_bytes(fetched.text));
  // By digest the content must have that digest. By tag there is nothing to hold it to but the registry's own
  // statement, which finds damage on the way, not a registry that lies: the signature does that.
  std::string expected = tag_or_digest.starts_with("sha256:") ? tag_or_digest : fetched.digest.text();
  std::string stated = response.header("Docker-Content-Digest").value_or(fetched.digest.text());
  for (const std::string& digest : {expected, stated}) {
    if (digest == fetched.digest.text()) continue;
    return Error(Kind::untrusted, "digest-mismatch", what)
        .at(place_of(request, response.status))
        .because(fmt::format("the manifest has the digest {}, but {} was expected", fetched.digest.text(),
                             client_->secrets().quote(digest)));
  }
  return fetched;
}

Result<void> Repository::blob(const Digest& digest, std::uint64_t from, std::uint64_t size,
                              const http::Client::Sink& sink) {
  return client_->download(url("blobs/" + digest.text()), from, size,
                           fmt::format("cannot read the blob {}", digest.text()), sink);
}

Result<std::vector<std::string>> Repository::tags() {
  return paged(*client_, url("tags/list"), "tags", fmt::format("cannot list '{}/{}'", name_.host, name_.repository));
}

// A blob that the repository has is not sent. The size is compared too, in case the registry kept only a part of it.
Result<bool> Repository::push_blob(const Blob& blob, const Progress& progress) {
  HttpRequest request{.method = "HEAD", .url = url("blobs/" + blob.digest.text())};
  std::string what = fmt::format("cannot push to '{}'", name_.text());
  HttpResponse response = TRY(client_->expect(request, {200, 404}, what));
  bool there = response.status == 200 && response.content_length().value_or(blob.bytes.size()) == blob.bytes.size();
  if (there) return false;
  TRY_BECAUSE(upload_blob(*client_, url("blobs/uploads/"), blob, progress),
              blob.title.empty() ? what : fmt::format("pushing '{}' to '{}'", blob.title, name_.text()));
  return true;
}

Result<void> Repository::push_manifest(const std::string& tag, const OciPackage& package) {
  HttpRequest request{.method = "PUT", .url = url("manifests/" + tag)};
  request.headers = {{"Content-Type", std::string(oci_manifest_type)}};
  request.body = {as_bytes(package.manifest)};
  std::string what = fmt::format("cannot push to '{}'", name_.text());
  if (package.manifest.size() > oci_manifest_limit) {
    return Error(Kind::unsupported, "manifest-too-large", what)
        .because(fmt::format("the package has too many entries: its OCI manifest takes {} bytes of at most {}",
                             package.manifest.size(), oci_manifest_limit));
  }
  HttpResponse response = TRY(client_->expect(request, {201, 202}, what));
  auto digest = response.header("Docker-Content-Digest");
  if (!digest || *digest == package.digest.text()) return {};
  return Error(Kind::untrusted, "digest-mismatch", what)
      .at(place_of(request, response.status))
      .because(fmt::format("the registry has stored {}, but {} was sent", client_->secrets().quote(*digest),
                           package.digest.text()));
}

Result<std::vector<std::string>> catalog(const std::string& host, Context& context) {
  RemoteClient client(context, TRY(registry_origin(host, context)), "", "registry:catalog:*");
  Url url = client.origin();
  url.path = "/v2/_catalog";
  return paged(client, std::move(url), "repositories", fmt::format("cannot list '{}'", host));
}

Result<std::vector<std::string>> paged(RemoteClient& client, Url url, const char* key, const std::string& what) {
  std::vector<std::string> all;
  for (int page = 0; page < page_limit; ++page) {
    HttpRequest request{.url = url};
    HttpResponse response = TRY(client.expect(request, {200}, what));
    std::string where = place_of(request, response.status);
    std::string text = TRY_BECAUSE(response.text(page_bytes_limit), what);
    auto json = parse_json(text, where);
    bool good = json && json->is_object() && json->contains(key);
    if (!good) return Error(Kind::protocol, "bad-answer", what).at(where).because("the response is not a list");
    for (const Json& item : (*json)[key]) {  // null if there are none
      if (item.is_string() && all.size() < list_limit) all.push_back(item.get<std::string>());
    }
    auto next = next_page(response);
    if (!next || all.size() == list_limit) return all;
    Url following = TRY(http::resolve(url, *next));
    // A registry must not direct this client, which has credentials, to another host. The same URL again would only
    // return the same page.
    if (!following.same_origin(url) || following.text() == url.text()) return all;
    url = std::move(following);
  }
  return Error(Kind::protocol, "too-many-pages", what)
      .at(http::redacted(url))
      .because(fmt::format("the list has more than {} pages", page_limit));
}

}  // namespace modelctl::transport
