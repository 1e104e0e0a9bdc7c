// __worker: the hidden command that a server with --isolate starts for each version of a model. It has the server's
// descriptors and nothing to say to people.
#include "serve/isolation/worker.hpp"

#include "cli/command.hpp"
#include "ops/run_table.hpp"

namespace modelctl::cli {
namespace {

Run bind(Binder&) {
  return [](CommandContext&) -> Result<int> { return serve::run_worker(ops::run_table()); };
}

constexpr CommandDef defs[] = {{"__worker", "", bind}};

}  // namespace
std::span<const CommandDef> worker_command() { return defs; }
}  // namespace modelctl::cli
