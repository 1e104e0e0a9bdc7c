// The transport of the reference lists the packages; without a reference it is that of the local registry.
#include "actions/list.hpp"

#include "actions/remote_context.hpp"
#include "transport/transport.hpp"

#include <algorithm>

namespace modelctl::actions {

Result<ListReport> list(const ListRequest& request, Host& host) {
  const transport::TransportDef* def = TRY(transport::lister_of(request.registry));
  transport::Context context = context_of(request.remote, host);
  ListReport report;
  for (transport::Listed& listed : TRY(def->list(request.registry, context))) {
    ListReport::Package package{std::move(listed.reference), listed.digest, listed.size, std::nullopt};
    if (listed.pushed) {
      auto age = std::chrono::duration_cast<std::chrono::seconds>(host.clock.now() - *listed.pushed);
      package.age = std::max(age, std::chrono::seconds(0));
    }
    report.packages.push_back(std::move(package));
  }
  return report;
}

std::vector<std::string> known_registries(Host& host) { return transport::known_registries(host.environment); }

}  // namespace modelctl::actions
