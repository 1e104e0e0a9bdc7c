// evaluate: runs the model on labeled samples and compares its outputs with what is expected. A result outside the
// tolerance is exit code 1.
#include "actions/evaluate.hpp"

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/csv_header.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

// Accuracy and its counts are absent without labels: 0 of 0 is not an accuracy of 0.
void print_json(const actions::EvaluateReport& report, Printer& printer) {
  Json outputs = Json::array();
  for (const auto& output : report.outputs) {
    outputs.push_back({{"name", output.name},
                       {"values", output.values},
                       {"different", output.different},
                       {"largest_difference", output.largest}});
  }
  Json object = {{"good", report.good}, {"outputs", outputs}};
  if (report.accuracy) {
    object["accuracy"] = *report.accuracy;
    object["samples"] = report.samples;
    object["right"] = report.right;
  }
  printer.json(canonical_json(object));
}

// The largest difference is printed also if all is as expected: it shows how far the tolerance is from being
// reached.
void print(const actions::EvaluateReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) return print_json(report, printer);
  for (const auto& output : report.outputs) {
    printer.line(output.different == 0 ? fmt::format("{}: all {} values as expected, the largest difference is {:.2g}",
                                                     output.name, output.values, output.largest)
                                       : fmt::format("{}: {} of {} values differ, the largest difference is {:.2g}",
                                                     output.name, output.different, output.values, output.largest));
  }
  if (report.accuracy) {
    printer.line(fmt::format("accuracy: {:.4f}, {} of {} correct", *report.accuracy, report.right, report.samples));
  }
  printer.line(report.good ? "good" : "not good");
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::EvaluateRequest>();
  CLI::App& app = binder.app;
  binder.complete(app.add_option("ARTIFACT", request->artifact,
                                 "Artifact written by 'modelctl build'; by default that of modelctl.yaml"),
                  Completes::file);
  binder
      .complete(app.add_option("--input", request->inputs, "Samples of an input, by name or in order"), Completes::file)
      ->type_name("[NAME=]FILE");
  binder
      .complete(
          app.add_option("--expect", request->expected, "Expected values of an output; of the first one if unnamed"),
          Completes::file)
      ->type_name("[NAME=]FILE");
  binder
      .complete(app.add_option("--labels", request->labels, "Class label for each row of the first output"),
                Completes::file)
      ->type_name("FILE");
  // Without a range: 0 demands equal values, and a large one is the user's choice.
  app.add_option("--tolerance", request->tolerance, "Largest accepted difference; relative for values above 1")
      ->type_name("NUMBER");
  app.add_option("--min-accuracy", request->min_accuracy, "Smallest accepted share of correct predictions")
      ->type_name("NUMBER")
      ->check(CLI::Range(0.0, 1.0));
  bind_header(binder, request->header);
  app.add_option("--threads", request->threads, "Threads to run on; 0 takes all CPUs that the process may use")
      ->check(CLI::Range(0, runtime::ThreadPool::most_threads))
      ->type_name("N");
  return [request](CommandContext& context) -> Result<int> {
    // Exit code 1 for a model that is not good enough, so that a pipeline stops there; errors have codes from 64 on.
    auto report = TRY(actions::evaluate(*request, context.host));
    print(report, context.printer);
    return report.good ? 0 : 1;
  };
}

constexpr CommandDef defs[] = {{"evaluate", "Measure a model's accuracy on labeled samples", bind}};

}  // namespace
std::span<const CommandDef> evaluate_command() { return defs; }
}  // namespace modelctl::cli
