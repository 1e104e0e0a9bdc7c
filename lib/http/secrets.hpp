// The secrets that this process has sent or may send, so that they can be cut out of messages. A server can put what it
// received into its error text or into any header that we quote; a person's terminal and the logs of a build machine
// must not show it.
#pragma once

#include "base/error.hpp"
#include "http/url.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::http {

class Secrets {
 public:
  // Texts of fewer than 4 bytes are ignored: cutting them out would destroy messages and hide nothing.
  void add(std::string_view secret);
  // The values in a query that redacted() hides: a URL of the user's or of a redirect may be signed.
  void add_query(const Url& url);
  // The text with every secret replaced by REDACTED.
  std::string without(std::string text) const;
  Error without(Error error) const;
  // A text from a server for a message: secrets cut out, control characters (which can drive a terminal) replaced by
  // spaces, and no longer than 300 bytes.
  std::string quote(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;
};

}  // namespace modelctl::http
