// Replacement of known secrets.
#include "http/secrets.hpp"

#include <algorithm>

namespace modelctl::http {
namespace {

constexpr std::size_t shortest = 4;
constexpr std::size_t quote_limit = 300;
constexpr std::string_view replacement = "REDACTED";

}  // namespace

void Secrets::add(std::string_view secret) {
  if (secret.size() < shortest || std::find(secrets_.begin(), secrets_.end(), secret) != secrets_.end()) return;
  secrets_.emplace_back(secret);
  // Longest first: a token may contain a password, and half of a token must not stay.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

void Secrets::add_query(const Url& url) {
  // Signatures are long. A short value may be an ordinary word, and cutting it out would garble every message.
  for (const std::string& value : secret_query_values(url)) {
    if (value.size() >= 8) add(value);
  }
}

std::string Secrets::without(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = text.find(secret, at)) != text.npos; at += replacement.size()) {
      text.replace(at, secret.size(), replacement);
    }
  }
  return text;
}

Error Secrets::without(Error error) const {
  error.what = without(std::move(error.what));
  error.where = without(std::move(error.where));
  for (std::string& reason : error.why) reason = without(std::move(reason));
  error.hint = without(std::move(error.hint));
  for (Error& fault : error.faults) fault = without(std::move(fault));
  return error;
}

std::string Secrets::quote(std::string_view text) const {
  // Cut after the replacement: a cut through a secret would leave a part of it that does not match any more.
  std::string quoted = without(std::string(text)).substr(0, quote_limit);
  std::replace_if(
      quoted.begin(), quoted.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return quoted;
}

}  // namespace modelctl::http
