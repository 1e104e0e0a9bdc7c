// Whose packages are accepted without --key and --trust, and whether a passphrase is set; never its text.
#include "package/trust.hpp"
#include "actions/probe.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

std::vector<Finding> run(const ProbeContext& context) {
  const Environment& environment = context.host.environment;
  std::vector<Finding> findings;
  if (!environment.get("MODELCTL_TRUST")) {
    findings.push_back({.subject = "MODELCTL_TRUST",
                        .state = Finding::State::absent,
                        .reason = "nobody is trusted by default: verify, pull and serve need --key or --trust"});
  } else if (auto trust = package::read_trust({}, environment); !trust) {
    findings.push_back(broken("MODELCTL_TRUST", trust.error()));
  } else {
    for (const package::TrustedKey& key : trust->keys()) {
      findings.push_back({.subject = key.name, .value = key.key.fingerprint().text()});
    }
  }
  if (environment.get("MODELCTL_PASSWORD")) findings.push_back({.subject = "MODELCTL_PASSWORD", .value = "set"});
  return findings;
}

constexpr ProbeDef defs[] = {{"trust", run}};

}  // namespace
std::span<const ProbeDef> trust_probe() { return defs; }
}  // namespace modelctl::actions
