// doctor: reports what this machine offers, what would not work, and why.
#include "actions/doctor.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

void print_json(const actions::DoctorReport& report, Printer& printer) {
  Json findings = Json::array();
  for (const auto& area : report.areas) {
    for (const actions::Finding& finding : area.findings) {
      Json entry = {{"area", area.name},
                    {"subject", finding.subject},
                    {"state", word(finding.state)},
                    {"needed", finding.needed}};
      if (!finding.value.empty()) entry["value"] = finding.value;
      if (!finding.reason.empty()) entry["because"] = finding.reason;
      if (!finding.help.empty()) entry["help"] = finding.help;
      findings.push_back(std::move(entry));
    }
  }
  printer.json(canonical_json({{"good", report.good()}, {"findings", findings}}));
}

// The table shows everything at a glance; below it follows why something does not work, in the same order.
void print(const actions::DoctorReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) return print_json(report, printer);
  Table table{{"area", "what", "state", "is"}, {}};
  std::string reasons;
  for (const auto& area : report.areas) {
    for (const actions::Finding& finding : area.findings) {
      table.rows.push_back({std::string(area.name), finding.subject, std::string(word(finding.state)), finding.value});
      if (finding.reason.empty()) continue;
      reasons +=
          fmt::format("{} {}{}: {}\n", area.name, finding.subject, finding.needed ? " (needed)" : "", finding.reason);
      if (!finding.help.empty()) reasons += fmt::format("  help: {}\n", finding.help);
    }
  }
  printer.table(table);
  if (!reasons.empty()) printer.text("\n" + reasons);
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::DoctorRequest>();
  binder.app.add_flag("--online", request->online, "Also ask the registries that credentials are stored for");
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::doctor(*request, context.host));
    print(report, context.printer);
    return report.good() ? 0 : 1;
  };
}

constexpr CommandDef defs[] = {{"doctor", "Check what this machine offers", bind, Stage::help}};

}  // namespace
std::span<const CommandDef> doctor_command() { return defs; }
}  // namespace modelctl::cli
