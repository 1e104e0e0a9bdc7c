// The registries that credentials are stored for. Only their names are read: a helper may ask a person, and is not run.
// If the network may be used, each registry is asked whether it accepts them.
#include "transport/credentials.hpp"
#include "actions/probe.hpp"
#include "actions/remote_context.hpp"
#include "transport/oci_registry.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

constexpr std::size_t most_asked = 10;
constexpr std::chrono::seconds patience{5};  // for each registry

Result<void> ask(const std::string& registry, Host& host) {
  transport::Context context = context_of({}, host);
  context.http.connect_timeout = context.http.stall_timeout = patience;
  http::Url origin = TRY(transport::registry_origin(registry, context));
  transport::RemoteClient client(context, origin, "", "");
  http::HttpRequest probe{.url = origin};
  probe.url.path = "/v2/";
  TRY(client.expect(probe, {200, 404, 405}, fmt::format("cannot use '{}'", registry), http::Client::Retry::no));
  return {};
}

std::vector<Finding> run(const ProbeContext& context) {
  std::vector<Finding> findings;
  for (const Error& fault : transport::faults_of_credentials(context.host.environment))
    findings.push_back(broken(fault.where, fault));
  for (const std::string& registry : transport::known_registries(context.host.environment)) {
    Finding finding{.subject = registry, .value = "stored"};
    if (context.online && findings.size() < most_asked) {
      auto asked = ask(registry, context.host);
      finding = asked ? Finding{.subject = registry, .value = "stored, the registry responds"}
                      : broken(registry, asked.error());
    }
    findings.push_back(std::move(finding));
  }
  if (findings.empty()) {
    findings.push_back({.subject = "registries",
                        .state = Finding::State::absent,
                        .reason = "no credentials are stored",
                        .help = "modelctl login REGISTRY --username NAME"});
  }
  return findings;
}

constexpr ProbeDef defs[] = {{"credentials", run}};

}  // namespace
std::span<const ProbeDef> credentials_probe() { return defs; }
}  // namespace modelctl::actions
