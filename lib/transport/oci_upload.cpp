// How a blob gets into a registry. Two facts measured on docker-registry 2.8 shape this: a chunk sent to the wrong
// place is appended without a word, so the Range of each answer is compared; and asking with an outdated URL ends the
// upload, so the newest Location is kept and a lost upload begins anew.
#include "transport/oci_registry.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::transport {
namespace {

constexpr std::uint64_t smallest_chunk = 1 << 20;

std::string place_of(const HttpRequest& request, int status) {
  return fmt::format("{} {}: {}", request.method, redacted(request.url), status);
}

// How many bytes a "Range: 0-<last>" claims; nothing where there is none.
std::optional<std::uint64_t> received(const HttpResponse& response) {
  auto range = response.header("Range");
  if (!range) return std::nullopt;
  std::string_view text = *range;
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  std::uint64_t last = 0;
  if (!text.starts_with("0-")) return std::nullopt;
  auto [end, fault] = std::from_chars(text.data() + 2, text.data() + text.size(), last);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return last + 1;
}

class Upload {
 public:
  Upload(Session& session, const Url& uploads, const Blob& blob, const Repository::Progress& progress)
      : session_(session),
        uploads_(uploads),
        blob_(blob),
        progress_(progress),
        what_(fmt::format("cannot push the blob {}", blob.digest.text())),
        chunk_(std::max<std::uint64_t>(session.context().chunk_size, 1)) {}

  // The whole blob; begins anew after a failure that may pass.
  Result<void> run() {
    for (int attempt = 1;; ++attempt) {
      auto result = once();
      if (result) return {};
      bool again = info(result.error().kind).may_retry && result.error().kind != Kind::interrupted;
      if (!again || attempt == Session::attempts) return std::move(result).error();
      TRY(session_.wait(attempt, nullptr));
    }
  }

 private:
  Result<void> once() {
    TRY(begin());
    std::uint64_t done = 0;
    if (blob_.bytes.size() > chunk_) TRY(send_chunks());
    else done = blob_.bytes.size();
    return finish(blob_.bytes.last(done));
  }

  Result<void> begin() {
    HttpRequest request{.method = "POST", .url = uploads_};
    HttpResponse response = TRY(session_.expect(request, {202}, what_));
    TRY(keep_location(request, response));
    if (auto least = response.header("OCI-Chunk-Min-Length")) {
      std::uint64_t size = 0;
      std::from_chars(least->data(), least->data() + least->size(), size);
      chunk_ = std::max(chunk_, size);
    }
    return {};
  }

  Result<void> send_chunks() {
    std::uint64_t at = 0;
    for (int attempt = 1; at < blob_.bytes.size();) {
      ByteSpan piece = blob_.bytes.subspan(at, std::min<std::uint64_t>(chunk_, blob_.bytes.size() - at));
      HttpRequest request{.method = "PATCH", .url = location_};
      request.headers = {{"Content-Type", "application/octet-stream"},
                         {"Content-Range", fmt::format("{}-{}", at, at + piece.size() - 1)}};
      request.body = {piece};
      request.on_sent = [&](std::uint64_t sent) { progress_(at + sent); };
      auto response = session_.send(request, Session::Retry::no);
      if (response && (response->status == 202 || response->status == 204)) {
        TRY(keep_location(request, *response));
        std::uint64_t has = received(*response).value_or(at + piece.size());
        if (has > at + piece.size()) return lost(request, response->status, has, at + piece.size());
        if (has > at) attempt = 1;
        at = has;
        continue;
      }
      if (response && response->status == 404) return gone(request, response->status);
      if (response && response->status == 413 && chunk_ / 2 >= smallest_chunk) {
        chunk_ /= 2;
      } else if (response && response->status != 416 && response->status < 500 && response->status != 429) {
        return http_error(request, *response, what_);
      } else if (!response && !info(response.error().kind).may_retry) {
        return std::move(response).error().because(what_);
      }
      if (attempt == Session::attempts) return failure(request, response);
      TRY(session_.wait(attempt++, response ? &*response : nullptr));
      at = TRY(ask_where());
    }
    return {};
  }

  // How far the server came with this upload.
  Result<std::uint64_t> ask_where() {
    HttpRequest request{.url = location_};
    HttpResponse response = TRY(session_.expect(request, {204, 404}, what_));
    if (response.status == 404) return gone(request, response.status);
    TRY(keep_location(request, response));
    std::uint64_t has = received(response).value_or(0);
    if (has == 1) has = 0;  // "0-0" is how servers say nothing, too
    if (has > blob_.bytes.size()) return lost(request, response.status, has, blob_.bytes.size());
    return has;
  }

  Result<void> finish(ByteSpan rest) {
    HttpRequest request{.method = "PUT", .url = location_};
    request.url.query += (request.url.query.empty() ? "digest=" : "&digest=") + blob_.digest.text();
    request.headers = {{"Content-Type", "application/octet-stream"}};
    request.body = {rest};
    request.on_sent = [&](std::uint64_t sent) { progress_(blob_.bytes.size() - rest.size() + sent); };
    HttpResponse response = TRY(session_.expect(request, {201, 204, 404}, what_, Session::Retry::no));
    if (response.status == 404) return gone(request, response.status);
    auto digest = response.header("Docker-Content-Digest");
    if (digest && *digest != blob_.digest.text()) {
      return Error(Kind::untrusted, "digest-mismatch", what_)
          .at(place_of(request, response.status))
          .because(fmt::format("the registry says that it has received {}", digest->substr(0, 100)));
    }
    return {};
  }

  Result<void> keep_location(const HttpRequest& request, const HttpResponse& response) {
    auto location = response.header("Location");
    if (!location) {
      return Error(Kind::protocol, "no-location", what_)
          .at(place_of(request, response.status))
          .because("the registry does not say where to send the content");
    }
    Url next = TRY(resolve(request.url, *location));
    TRY(check_hop(request.url, next, place_of(request, response.status)));
    location_ = std::move(next);
    return {};
  }

  Error gone(const HttpRequest& request, int status) {
    return Error(Kind::unavailable, "upload-lost", what_)
        .at(place_of(request, status))
        .because("the registry has lost the upload");
  }
  Error lost(const HttpRequest& request, int status, std::uint64_t has, std::uint64_t sent) {
    return Error(Kind::unavailable, "upload-lost", what_)
        .at(place_of(request, status))
        .because(fmt::format("the registry counts {} bytes where {} were sent", has, sent));
  }
  Error failure(const HttpRequest& request, Result<HttpResponse>& response) {
    if (response) return http_error(request, *response, what_);
    return std::move(response).error().because(what_);
  }

  Session& session_;
  const Url& uploads_;
  const Blob& blob_;
  const Repository::Progress& progress_;
  std::string what_;
  std::uint64_t chunk_;
  Url location_;
};

}  // namespace

Result<void> upload_blob(Session& session, const Url& uploads, const Blob& blob, const Repository::Progress& progress) {
  return Upload(session, uploads, blob, progress).run();
}

}  // namespace modelctl::transport
