// The content of the package is checked completely before any of it is sent.
#include "actions/push.hpp"

#include "actions/named_package.hpp"
#include "actions/remote_context.hpp"
#include "actions/wrong_file.hpp"
#include "transport/transport.hpp"

#include <fmt/core.h>

namespace modelctl::actions {

Result<PushReport> push(const PushRequest& request, Host& host) {
  const transport::TransportDef* def = TRY(transport::transport_of(request.reference));
  transport::Context context = context_of(request.remote, host);
  // First what is quick to refuse: a reference that cannot be pushed to must not cost the hashing of a large package.
  auto writer = TRY(def->open_writer(request.reference, context));
  auto opened = package::Package::open(request.package);
  if (!opened) return name_kind(std::move(opened).error(), request.package, kinds::Role::package);
  package::Package package = std::move(*opened);
  TRY_BECAUSE(package.check_content(host.reporter, host.stop),
              fmt::format("nothing of '{}' was pushed", request.package.string()));
  auto check = [&]() -> Result<void> {
    if (request.force) return {};
    return check_push(*def, request.reference, package, context);
  };
  TRY(check());  // a push that would be refused at its end sends nothing
  transport::Pushed pushed = TRY(writer->push(package, check));
  return PushReport{std::move(pushed.reference), pushed.digest, package.digest(), package.manifest().name,
                    package.manifest().version,  pushed.sent,   pushed.skipped};
}

}  // namespace modelctl::actions
