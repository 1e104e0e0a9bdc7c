// The signature is read and checked first; only then is a place for the files prepared and anything else transferred.
#include "actions/pull.hpp"

#include "actions/named_package.hpp"
#include "actions/output_names.hpp"
#include "actions/remote_context.hpp"
#include "transport/pull.hpp"
#include "transport/reference.hpp"
#include "transport/staging.hpp"

#include <fmt/core.h>

namespace modelctl::actions {

Result<PullReport> pull(const PullRequest& request, Host& host) {
  if (request.folder.empty() && request.archive.empty()) {
    return Error(Kind::usage, "no-place",
                 fmt::format("cannot pull '{}' to nowhere", transport::shown(request.reference)))
        .help("name a folder with -o FOLDER, a file with --archive FILE.tar, or both");
  }
  TRY(check_outputs(
      "pull", {{"-o", request.folder, OutputKind::folder}, {"--archive", request.archive, OutputKind::package}}, {}));
  const transport::TransportDef* def = TRY(transport::transport_of(request.reference));
  transport::Context context = context_of(request.remote, host);
  auto reader = TRY(def->open_reader(request.reference, context));
  package::Trust trust = TRY(package::read_trust(request.trust, host.environment));
  PullReport report{TRY_BECAUSE(transport::read_signed(*reader, trust),
                                fmt::format("nothing of '{}' was used", transport::shown(request.reference))),
                    request.folder, request.archive};
  TRY(check_name(*def, request.reference, report.signed_manifest.manifest, request.any_name, host.reporter));
  // No place is prepared before both checks have passed: a refused package leaves no trace on the disk. For both an
  // archive and a folder the content is transferred once; unpacking then verifies the archive again, as it would any
  // other.
  if (!request.folder.empty()) TRY(transport::check_new_folder(request.folder));
  auto staging = request.archive.empty() ? TRY(transport::stage_folder(report.signed_manifest, request.folder))
                                         : TRY(transport::stage_archive(report.signed_manifest, request.archive));
  transport::PullStats stats =
      TRY(transport::pull_entries(*reader, report.signed_manifest, *staging,
                                  "pulling " + transport::shown(request.reference), host.reporter, host.stop));
  report.moved = stats.moved;
  report.reused = stats.reused;
  if (!request.archive.empty() && !request.folder.empty()) {
    TRY(package::unpack(request.archive, request.folder, trust, host.reporter, host.stop));
  }
  return report;
}

}  // namespace modelctl::actions
