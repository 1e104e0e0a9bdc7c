// References: how a user writes where a package is. transport.hpp decides which transport a reference belongs to; this
// is the grammar that the local registry and OCI registries share.
#pragma once

#include "base/digest.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace modelctl::transport {

// [host[:port]/]team/digits[:tag][@sha256:…]
struct Name {
  std::string host;        // "registry.example:5000"; empty in the local registry
  std::string repository;  // "team/digits"
  std::string tag;         // may be empty if there is a digest
  std::optional<Digest> digest;

  std::string text() const;   // as the user would write it
  std::string local() const;  // without host and digest: "team/digits:1.2"
  std::string tag_or_digest() const { return digest ? digest->text() : tag; }
};

// The reference as a person may see it: without user, password and the secrets of a query.
std::string shown(const std::string& reference);

// Whether the first part is a host and not a team, by docker's rule: it contains a '.' or ':' or is 'localhost', and a
// '/' follows.
bool begins_with_host(std::string_view reference);

// Fails with `usage` and with help that can be followed. A tag or a digest is required: no default is assumed.
Result<Name> parse_name(std::string_view reference);
// A repository's name alone, with or without a host: what `list` takes. The repository may be empty after a host.
Result<Name> parse_repository(std::string_view text);

}  // namespace modelctl::transport
