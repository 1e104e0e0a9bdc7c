// Local packages are read from disk, remote ones from their transport; nothing is stored in either case.
#include "actions/verify.hpp"

#include "actions/remote_context.hpp"
#include "transport/pull.hpp"
#include "transport/reference.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

// True for a local path. A path that does not exist and could be a reference is taken as a reference.
bool is_local(const std::string& package) {
  std::error_code code;
  return std::filesystem::exists(package, code) || package.find(':') == std::string::npos;
}

// Reads and verifies every entry from its transport, and stores none of them.
Result<package::SignedManifest> verify_remote(const VerifyRequest& request, const package::Trust& trust, Host& host) {
  const transport::TransportDef* def = TRY(transport::transport_of(request.package));
  transport::Context context = context_of(request.remote, host);
  auto reader = TRY(def->open_reader(request.package, context));
  package::SignedManifest opened = TRY(transport::read_signed(*reader, trust));
  package::Layout layout(opened.manifest, opened.text.size(), opened.bundle.size());
  std::uint64_t done = 0, total = opened.manifest.payload_size();
  for (std::size_t i = 0; i < opened.manifest.entries.size(); ++i) {
    const package::Entry& entry = opened.manifest.entries[i];
    package::EntryCheck check(entry);
    transport::Part part{entry.path, entry.size, entry.digest, layout.slots()[i + 2].at};
    TRY(reader->fetch(part, 0, [&](ByteSpan bytes) -> Result<void> {
      if (host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "stopped verifying; nothing was used");
      host.reporter.progress("verifying", done += bytes.size(), total);
      return check.update(bytes);
    }));
    TRY(check.finish());
  }
  return opened;
}

}  // namespace

Result<VerifyReport> verify(const VerifyRequest& request, Host& host) {
  package::Trust trust = TRY(package::read_trust(request.trust, host.environment));
  if (is_local(request.package))
    return VerifyReport{TRY(package::verify(request.package, trust, host.reporter, host.stop))};
  return VerifyReport{TRY_BECAUSE(verify_remote(request, trust, host),
                                  fmt::format("verifying '{}' where it is", transport::shown(request.package)))};
}

}  // namespace modelctl::actions
