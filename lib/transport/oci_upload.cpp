// How a blob gets into a registry. Two facts measured on docker-registry 2.8 shape this: a chunk sent to the wrong
// place is appended without a word, so the Range of each response is compared; and a request with an outdated URL ends
// the upload, so the newest Location is kept and a lost upload starts over.
//
// The protocol (distribution specification, "Pushing blobs"): POST opens an upload and returns its Location. A small
// blob follows in one PUT with its digest. A large one goes in PATCH requests; the response to each has a new Location
// and the Range that the registry has so far; a PUT without content and with the digest closes the upload. After a
// failure, GET on the Location returns that Range, from which the next PATCH continues.
//
// Every loop has a bound that the registry cannot move: chunks without progress count as failed attempts, and all
// chunks of one upload together may send the blob four times.
#include "transport/oci_registry.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::transport {
namespace {

using http::Destination;
using http::HttpRequest;
using http::HttpResponse;
using http::place_of;

constexpr std::uint64_t smallest_chunk = 1 << 20;
constexpr std::uint64_t resend_limit = 4;  // a registry that keeps a byte of each chunk makes progress, too
// What a registry may ask for as its smallest chunk: the size of the largest that it can want in one request.
constexpr std::uint64_t largest_chunk = 5ull << 30;

// How many bytes a "Range: 0-<last>" claims; nothing if there is none.
std::optional<std::uint64_t> received(const HttpResponse& response) {
  auto range = response.header("Range");
  if (!range) return std::nullopt;
  std::string_view text = *range;
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  std::uint64_t last = 0;
  if (!text.starts_with("0-")) return std::nullopt;
  auto [end, fault] = std::from_chars(text.data() + 2, text.data() + text.size(), last);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return last == UINT64_MAX ? last : last + 1;
}

class Upload {
 public:
  Upload(RemoteClient& client, const http::Url& uploads, const Blob& blob, const Repository::Progress& progress)
      : client_(client),
        uploads_(uploads),
        blob_(blob),
        progress_(progress),
        what_(fmt::format("cannot push the blob {}", blob.digest.text())),
        chunk_(std::max<std::uint64_t>(client.context().chunk_size, 1)) {}

  // The whole blob; starts over after a transient failure.
  Result<void> run() {
    for (int attempt = 1;; ++attempt) {
      requested_wait_.reset();
      auto result = once();
      if (result) return {};
      bool again = info(result.error().kind).may_retry && result.error().kind != Kind::interrupted;
      bool too_long = requested_wait_ && *requested_wait_ > http::longest_requested_wait;
      if (!again || too_long || attempt == http::attempt_limit) return std::move(result).error();
      TRY(client_.wait(attempt, requested_wait_));
    }
  }

 private:
  Result<void> once() {
    TRY(begin());
    bool in_chunks = blob_.bytes.size() > chunk_;
    if (in_chunks) TRY(send_chunks());
    return finish(in_chunks ? ByteSpan() : blob_.bytes);
  }

  Result<void> begin() {
    HttpRequest request{.method = "POST", .url = uploads_};
    HttpResponse response = TRY(client_.expect(request, {202}, what_));
    if (!response.header("Location")) {
      return Error(Kind::protocol, "no-location", what_)
          .at(place_of(request, response.status))
          .because("the registry does not say where to send the content");
    }
    TRY(keep_location(request, response));
    if (auto least = response.header("OCI-Chunk-Min-Length")) {
      std::uint64_t size = 0;
      std::from_chars(least->data(), least->data() + least->size(), size);
      chunk_ = std::max(chunk_, std::min(size, largest_chunk));
    }
    return {};
  }

  Result<void> send_chunks() {
    std::uint64_t at = 0, sent = 0;
    for (int attempt = 1; at < blob_.bytes.size();) {
      ByteSpan piece = blob_.bytes.subspan(at, std::min<std::uint64_t>(chunk_, blob_.bytes.size() - at));
      HttpRequest request = to_location("PATCH");
      request.headers = {{"Content-Type", "application/octet-stream"},
                         {"Content-Range", fmt::format("{}-{}", at, at + piece.size() - 1)}};
      request.body = {piece};
      request.on_sent = [&](std::uint64_t part) { progress_(at + part); };
      sent += piece.size();
      auto response = client_.send(request, http::Client::Retry::no);
      std::uint64_t has = at;
      if (response && accepted(response->status)) {
        TRY(keep_location(request, *response));
        has = received(*response).value_or(at + piece.size());
        if (has > at + piece.size()) return size_mismatch(request, response->status, has, at + piece.size());
      } else {
        TRY(check_failed_chunk(request, response));
        if (attempt == http::attempt_limit) return failure(request, response);
        TRY(wait(attempt, response));
        has = TRY(ask_position());
      }
      if (has > at) attempt = 1;
      else if (attempt++ == http::attempt_limit) return no_progress(request, "takes chunks and keeps nothing of them");
      at = has;
      if (sent > resend_limit * blob_.bytes.size() + http::attempt_limit * chunk_) {
        return no_progress(request, "keeps only small parts of what is sent");
      }
    }
    return {};
  }

  // 202 is what the specification says, 204 what old registries send, and 201 what AWS ECR sends.
  static bool accepted(int status) { return status == 201 || status == 202 || status == 204; }

  // Whether a chunk that was not accepted may be sent again; else the error.
  Result<void> check_failed_chunk(const HttpRequest& request, Result<HttpResponse>& response) {
    if (!response) {
      if (info(response.error().kind).may_retry) return {};
      return std::move(response).error().because(what_);
    }
    int status = response->status;
    if (status == 404) return upload_unknown(request, status);
    // Usually from a proxy in front of the registry that limits bodies: half of the chunk may pass.
    if (status == 413 && chunk_ / 2 >= smallest_chunk) {
      chunk_ /= 2;
      return {};
    }
    if (status == 416 || status == 429 || status >= 500) return {};
    return client_.failure(request, *response, what_);
  }

  // How far the registry came with this upload.
  Result<std::uint64_t> ask_position() {
    HttpRequest request = to_location("GET");
    HttpResponse response = TRY(client_.expect(request, {204, 404}, what_));
    if (response.status == 404) return upload_unknown(request, response.status);
    TRY(keep_location(request, response));
    std::uint64_t has = received(response).value_or(0);
    if (has == 1) has = 0;  // registries also write "0-0" for nothing
    if (has > blob_.bytes.size()) return size_mismatch(request, response.status, has, blob_.bytes.size());
    return has;
  }

  Result<void> finish(ByteSpan rest) {
    HttpRequest request = to_location("PUT");
    // Appended, since Location may have a query of its own that must be kept. The ':' of a digest needs no encoding in
    // a query (RFC 3986, section 3.4).
    request.url.query += (request.url.query.empty() ? "digest=" : "&digest=") + blob_.digest.text();
    request.headers = {{"Content-Type", "application/octet-stream"}};
    request.body = {rest};
    request.on_sent = [&](std::uint64_t sent) { progress_(blob_.bytes.size() - rest.size() + sent); };
    // Not repeated as it is: after a failure nobody knows what the registry has, so run() starts over.
    HttpResponse response = TRY_BECAUSE(client_.send(request, http::Client::Retry::no), what_);
    if (response.status == 404) return upload_unknown(request, response.status);
    if (response.status != 201 && response.status != 204) {
      requested_wait_ = client_.requested_wait(response);
      return client_.failure(request, response, what_);
    }
    auto digest = response.header("Docker-Content-Digest");
    if (digest && *digest != blob_.digest.text()) {
      return Error(Kind::untrusted, "digest-mismatch", what_)
          .at(place_of(request, response.status))
          .because(fmt::format("the registry says that it has received {}", client_.secrets().quote(*digest)));
    }
    return {};
  }

  HttpRequest to_location(std::string method) const {
    return {.method = std::move(method), .url = location_.url, .public_only = location_.public_only};
  }

  // A response without a Location keeps the one that it was sent to.
  Result<void> keep_location(const HttpRequest& request, const HttpResponse& response) {
    if (auto location = response.header("Location")) location_ = TRY(http::destination(request, response, *location));
    client_.secrets().add_query(location_.url);
    return {};
  }

  Result<void> wait(int attempt, const Result<HttpResponse>& response) {
    return client_.wait(attempt, response ? client_.requested_wait(*response) : std::nullopt);
  }

  Error upload_unknown(const HttpRequest& request, int status) {
    return Error(Kind::unavailable, "upload-lost", what_)
        .at(place_of(request, status))
        .because("the registry has lost the upload");
  }
  Error size_mismatch(const HttpRequest& request, int status, std::uint64_t has, std::uint64_t sent) {
    return Error(Kind::unavailable, "upload-lost", what_)
        .at(place_of(request, status))
        .because(fmt::format("the registry counts {} bytes and {} were sent", has, sent));
  }
  Error no_progress(const HttpRequest& request, const char* reason) {
    return Error(Kind::protocol, "no-progress", what_)
        .at(place_of(request))
        .because(fmt::format("the registry {}", reason));
  }
  Error failure(const HttpRequest& request, Result<HttpResponse>& response) {
    if (response) return client_.failure(request, *response, what_);
    return std::move(response).error().because(what_);
  }

  RemoteClient& client_;
  const http::Url& uploads_;
  const Blob& blob_;
  const Repository::Progress& progress_;
  std::string what_;
  std::uint64_t chunk_;
  Destination location_;  // where this upload continues
  std::optional<std::chrono::seconds> requested_wait_;
};

}  // namespace

Result<void> upload_blob(RemoteClient& client, const http::Url& uploads, const Blob& blob,
                         const Repository::Progress& progress) {
  return Upload(client, uploads, blob, progress).run();
}

}  // namespace modelctl::transport
