// The callbacks of libcurl and the loop that drives it. No exception may pass through libcurl, which is C: the
// callbacks allocate little, and a failure to allocate ends the program as everywhere.
#include "http/exchange_internal.hpp"

#include "base/check.hpp"
#include "http/address.hpp"

#include <fmt/core.h>

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <cstring>

namespace modelctl::http {
namespace {

constexpr std::size_t buffer_limit = 1 << 20;   // a reader that lags pauses the network beyond this
constexpr std::size_t header_limit = 64 << 10;  // of all header lines: informational responses and trailers too

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  while (!text.empty() && blank.find(text.front()) != blank.npos) text.remove_prefix(1);
  while (!text.empty() && blank.find(text.back()) != blank.npos) text.remove_suffix(1);
  return text;
}

Error interrupted() { return Error(Kind::interrupted, "interrupted", "the transfer was interrupted"); }

}  // namespace

Exchange::Exchange(CURLM* multi, const StopToken& stop, const HttpRequest& request, const Proxy& proxy,
                   AddressRule rule)
    : multi_(multi), stop_(stop), request_(request), proxy_(proxy), rule_(rule), easy_(curl_easy_init()) {
  MODELCTL_CHECK(easy_ != nullptr, "libcurl gives no handle");
}

Exchange::~Exchange() {
  if (added_) curl_multi_remove_handle(multi_, easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(list_);
}

template <class Value>
void Exchange::set(CURLoption option, Value value) {
  MODELCTL_CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK, "libcurl refuses an option");
}

void Exchange::prepare() {
  url_ = request_.url.text();
  set(CURLOPT_URL, url_.c_str());
  // Whatever URL comes in, libcurl opens no file and speaks no other protocol.
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION,
      static_cast<long>(CURL_HTTP_VERSION_1_1));  // uploads over HTTP/2 measured twice as slow
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  // libcurl must not use SIGALRM for its time-outs: signals belong to the program, which has threads.
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, detail_);
  set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_BUFFERSIZE, 256L << 10);
  set(CURLOPT_PROXY, proxy_.address.c_str());  // empty: none, whatever the environment of the process says
  if (!proxy_.username.empty() || !proxy_.password.empty()) {
    set(CURLOPT_PROXYUSERNAME, proxy_.username.c_str());
    set(CURLOPT_PROXYPASSWORD, proxy_.password.c_str());
  }
  // The address of a proxy is the user's choice, and the proxy resolves the host's name itself.
  if (rule_ != AddressRule::any && proxy_.address.empty()) {
    set(CURLOPT_OPENSOCKETFUNCTION, &Exchange::on_open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
  }
  for (const Header& header : request_.headers) add_header(header.name + ": " + header.value);
  add_header("User-Agent: modelctl/" MODELCTL_VERSION);
  if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET") {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.body_size()));
    set(CURLOPT_READFUNCTION, &Exchange::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, &Exchange::on_seek);
    set(CURLOPT_SEEKDATA, this);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
    add_header("Expect:");  // 100-continue costs a round trip, and registries respond to it late or never
  }
  set(CURLOPT_HTTPHEADER, list_);
}

Result<void> Exchange::start() {
  CURLMcode code = curl_multi_add_handle(multi_, easy_);
  MODELCTL_CHECK(code == CURLM_OK, "libcurl refuses a transfer");
  added_ = true;
  while (!headers_done_ && !finished_) TRY(step());
  if (!headers_done_) return failure();
  return {};
}

// What had arrived before a failure is returned first: a download that breaks continues behind it.
Result<std::size_t> Exchange::read(std::span<std::byte> buffer) {
  while (buffered() == 0) {
    if (finished_) {
      if (result_ != CURLE_OK) return failure();
      return std::size_t{0};
    }
    TRY(step());
  }
  std::size_t count = std::min(buffer.size(), buffered());
  std::memcpy(buffer.data(), buffer_.data() + taken_, count);
  taken_ += count;
  if (buffered() == 0) {
    buffer_.clear();
    taken_ = 0;
  }
  return count;
}

Error Exchange::failure() {
  if (stop_.stopped()) return interrupted();
  if (address_refused_ && rule_ == AddressRule::loopback_only) {
    return Error(Kind::denied, "plain-http", fmt::format("will not use plain http with '{}'", request_.url.authority()))
        .at(place_of(request_))
        .because(
            "its name does not resolve to this machine, and everybody on "
            "the way can read and alter it")
        .help("use https, or allow it with --plain-http");
  }
  if (address_refused_) {
    return Error(Kind::denied, "redirect-inside", "will not follow the server into a private network")
        .at(place_of(request_))
        .because(fmt::format("a public server named '{}', which has a private address", request_.url.authority()));
  }
  long connect_status = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &connect_status);
  return transfer_error(result_, detail_, connect_status, request_, proxy_);
}

// Continues with what the network has, or waits for a moment. The wait is short, so that a stop is noticed.
Result<void> Exchange::step() {
  if (stop_.stopped()) return interrupted();
  if (paused_ && buffered() == 0) {
    paused_ = false;
    curl_easy_pause(easy_, CURLPAUSE_CONT);
    if (buffered() > 0) return {};
  }
  int running = 0;
  curl_multi_perform(multi_, &running);
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    Exchange* done = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &done);
    if (message->msg == CURLMSG_DONE) {
      done->finished_ = true;
      done->result_ = message->data.result;
    }
  }
  if (!finished_ && buffered() == 0) curl_multi_poll(multi_, nullptr, 0, 100, nullptr);
  return {};
}

std::size_t Exchange::on_body(char* data, std::size_t, std::size_t size, void* self) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  if (exchange.buffered() >= buffer_limit) {
    exchange.paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  auto* bytes = reinterpret_cast<const std::byte*>(data);
  exchange.buffer_.insert(exchange.buffer_.end(), bytes, bytes + size);
  return size;
}

std::size_t Exchange::on_header(char* data, std::size_t, std::size_t size, void* self) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  std::string_view line(data, size);
  exchange.header_bytes_ += size;
  if (exchange.header_bytes_ > header_limit) return 0;  // ends the transfer
  if (exchange.headers_done_) return size;              // trailers
  if (line.starts_with("HTTP/")) {
    exchange.headers.clear();
    exchange.status = 0;
    std::string_view rest = line.substr(std::min(line.find(' '), line.size() - 1) + 1);
    std::from_chars(rest.data(), rest.data() + rest.size(), exchange.status);
    return size;
  }
  std::string_view text = trimmed(line);
  if (text.empty()) {
    exchange.headers_done_ = exchange.status >= 200;  // 1xx is informational: the response is still to come
    return size;
  }
  if (std::size_t colon = text.find(':'); colon != text.npos) {
    exchange.headers.push_back({std::string(text.substr(0, colon)), std::string(trimmed(text.substr(colon + 1)))});
  }
  return size;
}

// The body is a list of pieces, and libcurl asks for any number of bytes: piece_ and piece_at_ remember the current
// piece, so that a body of many pieces is not searched from its start each time. Copies the body's bytes from sent_ on,
// as many as `out` holds.
std::size_t Exchange::copy_body(std::span<std::byte> out) {
  std::size_t copied = 0;
  while (piece_ < request_.body.size() && copied < out.size()) {
    ByteSpan piece = request_.body[piece_];
    if (sent_ + copied >= piece_at_ + piece.size()) {
      piece_at_ += piece.size();
      ++piece_;
      continue;
    }
    ByteSpan rest = piece.subspan(sent_ + copied - piece_at_);
    std::size_t count = std::min(rest.size(), out.size() - copied);
    std::memcpy(out.data() + copied, rest.data(), count);
    copied += count;
  }
  return copied;
}

std::size_t Exchange::on_read(char* out, std::size_t, std::size_t capacity, void* self) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  if (exchange.stop_.stopped()) return CURL_READFUNC_ABORT;
  std::size_t count = exchange.copy_body({reinterpret_cast<std::byte*>(out), capacity});
  exchange.sent_ += count;
  if (exchange.request_.on_sent) exchange.request_.on_sent(exchange.sent_);
  return count;
}

// libcurl sends the body again from an earlier place when a kept connection turned out to be closed.
int Exchange::on_seek(void* self, curl_off_t offset, int origin) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  bool inside = offset >= 0 && static_cast<std::uint64_t>(offset) <= exchange.request_.body_size();
  if (origin != SEEK_SET || !inside) return CURL_SEEKFUNC_FAIL;
  exchange.sent_ = static_cast<std::uint64_t>(offset);
  exchange.piece_ = 0;
  exchange.piece_at_ = 0;
  return CURL_SEEKFUNC_OK;
}

// Called for each address that the name resolved to, right before the connection: nothing is resolved in between.
curl_socket_t Exchange::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  bool good = exchange.rule_ == AddressRule::public_only ? !is_private(address->addr) : is_loopback(address->addr);
  if (!good) {
    exchange.address_refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace modelctl::http
