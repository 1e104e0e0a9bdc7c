// The instruction set decides how fast models run. A virtual machine may hide what the CPU has.
#include "kernels/isa/cpu.hpp"
#include "actions/probe.hpp"
#include "runtime/machine.hpp"

#include <fmt/core.h>

#include <sys/utsname.h>
#include <unistd.h>

namespace modelctl::actions {
namespace {

Finding instruction_set(std::string_view architecture) {
  kernels::Cpu cpu = kernels::Cpu::detect();
  Finding finding{.subject = "instruction set", .value = name(cpu.isa) + (cpu.vnni ? " with VNNI" : "")};
  if (cpu.isa != kernels::Isa::portable) return finding;
  finding.state = Finding::State::limited;
  finding.reason = architecture == "x86_64" ? "neither AVX2 nor AVX-512 is there: models run slower"
                                            : "there are no optimized kernels for this architecture: models run slower";
  if (architecture == "x86_64") finding.help = "in a virtual machine, choose the host's CPU model";
  return finding;
}

std::vector<Finding> run(const ProbeContext&) {
  utsname system{};
  ::uname(&system);
  int usable = runtime::usable_cpus();
  long all = ::sysconf(_SC_NPROCESSORS_ONLN);
  Finding cpus{.subject = "CPUs", .value = fmt::format("{} of {}", usable, all)};
  if (usable < all) {
    cpus.state = Finding::State::limited;
    cpus.reason = "the affinity mask or a control group (cpu.max) allows no more";
  }
  return {{.subject = "architecture", .value = system.machine}, instruction_set(system.machine), std::move(cpus)};
}

constexpr ProbeDef defs[] = {{"cpu", run}};

}  // namespace
std::span<const ProbeDef> cpu_probe() { return defs; }
}  // namespace modelctl::actions
