// Local packages are read from disk, remote ones from their transport; nothing is stored in either case.
#include "actions/verify.hpp"

#include "actions/named_package.hpp"
#include "actions/remote_context.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/appended.hpp"
#include "artifact/integrity.hpp"
#include "transport/pull.hpp"
#include "transport/reference.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

// Reads and verifies every entry from its transport, and stores none of them.
Result<package::SignedManifest> verify_remote(const VerifyRequest& request, const package::Trust& trust, Host& host) {
  const transport::TransportDef* def = TRY(transport::transport_of(request.package));
  transport::Context context = context_of(request.remote, host);
  auto reader = TRY(def->open_reader(request.package, context));
  package::SignedManifest opened = TRY(transport::read_signed(*reader, trust));
  TRY(check_name(*def, request.package, opened.manifest, request.any_name, host.reporter));
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

// A key on the command line demands a signature: "intact" must not be taken for "signed". MODELCTL_TRUST alone does
// not, since it is set for all commands of a shell or job.
Result<void> verify_unsigned(const VerifyRequest& request, kinds::Role role) {
  bool wants_signature = !request.trust.key.empty() || !request.trust.file.empty();
  if (wants_signature) {
    return Error(Kind::untrusted, "unsigned", fmt::format("cannot trust '{}': it is not signed", request.package))
        .at(request.package)
        .because("an artifact or linked program has a digest against damage, but no signature")
        .help("verify the package that it came in, or leave out --key and --trust");
  }
  auto artifact = TRY(role == kinds::Role::artifact ? artifact::open(request.package)
                                                    : artifact::open_appended(request.package, request.package));
  return artifact.integrity->check();
}

}  // namespace

Result<VerifyReport> verify(const VerifyRequest& request, Host& host) {
  kinds::Role role = is_reference(request.package) ? kinds::Role::none : role_of(request.package);
  if (role == kinds::Role::artifact || role == kinds::Role::program) {
    TRY(verify_unsigned(request, role));
    return VerifyReport{std::nullopt};
  }
  package::Trust trust = TRY(package::read_trust(request.trust, host.environment));
  if (!is_reference(request.package)) {
    auto verified = package::verify(request.package, trust, host.reporter, host.stop);
    if (!verified) return name_kind(std::move(verified).error(), request.package, kinds::Role::package);
    return VerifyReport{std::move(*verified)};
  }
  return VerifyReport{TRY_BECAUSE(verify_remote(request, trust, host),
                                  fmt::format("verifying '{}' where it is", transport::shown(request.package)))};
}

}  // namespace modelctl::actions
