// One request on its way through libcurl's multi interface. It is its response's body too: libcurl pushes the bytes,
// the reader pulls them, and between the two stands a buffer that pauses the transfer when it is full.
#pragma once

#include "base/host.hpp"
#include "http/connection_pool.hpp"
#include "http/proxy.hpp"

#include <curl/curl.h>

namespace modelctl::http {

// Which addresses the connection may go to, once the host's name is resolved.
enum class AddressRule { any, public_only, loopback_only };

class Exchange : public HttpBody {
 public:
  Exchange(CURLM* multi, const StopToken& stop, const HttpRequest& request, const Proxy& proxy, AddressRule rule);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  CURL* easy() { return easy_; }
  // Sets what follows from the request; the pool sets what is the same for all of them.
  void prepare();
  // Runs until the headers of the response are there.
  Result<void> start();
  Result<std::size_t> read(std::span<std::byte> buffer) override;

  int status = 0;
  std::vector<Header> headers;

 private:
  template <class Value>
  void set(CURLoption option, Value value);
  void add_header(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  std::size_t buffered() const { return buffer_.size() - taken_; }
  Error failure();
  Result<void> step();
  std::size_t copy_body(std::span<std::byte> out);

  // Callbacks of libcurl; `self` is the exchange.
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_read(char* out, std::size_t, std::size_t capacity, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

  CURLM* multi_;
  const StopToken& stop_;
  HttpRequest request_;
  Proxy proxy_;
  AddressRule rule_;
  CURL* easy_;
  curl_slist* list_ = nullptr;
  std::string url_;
  char detail_[CURL_ERROR_SIZE] = {};
  std::vector<std::byte> buffer_;
  std::size_t taken_ = 0, header_bytes_ = 0;
  std::uint64_t sent_ = 0,
                piece_at_ = 0;  // of the body; where body[piece_] begins in it
  std::size_t piece_ = 0;
  bool added_ = false, headers_done_ = false, finished_ = false, paused_ = false, address_refused_ = false;
  CURLcode result_ = CURLE_OK;
};

// The error of an exchange that gave no response, or that broke in the middle of one.
Error transfer_error(CURLcode code, std::string detail, long connect_status, const HttpRequest& request,
                     const Proxy& proxy);
// The proxy wants credentials, or others than it got.
Error proxy_refused(const HttpRequest& request, const Proxy& proxy);

}  // namespace modelctl::http
