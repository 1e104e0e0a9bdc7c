// The memory that the process may use is often less than the machine's: control groups limit it, and the kernel ends
// what exceeds the limit.
#include "actions/probe.hpp"
#include "runtime/machine.hpp"

#include <fmt/core.h>

#include <unistd.h>

namespace modelctl::actions {
namespace {

std::string gibibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (std::uint64_t{1} << 30));
}

std::vector<Finding> run(const ProbeContext& context) {
  auto all =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t usable = runtime::usable_memory();
  Finding memory{.subject = "memory", .value = fmt::format("{} of {}", gibibytes(usable), gibibytes(all))};
  if (usable < all) {
    memory.state = Finding::State::limited;
    memory.reason = "a control group (memory.max) allows no more";
  }
  std::vector<Finding> findings{std::move(memory)};
  const Project* project = context.usable_project();
  if (project != nullptr && project->serve.max_memory && *project->serve.max_memory > usable) {
    findings.push_back({.subject = "serve.max_memory",
                        .state = Finding::State::limited,
                        .value = gibibytes(*project->serve.max_memory),
                        .reason = "a prediction may use more memory than the process",
                        .help = "lower serve.max_memory in modelctl.yaml",
                        .needed = true});
  }
  return findings;
}

constexpr ProbeDef defs[] = {{"memory", run}};

}  // namespace
std::span<const ProbeDef> memory_probe() { return defs; }
}  // namespace modelctl::actions
