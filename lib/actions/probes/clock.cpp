// A clock that is wrong has registries and servers refused: certificates and tokens have a period in which they are
// valid.
#include "actions/probe.hpp"

#include <fmt/chrono.h>

#include <sys/timex.h>
#include <ctime>

namespace modelctl::actions {
namespace {

constexpr std::time_t oldest = 1735689600;  // 2025-01-01: this program is younger

std::vector<Finding> run(const ProbeContext& context) {
  std::time_t now = std::chrono::system_clock::to_time_t(context.host.clock.now());
  Finding finding{.subject = "time", .value = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now))};
  timex state{};  // modes 0: only reads
  if (now < oldest) {
    finding.state = Finding::State::broken;
    finding.reason = "it is in the past: certificates and tokens would be refused";
    finding.help = "set the clock";
  } else if (::adjtimex(&state) == TIME_ERROR) {
    finding.state = Finding::State::limited;
    finding.reason =
        "the kernel reports that the clock is not synchronized; a clock that is wrong has certificates refused";
  }
  return {std::move(finding)};
}

constexpr ProbeDef defs[] = {{"clock", run}};

}  // namespace
std::span<const ProbeDef> clock_probe() { return defs; }
}  // namespace modelctl::actions
