// A download that survives broken connections. Each reconnect counts as an attempt, and the attempts are given back
// only for progress that counts (retry.hpp), so the number of reconnects is bounded by the size.
#include "http/client.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::http {
namespace {

// Where the response's body begins in the resource, checked against what was asked for.
Result<std::uint64_t> start_of(const HttpRequest& request, const HttpResponse& response, std::uint64_t from,
                               std::uint64_t size, const std::string& what, const Secrets& secrets) {
  if (response.status == 206) {
    auto range = response.header("Content-Range");
    if (range && range->starts_with(fmt::format("bytes {}-", from))) return from;
    return Error(Kind::protocol, "bad-range", what)
        .at(place_of(request, response.status))
        .because(fmt::format("we asked for the bytes from {} and the server sends '{}'", from,
                             secrets.quote(range.value_or("no Content-Range"))));
  }
  if (auto length = response.content_length(); length && *length != size) {
    return Error(Kind::untrusted, "wrong-size", what)
        .at(place_of(request, response.status))
        .because(fmt::format("the server has {} bytes and {} were signed", *length, size));
  }
  return std::uint64_t{0};
}

}  // namespace

Result<void> Client::download(const Url& url, std::uint64_t from, std::uint64_t size, const std::string& what,
                              const Sink& sink) {
  std::vector<std::byte> buffer(256 << 10);
  Attempts attempts;
  while (from < size) {
    HttpRequest request{.url = url};
    if (from > 0) request.headers.push_back({"Range", fmt::format("bytes={}-{}", from, size - 1)});
    HttpResponse response = TRY(expect(request, {200, 206}, what));
    std::uint64_t at = TRY(start_of(request, response, from, size, what, secrets_));
    while (from < size) {
      auto count = response.body->read(buffer);
      if (!count && is_transient(count.error())) {
        if (!attempts.another(from)) return std::move(count).error().because(what);
        TRY(wait(attempts.made()));
        break;
      }
      if (!count) return std::move(count).error().because(what);
      if (*count == 0) {
        return Error(Kind::untrusted, "wrong-size", what)
            .at(place_of(request, response.status))
            .because(fmt::format("the server's response ends after {} of {} bytes", from, size));
      }
      ByteSpan fresh(buffer.data(), *count);
      std::uint64_t known = std::min<std::uint64_t>(from - at, fresh.size());  // > 0 only if it started over
      at += *count;
      fresh = fresh.subspan(known);
      fresh = fresh.first(std::min<std::uint64_t>(fresh.size(), size - from));
      if (fresh.empty()) continue;
      TRY(sink(fresh));
      from += fresh.size();
    }
  }
  return {};
}

}  // namespace modelctl::http
