// prune: reduces the caches.
#include "actions/prune.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/number.hpp"
#include "cli/commands/size.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

void print(const actions::PruneReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json caches = Json::array();
    for (const auto& cache : report.caches) {
      caches.push_back({{"name", cache.name},
                        {"folder", cache.folder.string()},
                        {"entries", cache.use.entries},
                        {"bytes", cache.use.bytes},
                        {"removed", cache.use.removed},
                        {"freed_bytes", cache.use.freed}});
    }
    printer.json(canonical_json({{"caches", caches}}));
    return;
  }
  Table table{{"cache", "removed", "freed", "left", "size", "folder"}, {}};
  for (const auto& cache : report.caches) {
    table.rows.push_back({std::string(cache.name), std::to_string(cache.use.removed), human_bytes(cache.use.freed),
                          std::to_string(cache.use.entries), human_bytes(cache.use.bytes), cache.folder.string()});
  }
  printer.table(table);
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::PruneRequest>();
  binder.app
      .add_option("--keep", request->keep_bytes,
                  "Size to which each cache is reduced; by default its limit, 0 empties it")
      ->transform(size_value())
      ->type_name("SIZE");
  binder.app.add_option("--unused", request->unused_days, "Also remove what was not used for so many days")
      ->check(number_between(0, 1e6))
      ->type_name("DAYS");
  return [request](CommandContext& context) -> Result<int> {
    print(TRY(actions::prune(*request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {
    {"prune", "Remove what was not used for long from the caches", bind, Stage::help, "clean gc cache"}};

}  // namespace
std::span<const CommandDef> prune_command() { return defs; }
}  // namespace modelctl::cli
