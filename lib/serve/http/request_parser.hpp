// HTTP/1 requests from bytes, with the limits that hold before a request is admitted. Internal to the server: one of
// the few headers with Boost.Beast's parser, which takes long to compile.
#pragma once

#include "serve/http/http.hpp"
#include "serve/memory_budget.hpp"
#include "serve/settings.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <functional>
#include <optional>

namespace modelctl::serve {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

inline constexpr std::uint32_t header_bytes = 16 * 1024;
// What the parser sees at once. Chunk headers with their extensions, and all trailers together, must fit, since Beast
// parses each from contiguous memory.
inline constexpr std::size_t buffer_bytes = 64 * 1024;

// A request's body as a string that grows as bytes arrive, never on the claim of a Content-Length, and only as far as
// the connection's share of the memory budget does.
struct BudgetedBody {
  struct value_type {
    std::string text;
    MemoryShare* share = nullptr;  // null: not limited
  };

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, beast::error_code& code) {
      length_ = length.value_or(0);
      code = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& code) {
      std::string& text = body_.text;
      std::size_t size = text.size() + beast::buffer_bytes(buffers);
      if (size > text.capacity()) {
        // Twice as much, so that appending takes linear time, but not more than is still to come.
        std::size_t capacity = 2 * text.capacity();
        if (length_ > 0) capacity = static_cast<std::size_t>(std::min<std::uint64_t>(capacity, length_));
        capacity = std::max(capacity, size);
        if (body_.share != nullptr && !body_.share->resize(capacity)) {
          code = net::error::no_memory;
          return 0;
        }
        text.reserve(capacity);
      }
      for (auto buffer : beast::buffers_range_ref(buffers))
        text.append(static_cast<const char*>(buffer.data()), buffer.size());
      code = {};
      return beast::buffer_bytes(buffers);
    }
    void finish(beast::error_code& code) { code = {}; }

   private:
    value_type& body_;
    std::uint64_t length_ = 0;  // 0: not known
  };
};

// A parser with the limits that hold before a request is admitted.
class RequestParser {
 public:
  // With a share, the body grows as far as it does.
  RequestParser(const Settings& settings, MemoryShare* share) {
    parser_.header_limit(header_bytes);
    parser_.body_limit(settings.max_body);
    parser_.get().body().share = share;
    // A client may send any number of chunks, each with extensions that nobody reads (RFC 9112, section 7.1.1).
    on_chunk_ = [this](std::uint64_t, beast::string_view extensions, beast::error_code& code) {
      extension_bytes_ += extensions.size();
      if (extension_bytes_ > header_bytes) code = http::error::header_limit;
    };
    parser_.on_chunk_header(on_chunk_);
  }
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class Until { headers, end };
  // Parses from the beginning of `bytes`, without empty lines before the request line (RFC 9112, section 2.2), and
  // returns how many it has used. `code` is need_more if the request, or its headers, go on after them; whoever calls
  // gives the rest again, with more behind it.
  std::size_t parse(std::string_view bytes, Until until, beast::error_code& code);

  http::request_parser<BudgetedBody>* operator->() { return &parser_; }

 private:
  std::size_t skip_empty_lines(std::string_view bytes);

  http::request_parser<BudgetedBody> parser_;
  std::function<void(std::uint64_t, beast::string_view, beast::error_code&)> on_chunk_;
  std::size_t extension_bytes_ = 0;
  std::size_t empty_lines_ = 0;
  bool begun_ = false;
};

// The parts of a request's target. It may be absolute (RFC 9112, section 3.2.2); its authority is left out, as that of
// the header 'Host' is.
struct Target {
  std::string_view path;   // as it was sent
  std::string_view query;  // after '?', not decoded
};
Target target_of(std::string_view target);

// Without Beast's types.
ClientRequest plain(http::request<BudgetedBody>&& request);

// 503 with Retry-After.
ServerResponse busy(std::string_view why);
ServerResponse no_memory_for_body();

// Why a request could not be read, as a response; nothing if the client is gone and would not receive it.
std::optional<ServerResponse> refusal(beast::error_code code, bool timed_out, const Settings& settings);

// What the parser accepts and a proxy in front might read in another way: request smuggling (RFC 9112,
// sections 3.2, 6.1 and 11.2).
std::optional<ServerResponse> ambiguity(const http::fields& fields, unsigned version);

}  // namespace modelctl::serve
