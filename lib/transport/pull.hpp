// Pulls a package: first the signed documents, then each entry, which is checked while it streams. Only a complete
// package that matches its signature is put in place. The next pull continues an interrupted one, after hashing what it
// left.
#pragma once

#include "transport/staging.hpp"
#include "transport/transport.hpp"

namespace modelctl::transport {

// Both counts are of content alone, without documents, headers and protocol.
struct PullStats {
  std::uint64_t moved = 0;   // bytes of content that were transferred
  std::uint64_t reused = 0;  // bytes that an earlier pull had left
};

// Reads both documents and checks the signature, before anything else is transferred.
Result<package::SignedManifest> read_signed(Reader& reader, const package::Trust& trust);

// Fills the staging place with the manifest's entries and commits it. `what` is shown with the progress. After
// untrusted everything is discarded; after any other failure, an interruption included, the place stays for the next
// pull.
Result<PullStats> pull_entries(Reader& reader, const package::SignedManifest& manifest, Staging& staging,
                               const std::string& what, Reporter& reporter, const StopToken& stop);

}  // namespace modelctl::transport
