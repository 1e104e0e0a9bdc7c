// The comparison of a reference with a manifest; what follows from it is for the actions to decide.
#include "transport/name_match.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('/') + 1); }

std::string_view without_v(std::string_view version) {
  bool prefixed = version.size() > 1 && (version[0] == 'v' || version[0] == 'V') && is_digit(version[1]);
  return prefixed ? version.substr(1) : version;
}

}  // namespace

bool looks_like_version(std::string_view tag) {
  std::string_view rest = without_v(tag);
  auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  return end != rest.begin() && (end == rest.end() || *end == '.' || *end == '-' || *end == '_');
}

// A digest names exactly one package, whatever it is called. Otherwise only the last part of the name counts: teams
// mirror packages below folders of their own, and a tag that is not a version, such as "latest", may stand for any
// version.
std::string mismatch(const Name& name, const package::Manifest& manifest) {
  if (name.digest) return {};
  if (last_part(name.repository) != last_part(manifest.name)) {
    return fmt::format("its manifest has the name '{}' and not '{}'", manifest.name, last_part(name.repository));
  }
  if (!looks_like_version(name.tag) || without_v(name.tag) == without_v(manifest.version)) return {};
  return fmt::format("its manifest has the version '{}' and not '{}'", manifest.version, name.tag);
}

}  // namespace modelctl::transport
