// The levels are the fastest ones: a response is compressed for one client, while others wait for the worker.
#include "serve/http/content_coding.hpp"

#include "serve/formats/media_types.hpp"
#include "serve/http/body_memory.hpp"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace modelctl::serve {
namespace {

constexpr std::size_t worth_it = 1024;  // bytes; below, a response is one packet anyway
constexpr std::size_t piece = 64 * 1024;

Error damaged(std::string_view coding) {
  return Error(Kind::bad_input, "bad-body", fmt::format("the body is not '{}', or it is cut off", coding));
}

// What a body becomes, as far as the limits allow.
class Decoded {
 public:
  Decoded(ClientRequest& request, const Settings& settings) : request_(request), settings_(settings) {}

  Result<void> append(const char* bytes, std::size_t size) {
    if (size > settings_.max_body - text_.size()) {
      return Error(Kind::bad_input, "body-too-large",
                   fmt::format("the body becomes larger than the {} bytes that are allowed", settings_.max_body));
    }
    if (text_.size() + size > text_.capacity()) {
      std::size_t capacity = std::max(text_.size() + size, 2 * text_.capacity());
      TRY(hold(request_, request_.body.capacity() + capacity));
      text_.reserve(capacity);
    }
    text_.append(bytes, size);
    return {};
  }
  void finish() {
    request_.body = std::move(text_);
    if (request_.memory != nullptr) request_.memory->resize(request_.body.capacity());
  }

 private:
  ClientRequest& request_;
  const Settings& settings_;
  std::string text_;
};

// gzip (RFC 1952) and deflate, which is zlib's format (RFC 1950). A gzip body may have several members.
Result<void> inflate_body(std::string_view body, int window_bits, std::string_view name, Decoded& decoded) {
  z_stream stream{};
  if (::inflateInit2(&stream, window_bits) != Z_OK) throw std::bad_alloc();
  std::unique_ptr<z_stream, decltype(&::inflateEnd)> ends(&stream, ::inflateEnd);
  auto out = std::make_unique<Bytef[]>(piece);
  const auto* next = reinterpret_cast<const Bytef*>(body.data());
  std::size_t left = body.size();
  int status = Z_OK;
  while (status == Z_OK || (status == Z_STREAM_END && left > 0)) {
    if (status == Z_STREAM_END && (window_bits == MAX_WBITS || ::inflateReset(&stream) != Z_OK)) return damaged(name);
    auto given = static_cast<uInt>(std::min<std::size_t>(left, 1u << 30));
    stream.next_in = const_cast<Bytef*>(next);
    stream.avail_in = given;
    stream.next_out = out.get();
    stream.avail_out = piece;
    status = ::inflate(&stream, Z_NO_FLUSH);
    next += given - stream.avail_in;
    left -= given - stream.avail_in;
    TRY(decoded.append(reinterpret_cast<const char*>(out.get()), piece - stream.avail_out));
  }
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_STREAM_END) return damaged(name);
  return {};
}

// RFC 8878; RFC 9659 limits the window, and so the memory of who decodes, to 8 MiB.
Result<void> decompress_body(std::string_view body, std::string_view name, Decoded& decoded) {
  std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context(::ZSTD_createDCtx(), ::ZSTD_freeDCtx);
  if (context == nullptr) throw std::bad_alloc();
  ::ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 23);
  auto out = std::make_unique<char[]>(piece);
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  std::size_t status = 1;
  for (bool more = true; more;) {
    ZSTD_outBuffer to{out.get(), piece, 0};
    status = ::ZSTD_decompressStream(context.get(), &to, &in);
    if (::ZSTD_isError(status)) return damaged(name);
    TRY(decoded.append(out.get(), to.pos));
    more = in.pos < in.size || (status != 0 && to.pos == piece);  // 0: the frame has ended
  }
  if (status != 0) return damaged(name);
  return {};
}

Result<void> inflate_gzip(std::string_view body, Decoded& decoded) {
  return inflate_body(body, MAX_WBITS + 16, "gzip", decoded);
}
Result<void> inflate_deflate(std::string_view body, Decoded& decoded) {
  return inflate_body(body, MAX_WBITS, "deflate", decoded);
}
Result<void> decompress_zstd(std::string_view body, Decoded& decoded) { return decompress_body(body, "zstd", decoded); }

// Empty: it cannot be done.
std::string deflate_body(const std::string& body, int window_bits) {
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::unique_ptr<z_stream, decltype(&::deflateEnd)> ends(&stream, ::deflateEnd);
  std::string out(body.size(), '\0');  // more than that would not be smaller
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) return {};
  out.resize(out.size() - stream.avail_out);
  return out;
}
std::string gzip(const std::string& body) { return deflate_body(body, MAX_WBITS + 16); }
std::string deflate(const std::string& body) { return deflate_body(body, MAX_WBITS); }
std::string zstd(const std::string& body) {
  std::string out(body.size(), '\0');
  std::size_t size = ::ZSTD_compress(out.data(), out.size(), body.data(), body.size(), 1);
  out.resize(::ZSTD_isError(size) ? 0 : size);
  return out;
}

// In the order in which they are preferred, if a client has no preference.
struct Coding {
  std::string_view name;
  Result<void> (*decode)(std::string_view body, Decoded& decoded);
  std::string (*encode)(const std::string& body);
};
constexpr Coding codings[] = {
    {"zstd", decompress_zstd, zstd}, {"gzip", inflate_gzip, gzip}, {"deflate", inflate_deflate, deflate}};

// The request's coding; null: it has none.
Result<const Coding*> coding_of(const ClientRequest& request) {
  std::string name(request.header("content-encoding"));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.empty() || name == "identity") return nullptr;
  if (name == "x-gzip") name = "gzip";  // RFC 9110, section 8.4.1.3
  for (const Coding& coding : codings) {
    if (coding.name == name) return &coding;
  }
  return Error(
      Kind::bad_input, "unknown-coding",
      fmt::format("the content coding '{}' is not supported; there are {}", name.substr(0, 64), content_codings()));
}

}  // namespace

std::string content_codings() {
  std::string text;
  for (const Coding& coding : codings) text += fmt::format("{}{}", text.empty() ? "" : ", ", coding.name);
  return text;
}

Result<void> check_coding(const ClientRequest& request) {
  TRY(coding_of(request));
  return {};
}

Result<void> decode_content(ClientRequest& request, const Settings& settings) {
  const Coding* coding = TRY(coding_of(request));
  if (coding == nullptr) return {};
  Decoded decoded(request, settings);
  TRY(coding->decode(request.body, decoded));
  decoded.finish();
  return {};
}

void encode_content(ServerResponse& response, std::string_view accept_encoding) {
  constexpr std::size_t most = 1u << 30;  // what zlib takes at once
  if (response.body.size() < worth_it || response.body.size() > most) return;
  const Coding* best = nullptr;
  double quality = 0;
  for (const Coding& coding : codings) {
    double wanted = quality_of(accept_encoding, coding.name).value_or(0);
    if (wanted <= quality) continue;
    quality = wanted;
    best = &coding;
  }
  if (best == nullptr) return;
  std::string smaller = best->encode(response.body);
  if (smaller.empty() || smaller.size() >= response.body.size()) return;
  smaller.shrink_to_fit();
  response.body = std::move(smaller);
  response.headers.emplace_back("Content-Encoding", best->name);
  response.headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace modelctl::serve
