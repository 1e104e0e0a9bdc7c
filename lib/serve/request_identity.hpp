// By what one request is found again in the logs of all who handled it: X-Request-Id, and the trace context of W3C
// (www.w3.org/TR/trace-context).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace modelctl::serve {

struct RequestIdentity {
  std::string id;             // the client's, else the trace's, else made here
  std::string trace, parent;  // 32 and 16 hex digits of the client's traceparent; empty without a valid one
  std::string span;           // 16 hex digits: this server's part of the trace; empty without one
  std::string flags;          // two hex digits, as the client sent them

  // "00-TRACE-SPAN-FLAGS", for the header traceresponse; empty without a trace.
  std::string trace_response() const;
};

// Makes identities that differ from each other and from those of other processes. Any thread may use it.
class RequestIdentities {
 public:
  RequestIdentities();

  // Of the two headers. An id is taken if it has 1 to 128 letters, digits and some signs: it goes into logs and headers
  // as it is.
  RequestIdentity identify(std::string_view request_id, std::string_view traceparent);

 private:
  std::string hex_digits(int words);  // 16 for each

  std::atomic<std::uint64_t> next_;
};

}  // namespace modelctl::serve
