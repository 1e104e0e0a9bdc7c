// Whether `serve` could start with the settings of modelctl.yaml, else with the defaults: it listens for a moment,
// which also reads the certificate and its key.
#include "serve/server.hpp"
#include "actions/probe.hpp"

namespace modelctl::actions {
namespace {

std::vector<Finding> run(const ProbeContext& context) {
  const Project* project = context.usable_project();
  serve::Settings settings = serve::complete(project != nullptr ? project->serve : serve::GivenSettings());
  serve::Service service(settings);
  auto server = serve::Server::start(service);
  if (server) return {{.subject = "listen", .value = settings.listen, .needed = project != nullptr}};
  Finding finding = broken("listen", server.error());
  finding.value = settings.listen;
  finding.needed = project != nullptr;
  // Perhaps by the project's own server.
  if (server.error().code == "address-in-use") finding.state = Finding::State::limited;
  return {std::move(finding)};
}

constexpr ProbeDef defs[] = {{"server", run}};

}  // namespace
std::span<const ProbeDef> server_probe() { return defs; }
}  // namespace modelctl::actions
