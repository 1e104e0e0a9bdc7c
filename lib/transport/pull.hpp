// Brings a package here: the signature first, then each entry, checked while it streams, and only what is whole and
// right is put in place. What an interrupted pull has brought is used by the next one, after it was hashed again.
#pragma once

#include "transport/staging.hpp"
#include "transport/transport.hpp"

namespace modelctl::transport {

struct PullStory {
  std::uint64_t moved = 0;   // bytes of content that came over the wire
  std::uint64_t reused = 0;  // bytes that an earlier pull had brought
};

// Reads both documents and checks who signed them. Nothing else has moved by then.
Result<package::SignedManifest> read_signed(Reader& reader, const package::Trust& trust);

// Fills the staging place with the manifest's entries and commits it. `what` is shown with the progress.
Result<PullStory> pull_entries(Reader& reader, const package::SignedManifest& manifest, Staging& staging,
                               const std::string& what, Reporter& reporter, const StopToken& stop);

}  // namespace modelctl::transport
