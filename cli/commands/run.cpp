// run: runs a model once.
#include "actions/run.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/csv_header.hpp"
#include "cli/commands/model.hpp"
#include "cli/present/run_outputs.hpp"
#include "runtime/thread_pool.hpp"
#include "tensor/collection.hpp"
#include "tensor/files.hpp"

#include <fmt/format.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

// With -o the values are in the files and are not printed. Without it text shows the first values of each output,
// and JSON all of them, since a program cannot ask for the rest.
Result<void> print(const actions::RunReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json result = TRY(parse_json(TRY(run_json(report.outputs, report.metadata, report.written)), "the result"));
    result.update({{"load_seconds", report.load_seconds},
                   {"run_seconds", report.run_seconds},
                   {"states_kept", report.states_kept}});
    printer.json(canonical_json(result));
    return {};
  }
  print_run(report.outputs, report.metadata, report.written, printer);
  // Counted and not shown: a decoder's cache would be most of the output, and nobody reads it.
  if (report.states_kept > 0) {
    printer.line(
        fmt::format("kept {} state{} for the next run", report.states_kept, report.states_kept > 1 ? "s" : ""));
  }
  return {};
}

// The endings of the formats that are written.
std::string written_endings() {
  std::string endings;
  for (const formats::Format* format : formats::formats()) {
    if (format->write != nullptr) endings += (endings.empty() ? "" : ", ") + std::string(format->extension);
  }
  return endings;
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::RunRequest>();
  CLI::App& app = binder.app;
  bind_model(binder, request->model);
  bind_tensors(binder, "--input", request->inputs, "An input, by name or in the model's order");
  binder
      .complete(app.add_option("-o", request->output,
                               "File (" + written_endings() +
                                   ") or folder for the outputs, - for JSON on stdout; by default they are printed"),
                Completes::file)
      ->type_name("FILE|FOLDER|-");
  binder
      .complete(app.add_option("--state", request->state,
                               "Keep the states, as a decoder's cache, from run to run; the first run makes the file"),
                Completes::file)
      ->type_name("FILE.npz");
  bind_header(binder, request->header);
  app.add_option("--threads", request->threads, "Threads to run on; 0 takes all CPUs that the process may use")
      ->check(CLI::Range(0, runtime::ThreadPool::most_threads))
      ->type_name("N");
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::run(*request, context.host));
    if (request->output != formats::standard_stream) TRY(print(report, context.printer));
    return 0;
  };
}

constexpr CommandDef defs[] = {
    {.name = "run", .summary = "Run a model on inputs", .bind = bind, .output_was_file = true}};

}  // namespace
std::span<const CommandDef> run_command() { return defs; }
}  // namespace modelctl::cli
