// What can be read from a message without the network.
#include "http/message.hpp"

#include <fmt/core.h>

#include <strings.h>
#include <algorithm>
#include <charconv>

namespace modelctl::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::uint64_t HttpRequest::body_size() const {
  std::uint64_t size = 0;
  for (ByteSpan piece : body) size += piece.size();
  return size;
}

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (same_name(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::vector<std::string> HttpResponse::headers_named(std::string_view name) const {
  std::vector<std::string> values;
  for (const Header& header : headers) {
    if (same_name(header.name, name)) values.push_back(header.value);
  }
  return values;
}

std::optional<std::uint64_t> HttpResponse::content_length() const {
  auto text = header("Content-Length");
  std::uint64_t length = 0;
  if (!text) return std::nullopt;
  auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (fault != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return length;
}

// Counts what comes and not what Content-Length says, which may be missing or wrong.
Result<std::string> HttpResponse::text(std::uint64_t limit) {
  std::string all;
  std::vector<std::byte> buffer(16 << 10);
  while (std::size_t count = TRY(body->read(buffer))) {
    if (all.size() + count > limit) {
      return Error(Kind::protocol, "answer-too-large",
                   fmt::format("the server's response is larger than the {} "
                               "bytes that are allowed here",
                               limit));
    }
    all.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return all;
}

std::string place_of(const HttpRequest& request) { return fmt::format("{} {}", request.method, redacted(request.url)); }

std::string place_of(const HttpRequest& request, int status) {
  return fmt::format("{} {}: {}", request.method, redacted(request.url), status);
}

}  // namespace modelctl::http
