// References: how a user says where a package lives. Which transport a reference belongs to is decided by
// transport.hpp; this is the grammar that the local registry and OCI registries share.
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

// As docker tells hosts from teams: the first part is a host if it holds a '.' or ':' or is 'localhost', and a '/'
// comes after it.
bool begins_with_host(std::string_view reference);

// Fails with `usage` and a help that can be followed. One of tag and digest must be there: nothing is guessed.
Result<Name> parse_name(std::string_view reference);
// A repository's name alone, host or not: what `list` takes. The repository may be empty after a host.
Result<Name> parse_repository(std::string_view text);

}  // namespace modelctl::transport
