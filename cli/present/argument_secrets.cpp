// An argument need not be a URL that can be used: what is mistyped has a password all the same.
#include "cli/present/argument_secrets.hpp"

namespace modelctl::cli {
namespace {

// What stands between the ':' and the '@' of "https://user:password@host", or of that without a scheme; all of it if
// there is no ':', since some hosts take a token as the name. Empty: none.
std::string_view password_in(std::string_view argument) {
  std::size_t scheme_end = argument.find("://");
  bool has_scheme = scheme_end != argument.npos;
  if (has_scheme) argument.remove_prefix(scheme_end + 3);
  while (argument.starts_with('/')) argument.remove_prefix(1);
  std::size_t at = argument.rfind('@');
  if (at == argument.npos || argument.substr(at + 1).starts_with("sha256:")) return {};
  std::string_view user = argument.substr(0, at);
  std::size_t colon = user.find(':');
  // Without a scheme it may be a path, in which both characters are ordinary.
  if (!has_scheme && (colon == user.npos || user.find('/') != user.npos)) return {};
  return colon == user.npos ? user : user.substr(colon + 1);
}

}  // namespace

http::Secrets secrets_in(std::span<const std::string> arguments) {
  http::Secrets secrets;
  for (const std::string& argument : arguments) {
    secrets.add(password_in(argument));
    if (auto url = http::Url::parse(argument)) secrets.add_query(*url);
  }
  return secrets;
}

}  // namespace modelctl::cli
