#include "transport/http.hpp"

#include "base/check.hpp"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace modelctl::transport {
namespace {

constexpr std::size_t buffer_limit = 1 << 20;  // a reader that lags holds the network up beyond this
constexpr std::size_t header_limit = 64 << 10;

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::strchr(" \t\r\n", text.front()) != nullptr) text.remove_prefix(1);
  while (!text.empty() && std::strchr(" \t\r\n", text.back()) != nullptr) text.remove_suffix(1);
  return text;
}

void use_curl() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  MODELCTL_CHECK(ready == CURLE_OK, "libcurl does not start");
}

// The failure of an exchange that gave no response, or broke off in the middle of one.
Error transfer_error(CURLcode code, const char* detail, const HttpRequest& request) {
  std::string place = fmt::format("{} {}", request.method, redacted(request.url));
  std::string words = *detail != '\0' ? detail : curl_easy_strerror(code);
  std::string host = request.url.authority();
  auto make = [&](Kind kind, const char* name, std::string what) {
    return Error(kind, name, std::move(what)).at(std::move(place)).because(std::move(words));
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return make(Kind::unavailable, "unknown-host", fmt::format("cannot find the host '{}'", host))
          .help("check the name and the network");
    case CURLE_COULDNT_CONNECT:
      return make(Kind::unavailable, "cannot-connect", fmt::format("cannot connect to '{}'", host))
          .help("check that the server runs and that no firewall is between");
    case CURLE_OPERATION_TIMEDOUT:
      return make(Kind::retry_later, "timed-out", fmt::format("'{}' takes too long to answer", host));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return make(Kind::untrusted, "bad-certificate", fmt::format("cannot trust the certificate of '{}'", host))
          .help("if the server has a certificate authority of its own, name its certificate with --ca-file");
    case CURLE_SSL_CONNECT_ERROR:
      return make(Kind::unavailable, "tls-failed", fmt::format("cannot speak TLS with '{}'", host))
          .help("check that the server speaks HTTPS on this port");
    case CURLE_PARTIAL_FILE:
      return make(Kind::unavailable, "body-cut", fmt::format("the answer of '{}' broke off", host));
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return make(Kind::unavailable, "connection-lost", fmt::format("the connection to '{}' broke", host));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return make(Kind::protocol, "not-http", fmt::format("'{}' does not speak HTTP", host));
    default: return make(Kind::unavailable, "transfer-failed", fmt::format("the exchange with '{}' failed", host));
  }
}

// One request on its way. It is its response's body too, and takes itself out of the multi handle when it goes.
class Exchange : public HttpBody {
 public:
  Exchange(CURLM* multi, const StopToken& stop, const HttpRequest& request)
      : multi_(multi), stop_(stop), request_(request), easy_(curl_easy_init()) {
    MODELCTL_CHECK(easy_ != nullptr, "libcurl gives no handle");
  }
  ~Exchange() override {
    if (added_) curl_multi_remove_handle(multi_, easy_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(list_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  CURL* easy() { return easy_; }

  void prepare() {
    url_ = request_.url.text();
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // uploads over HTTP/2 measured twice as slow
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, detail_);
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_BUFFERSIZE, 256L << 10);
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
      add_header("Expect:");  // a round trip that registries answer late or never
    }
    set(CURLOPT_HTTPHEADER, list_);
  }

  Result<void> start() {
    CURLMcode code = curl_multi_add_handle(multi_, easy_);
    MODELCTL_CHECK(code == CURLM_OK, "libcurl refuses a transfer");
    added_ = true;
    while (!headers_done_ && !finished_) TRY(step());
    if (!headers_done_) return failure();
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
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

  int status = 0;
  std::vector<Header> headers;

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    MODELCTL_CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK, "libcurl refuses an option");
  }
  void add_header(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  std::size_t buffered() const { return buffer_.size() - taken_; }
  Error failure() { return stop_.stopped() ? interrupted() : transfer_error(result_, detail_, request_); }
  static Error interrupted() { return Error(Kind::interrupted, "interrupted", "the transfer was interrupted"); }

  // Moves the transfer on by what the network has, or waits for a moment.
  Result<void> step() {
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

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    Exchange& exchange = *static_cast<Exchange*>(self);
    if (exchange.buffered() >= buffer_limit) {
      exchange.paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    auto* bytes = reinterpret_cast<const std::byte*>(data);
    exchange.buffer_.insert(exchange.buffer_.end(), bytes, bytes + size);
    return size;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    Exchange& exchange = *static_cast<Exchange*>(self);
    std::string_view line(data, size);
    if (exchange.headers_done_) return size;  // trailers
    if (line.starts_with("HTTP/")) {
      exchange.headers.clear();
      exchange.status = 0;
      std::string_view rest = line.substr(std::min(line.find(' '), line.size() - 1) + 1);
      std::from_chars(rest.data(), rest.data() + rest.size(), exchange.status);
      return size;
    }
    exchange.header_bytes_ += size;
    if (exchange.header_bytes_ > header_limit) return 0;
    std::string_view text = trimmed(line);
    if (text.empty()) {
      exchange.headers_done_ = exchange.status >= 200;  // 1xx is not the answer yet
      return size;
    }
    if (std::size_t colon = text.find(':'); colon != text.npos) {
      exchange.headers.push_back({std::string(text.substr(0, colon)), std::string(trimmed(text.substr(colon + 1)))});
    }
    return size;
  }

  // The body's bytes from sent_ on, as many as there is room for.
  std::size_t copy_body(std::span<std::byte> out) {
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

  static std::size_t on_read(char* out, std::size_t, std::size_t room, void* self) {
    Exchange& exchange = *static_cast<Exchange*>(self);
    if (exchange.stop_.stopped()) return CURL_READFUNC_ABORT;
    std::size_t count = exchange.copy_body({reinterpret_cast<std::byte*>(out), room});
    exchange.sent_ += count;
    if (exchange.request_.on_sent) exchange.request_.on_sent(exchange.sent_);
    return count;
  }

  static int on_seek(void* self, curl_off_t offset, int origin) {
    Exchange& exchange = *static_cast<Exchange*>(self);
    bool inside = offset >= 0 && static_cast<std::uint64_t>(offset) <= exchange.request_.body_size();
    if (origin != SEEK_SET || !inside) return CURL_SEEKFUNC_FAIL;
    exchange.sent_ = static_cast<std::uint64_t>(offset);
    exchange.piece_ = 0;
    exchange.piece_at_ = 0;
    return CURL_SEEKFUNC_OK;
  }

  CURLM* multi_;
  const StopToken& stop_;
  HttpRequest request_;
  CURL* easy_;
  curl_slist* list_ = nullptr;
  std::string url_;
  char detail_[CURL_ERROR_SIZE] = {};
  std::vector<std::byte> buffer_;
  std::size_t taken_ = 0, header_bytes_ = 0;
  std::uint64_t sent_ = 0, piece_at_ = 0;  // of the body; where body[piece_] begins in it
  std::size_t piece_ = 0;
  bool added_ = false, headers_done_ = false, finished_ = false, paused_ = false;
  CURLcode result_ = CURLE_OK;
};

std::string first_set(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = environment.get(name); value && !value->empty()) return *value;
  }
  return {};
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

Result<std::string> HttpResponse::text(std::uint64_t limit) {
  std::string all;
  std::vector<std::byte> buffer(16 << 10);
  while (std::size_t count = TRY(body->read(buffer))) {
    if (all.size() + count > limit) {
      return Error(Kind::protocol, "answer-too-large",
                   fmt::format("the server's answer is larger than the {} bytes that are allowed here", limit));
    }
    all.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return all;
}

struct Http::State {
  const StopToken& stop;
  CURLM* multi;
  std::string ca_file, ca_path, http_proxy, https_proxy, no_proxy;

  explicit State(const StopToken& stop) : stop(stop), multi(curl_multi_init()) {}
  ~State() { curl_multi_cleanup(multi); }
};

Http::Http(HttpOptions options, const Environment& environment, const StopToken& stop) : options_(std::move(options)) {
  use_curl();
  state_ = std::make_unique<State>(stop);
  state_->ca_file = options_.ca_file.string();
  if (state_->ca_file.empty()) {
    state_->ca_file = first_set(environment, {"SSL_CERT_FILE"});
    state_->ca_path = first_set(environment, {"SSL_CERT_DIR"});
  }
  state_->https_proxy = first_set(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  // HTTP_PROXY in capitals can be set by a web request's header (httpoxy): as curl does, it is not read.
  state_->http_proxy = first_set(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
  state_->no_proxy = first_set(environment, {"no_proxy", "NO_PROXY"});
}

Http::~Http() = default;

Result<HttpResponse> Http::send(const HttpRequest& request) {
  if (request.url.scheme == "http" && !options_.plain_http && !is_loopback(request.url.host)) {
    return Error(Kind::denied, "plain-http",
                 fmt::format("will not speak plain http with '{}'", request.url.authority()))
        .at(redacted(request.url))
        .because("everybody on the way can read and alter it")
        .help("use https, or allow it with --plain-http");
  }
  auto exchange = std::make_unique<Exchange>(state_->multi, state_->stop, request);
  exchange->prepare();
  CURL* easy = exchange->easy();
  const std::string& proxy = request.url.scheme == "https" ? state_->https_proxy : state_->http_proxy;
  curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());  // empty: none, whatever the process's environment says
  curl_easy_setopt(easy, CURLOPT_NOPROXY, state_->no_proxy.c_str());
  if (!state_->ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, state_->ca_file.c_str());
  if (!state_->ca_path.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, state_->ca_path.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_timeout.count()));
  TRY(exchange->start());
  HttpResponse response;
  response.status = exchange->status;
  response.headers = std::move(exchange->headers);
  response.body = std::move(exchange);
  return response;
}

}  // namespace modelctl::transport
