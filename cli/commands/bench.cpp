// bench: measures how long a model takes to run. It reports percentiles, because the times of runs have a long tail
// and a mean would hide it.
#include "actions/bench.hpp"
#include "actions/build.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/csv_header.hpp"
#include "cli/commands/model.hpp"
#include "cli/commands/number.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>

#include <limits>

namespace modelctl::cli {
namespace {

// Bindings are text until the command runs, as for `build`.
struct Flags {
  actions::BenchRequest request;
  std::vector<std::string> bindings;
};

// In JSON all times are seconds, unrounded, so that programs can compare runs. For people the load and the first run
// stand apart from the percentiles: they happen once, and would otherwise look like outliers. The share of a step is of
// the sum of all steps, not of a run, which also binds inputs and outputs.
void print(const actions::BenchReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json document = {{"inputs", report.inputs},
                     {"threads", report.threads},
                     {"runs", report.runs},
                     {"load_seconds", report.load},
                     {"first_seconds", report.first},
                     {"arena_bytes", report.arena_bytes},
                     {"runs_per_second", report.per_second},
                     {"seconds",
                      {{"least", report.least},
                       {"p5", report.p5},
                       {"p50", report.p50},
                       {"p90", report.p90},
                       {"p99", report.p99},
                       {"mean", report.mean}}}};
    for (const auto& step : report.steps) {
      document["steps"].push_back(
          {{"label", step.label}, {"routine", step.routine}, {"seconds", step.seconds}, {"share", step.share}});
    }
    return printer.json(canonical_json(document));
  }
  Table table{{"", ""}, {}};
  for (const std::string& input : report.inputs) table.rows.push_back({"input", input});
  table.rows.push_back({"threads", std::to_string(report.threads)});
  table.rows.push_back({"memory", human_bytes(report.arena_bytes)});
  table.rows.push_back({"load", human_seconds(report.load)});
  table.rows.push_back({"first run", human_seconds(report.first)});
  table.rows.push_back({"runs", std::to_string(report.runs)});
  table.rows.push_back({"throughput", fmt::format("{:.4g} runs/s", report.per_second)});
  printer.table(table);
  printer.line("");
  printer.table({{"least", "p5", "p50", "p90", "p99", "mean"},
                 {{human_seconds(report.least), human_seconds(report.p5), human_seconds(report.p50),
                   human_seconds(report.p90), human_seconds(report.p99), human_seconds(report.mean)}}});
  if (report.steps.empty()) return;
  Table steps{{"step", "routine", "time", "share"}, {}};
  for (const auto& step : report.steps) {
    steps.rows.push_back(
        {step.label, step.routine, human_seconds(step.seconds), fmt::format("{:.1f} %", step.share * 100)});
  }
  printer.line("");
  printer.table(steps);
}

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  actions::BenchRequest& request = flags->request;
  CLI::App& app = binder.app;
  bind_model(binder, request.model);
  bind_tensors(binder, "--input", request.inputs, "An input, by default random numbers");
  app.add_option("--bind", flags->bindings, "Size of a symbol, for random inputs; by default 1")->type_name("NAME=N");
  bind_header(binder, request.header);
  app.add_option("--threads", request.threads, "Threads to run on; 0 takes all CPUs that the process may use")
      ->check(CLI::Range(0, runtime::ThreadPool::most_threads))
      ->type_name("N");
  app.add_option("--warm-up", request.warm_up_seconds, "Seconds to run before measuring")
      ->check(number_between(0, 3600))
      ->type_name("SECONDS");
  // Bounded by a day: what is measured longer is a mistake in the unit. --runs wins if both are given.
  app.add_option("--seconds", request.seconds, "How long to measure")
      ->check(number_between(0, 86400))
      ->type_name("SECONDS");
  app.add_option("--runs", request.runs, "Number of runs to measure, instead of a duration")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()))
      ->type_name("N");
  app.add_flag("--profile", request.profile, "Show the time of each step");
  return [flags](CommandContext& context) -> Result<int> {
    flags->request.sizes = TRY(actions::parse_bindings(flags->bindings));
    print(TRY(actions::bench(flags->request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"bench", "Measure how long a model takes to run", bind, Stage::build, "benchmark"}};

}  // namespace
std::span<const CommandDef> bench_command() { return defs; }
}  // namespace modelctl::cli
