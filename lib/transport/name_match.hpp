// Whether a package is the one that its reference names. A signature proves who signed a package, not that it was asked
// for: a registry, or whoever controls it, could otherwise return any package that the key ever signed, an old one with
// a known fault for example.
#pragma once

#include "package/manifest.hpp"
#include "transport/reference.hpp"

namespace modelctl::transport {

// Whether a tag reads as a version: digits, with an optional 'v' in front and any parts behind '.', '-' or '_': "2",
// "v1.2", "1.2.0-rc1". Others ("latest", "stable") are names that move from version to version.
bool looks_like_version(std::string_view tag);

// What the manifest says differently, as a reason; empty if it agrees. Compared are the last parts of the two names, as
// a package may be mirrored under another team, and the versions, less a 'v' in front, if the tag looks like one. A
// digest names one package whatever it is called, so with a digest nothing is compared.
std::string mismatch(const Name& name, const package::Manifest& manifest);

}  // namespace modelctl::transport
