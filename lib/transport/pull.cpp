// One entry after another into its staging place.
//
// An interrupted pull leaves a prefix of some entry, written by us but unprotected since. It is read and hashed with
// the same running digest that the new bytes continue, so the final comparison covers both. If that fails, the prefix
// may be what is wrong: the entry is fetched once more from its start. A second failure is the remote's, and everything
// is discarded.
#include "transport/pull.hpp"

#include "base/descriptor.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

struct Puller {
  Reader& reader;
  const package::SignedManifest& manifest;
  Staging& staging;
  const std::string& what;
  Reporter& reporter;
  const StopToken& stop;
  package::Layout layout;
  PullStats stats;
  std::uint64_t done = 0, total = 0;

  void show(std::uint64_t within) { reporter.progress(what, done + within, total); }

  // Hashes what an earlier pull left, so that the digest continues where the file ends.
  Result<void> check_present(const Staging::OpenEntry& place, package::EntryCheck& check) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(place.present, 1 << 20));
    while (check.seen() < place.present) {
      if (stop.stopped()) return Error(Kind::interrupted, "interrupted", "the pull was interrupted");
      std::size_t capacity = std::min<std::uint64_t>(buffer.size(), place.present - check.seen());
      ssize_t n = read_some_at(place.descriptor, std::span(buffer).first(capacity), place.base + check.seen());
      if (n <= 0) return system_error(n < 0 ? errno : EIO, "cannot read what an earlier pull left", staging.path());
      TRY(check.update({buffer.data(), static_cast<std::size_t>(n)}));
      show(check.seen());
    }
    return {};
  }

  Result<void> write(const Staging::OpenEntry& place, std::uint64_t at, ByteSpan bytes) {
    if (write_all_at(place.descriptor, bytes, place.base + at)) return {};
    return system_error(errno, fmt::format("cannot write '{}'", staging.path().string()), staging.path());
  }

  // One entry from `place.present` on.
  Result<void> attempt(const package::Entry& entry, const Part& part, const Staging::OpenEntry& place) {
    package::EntryCheck check(entry);
    TRY(check_present(place, check));
    std::uint64_t kept = check.seen();
    if (kept < entry.size) {
      TRY(reader.fetch(part, kept, [&](ByteSpan bytes) -> Result<void> {
        std::uint64_t at = check.seen();
        TRY(check.update(bytes));
        TRY(write(place, at, bytes));
        stats.moved += bytes.size();
        show(check.seen());
        return {};
      }));
    }
    TRY(check.finish());
    stats.reused += kept;
    return {};
  }

  Result<void> entry(std::size_t i) {
    const package::Entry& entry = manifest.manifest.entries[i];
    Part part{entry.path, entry.size, entry.digest, layout.slots()[i + 2].at};
    Staging::OpenEntry place = TRY(staging.open_entry(i));
    auto cut = [&]() -> Result<void> {
      if (::ftruncate(place.descriptor, static_cast<off_t>(place.base)) == 0) return {};
      return system_error(errno, fmt::format("cannot write '{}'", staging.path().string()), staging.path());
    };
    if (place.present > entry.size) {
      TRY(cut());
      place.present = 0;
    }
    auto result = attempt(entry, part, place);
    // The file that an earlier pull left may be damaged although the remote is right: try once more from the start.
    if (!result && result.error().kind == Kind::untrusted && place.present > 0) {
      TRY(cut());
      place.present = 0;
      result = attempt(entry, part, place);
    }
    if (!result) return std::move(result).error().because(fmt::format("pulling '{}'", entry.path));
    TRY(staging.finish_entry(i));
    done += entry.size;
    show(0);
    return {};
  }
};

}  // namespace

Result<package::SignedManifest> read_signed(Reader& reader, const package::Trust& trust) {
  Documents documents = TRY(reader.documents());
  return package::open_signed(documents.manifest, documents.bundle, trust);
}

Result<PullStats> pull_entries(Reader& reader, const package::SignedManifest& manifest, Staging& staging,
                               const std::string& what, Reporter& reporter, const StopToken& stop) {
  package::Layout layout(manifest.manifest, manifest.text.size(), manifest.bundle.size());
  Puller puller{reader, manifest, staging, what, reporter, stop, std::move(layout), {}};
  puller.total = manifest.manifest.payload_size();
  for (std::size_t i = 0; i < manifest.manifest.entries.size(); ++i) {
    auto result = puller.entry(i);
    if (result) continue;
    Error error = std::move(result).error();
    if (error.kind == Kind::untrusted) {
      staging.discard();
    } else if (puller.stats.moved + puller.stats.reused > 0 && error.hint.empty()) {
      error.hint = "run the same command again: it continues where this one stopped";
    }
    return error;
  }
  puller.show(0);
  TRY(staging.commit());
  return puller.stats;
}

}  // namespace modelctl::transport
