// predict: asks a server for predictions.
#include "actions/protocol.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/csv_header.hpp"
#include "cli/commands/model.hpp"
#include "cli/commands/number.hpp"
#include "cli/commands/remote.hpp"
#include "cli/present/run_outputs.hpp"

#include <fmt/ranges.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

// As `run` prints: values that are in files are not printed.
Result<void> print(const actions::PredictReport& report, Printer& printer) {
  if (printer.format() != Printer::Format::json) {
    print_run(report.outputs, report.metadata, report.written, printer);
    return {};
  }
  Json result = TRY(parse_json(TRY(run_json(report.outputs, report.metadata, report.written)), "the result"));
  result.update({{"model", report.model}, {"version", report.version}, {"seconds", report.seconds}});
  printer.json(canonical_json(result));
  return {};
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::PredictRequest>();
  CLI::App& app = binder.app;
  app.add_option("URL", request->url, "Address of the server, and of the model if it serves several")->required();
  bind_tensors(binder, "--input", request->inputs, "An input, by name or in the model's order");
  std::vector<std::string> names, summaries;
  for (const actions::ProtocolDef* protocol : actions::protocols()) {
    names.emplace_back(protocol->name);
    summaries.push_back(fmt::format("{}: {}", protocol->name, protocol->summary));
  }
  binder.choice(
      app.add_option("--protocol", request->protocol, fmt::format("Protocol ({})", fmt::join(summaries, "; ")))
          ->check(CLI::IsMember(names))
          ->type_name(fmt::format("{}", fmt::join(names, "|")))
          ->capture_default_str(),
      names);
  binder
      .complete(app.add_option("-o", request->output,
                               "File or folder for the outputs, - for JSON on stdout; by default they are printed"),
                Completes::file)
      ->type_name("FILE|FOLDER|-");
  bind_header(binder, request->header);
  binder
      .complete(app.add_option("--token-file", request->token_file, "File with the token that the server asks for"),
                Completes::file)
      ->type_name("FILE");
  // Bounded by a day: what is longer is a mistake in the unit.
  app.add_option("--timeout", request->timeout_seconds, "Longest time for a request and its response")
      ->check(number_between(0.001, 86400))
      ->type_name("SECONDS")
      ->capture_default_str();
  bind_remote(binder, request->remote);
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::predict(*request, context.host));
    if (request->output != formats::standard_stream) TRY(print(report, context.printer));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"predict", "Ask a server for predictions", bind, Stage::serve}};

}  // namespace

std::span<const CommandDef> predict_command() { return defs; }

}  // namespace modelctl::cli
