// list: lists the packages in a registry.
#include "actions/list.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

// "3 days ago": in the largest unit of which there is at least one. Days are the largest: months have no fixed length.
std::string human_age(std::chrono::seconds age) {
  struct Unit {
    const char* name;
    long seconds;
  };
  static constexpr Unit units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
  for (const Unit& unit : units) {
    long count = age.count() / unit.seconds;
    if (count >= 1) return fmt::format("{} {}{} ago", count, unit.name, count == 1 ? "" : "s");
  }
  return "just now";
}

// The digest is shortened for reading; JSON has all of it. References come from a registry, which may put anything into
// them: what could control a terminal is escaped. JSON escapes by itself.
void print(const actions::ListReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json list = Json::array();
    for (const auto& package : report.packages) {
      Json json = {{"reference", package.reference}, {"digest", package.digest.text()}, {"size", package.size}};
      // In seconds, not as a date: the difference was taken with this machine's clock. Absent if the registry keeps no
      // time.
      if (package.age) json["age_seconds"] = package.age->count();
      list.push_back(std::move(json));
    }
    printer.json(canonical_json({{"packages", list}}));
    return;
  }
  Table table{{"reference", "digest", "size", "pushed"}, {}};
  for (const auto& package : report.packages) {
    std::string age = package.age ? human_age(*package.age) : "";
    table.rows.push_back(
        {printable(package.reference), package.digest.text().substr(0, 19), human_bytes(package.size), age});
  }
  printer.table(table);
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::ListRequest>();
  binder
      .complete(binder.app.add_option("REGISTRY", request->registry,
                                      "Host, host/team/name, oci:FOLDER, or a name; by default the local registry"),
                Completes::registry)
      ->type_name("REGISTRY");
  bind_remote(binder, request->remote);
  return [request](CommandContext& context) -> Result<int> {
    print(TRY(actions::list(*request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"list", "Show the packages in a registry", bind, Stage::ship, "ls"}};

}  // namespace
std::span<const CommandDef> list_command() { return defs; }
}  // namespace modelctl::cli
