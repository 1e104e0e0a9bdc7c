// The choice of a transport. Prefixes decide first; a text with any other scheme is an error and not a name, so that a
// typing error in "htps://" is not looked up in the local registry.
#include "transport/transport.hpp"

#include "base/check.hpp"

#include <fmt/core.h>

namespace modelctl::transport {
namespace {

const TransportDef* by_prefix(std::string_view reference) {
  for (const TransportDef* def : transports()) {
    for (std::string_view prefix : def->prefixes) {
      if (reference.starts_with(prefix)) return def;
    }
  }
  return nullptr;
}

const TransportDef* by_claim(std::string_view reference) {
  for (const TransportDef* def : transports()) {
    if (def->claims != nullptr && def->claims(reference)) return def;
  }
  return nullptr;
}

}  // namespace

Result<const TransportDef*> transport_of(std::string_view reference) {
  if (const TransportDef* def = by_prefix(reference)) return def;
  if (std::size_t at = reference.find("://"); at != reference.npos) {
    return Error(Kind::unsupported, "unknown-scheme",
                 fmt::format("cannot reach '{}': there is no transport for '{}'", http::redacted(reference),
                             reference.substr(0, at + 3)))
        .help("a reference reads as registry.example/team/digits:1.2, https://…, file:…, oci:… or digits:1.2");
  }
  const TransportDef* def = by_claim(reference);
  MODELCTL_CHECK(def != nullptr, "no transport claims a plain name");
  return def;
}

Result<const TransportDef*> lister_of(std::string_view registry) {
  const TransportDef* def = by_prefix(registry);
  bool host_alone = registry == "localhost" || registry.find_first_of(".:") != registry.npos;
  if (def == nullptr) def = by_claim(host_alone ? std::string(registry) + "/" : std::string(registry));
  if (def == nullptr || def->list == nullptr) {
    return Error(Kind::unsupported, "cannot-list", fmt::format("cannot list what '{}' holds", http::redacted(registry)))
        .because("only registries can tell what they hold")
        .help("name a registry: a host such as registry.example, oci:FOLDER, or nothing for the local one");
  }
  return def;
}

}  // namespace modelctl::transport
