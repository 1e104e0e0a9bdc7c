// build: compiles an ONNX model into an artifact. Without MODEL, the project file in the current folder defines what to
// build.
#include "actions/build.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/output.hpp"
#include "runtime/inputs.hpp"

#include <fmt/ranges.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

struct Flags {
  actions::BuildRequest request;
  std::vector<std::string> bindings;
};

std::string text(const artifact::Port& port) { return port.name + ' ' + runtime::describe(port); }

// The text after --print-after comes first and in the same stream, since it is what the user asked for. In JSON there
// is one object and nothing else, so it is left out there.
void print(const actions::BuildReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json stages = Json::array();
    for (const auto& stage : report.stages)
      stages.push_back({{"name", stage.name}, {"did", stage.did}, {"seconds", stage.seconds}});
    printer.json(canonical_json({{"artifact", report.artifact.string()},
                                 {"stages", stages},
                                 {"routines", report.routines},
                                 {"source_bytes", report.source_bytes},
                                 {"artifact_bytes", report.artifact_bytes},
                                 {"weights_bytes", report.weights_bytes}}));
    return;
  }
  if (!report.printed.empty()) printer.line(report.printed);
  Table table{{"stage", "time", "result"}, {}};
  for (const auto& stage : report.stages) {
    table.rows.push_back({stage.name, human_seconds(stage.seconds), fmt::format("{}", fmt::join(stage.did, " · "))});
  }
  printer.table(table);
  printer.line("");
  for (const artifact::Port& port : report.signature.inputs) printer.line("input   " + text(port));
  for (const artifact::Port& port : report.signature.outputs) printer.line("output  " + text(port));
  printer.line(fmt::format("size    {} ({} of weights), from a model of {}", human_bytes(report.artifact_bytes),
                           human_bytes(report.weights_bytes), human_bytes(report.source_bytes)));
}

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  CLI::App& app = binder.app;
  actions::BuildRequest& request = flags->request;
  binder.complete(
      app.add_option("MODEL", request.model, "ONNX model, or - for stdin; by default that of modelctl.yaml"),
      Completes::model);
  bind_output(binder, request.output,
              "The artifact to write, or - for stdout; by default MODEL.artifact, next to the model");
  app.add_option("--bind", flags->bindings, "Fix a symbolic size of the inputs, as in batch=1")->type_name("NAME=N");
  app.add_option("-O,--optimize", request.level, "How much to optimize, from 0 (nothing) to 3 (all)")
      ->type_name("LEVEL")
      ->capture_default_str()
      ->check(CLI::Range(0, 3));
  app.add_option("--print-after", request.print_after, "Print the graph after this pass")->type_name("PASS");
  binder.complete(app.add_option("--report", request.report, "Write a report of the build as JSON"), Completes::file)
      ->type_name("FILE");
  return [flags](CommandContext& context) -> Result<int> {
    flags->request.bindings = TRY(actions::parse_bindings(flags->bindings));
    auto report = TRY(actions::build(flags->request, context.host));
    if (!is_standard_output(report.artifact)) print(report, context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {
    {"build", "Compile an ONNX model into an artifact", bind, Stage::build, "compile convert"}};

}  // namespace

std::span<const CommandDef> build_command() { return defs; }

}  // namespace modelctl::cli
