// evaluate: runs the model on samples and compares its outputs with what is expected. A result outside the tolerance or
// below a bound is exit code 1.
#include "actions/evaluate.hpp"
#include "actions/output_names.hpp"

#include "base/files.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/csv_header.hpp"
#include "cli/commands/model.hpp"
#include "cli/commands/number.hpp"
#include "cli/present/quality.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace modelctl::cli {
namespace {

// Metrics are absent without labels: 0 of 0 is not an accuracy of 0.
std::string json_of(const actions::EvaluateReport& report) {
  Json outputs = Json::array();
  for (const auto& output : report.outputs) {
    outputs.push_back({{"name", output.name}, {"values", output.values}, {"different", output.different}});
    if (!output.text) outputs.back()["largest_difference"] = output.largest;
  }
  Json object = {{"good", report.good}, {"outputs", outputs}};
  if (report.quality) add_quality(*report.quality, object);
  for (const auto& bound : report.missed) object["missed"].push_back(bound.metric);
  return canonical_json(object);
}

// The largest difference is printed also if all is as expected: it shows how far the tolerance is from being
// reached.
void print(const actions::EvaluateReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) return printer.json(json_of(report));
  for (const auto& output : report.outputs) {
    std::string line = output.different == 0
                           ? fmt::format("{}: all {} values as expected", output.name, output.values)
                           : fmt::format("{}: {} of {} values differ", output.name, output.different, output.values);
    if (!output.text) line += fmt::format(", the largest difference is {:.2g}", output.largest);
    printer.line(line);
  }
  if (report.quality) print_quality(*report.quality, printer);
  for (const auto& bound : report.missed) {
    printer.line(fmt::format("{} {} {}", bound.metric, bound.is_minimum ? "is below" : "exceeds", bound.value));
  }
  printer.line(report.good ? "good" : "not good");
}

// Parses METRIC=VALUE.
Result<actions::Bound> parse_bound(const std::string& text, bool is_minimum) {
  actions::Bound bound{.is_minimum = is_minimum};
  std::size_t equals = text.find('=');
  bound.metric = text.substr(0, equals);
  const char* end = text.data() + text.size();
  const char* begin = equals == std::string::npos ? end : text.data() + equals + 1;
  auto [last, fault] = std::from_chars(begin, end, bound.value);
  if (fault == std::errc() && last == end && std::isfinite(bound.value)) return bound;
  return Error(Kind::usage, "bad-option", fmt::format("cannot use --{} '{}'", is_minimum ? "min" : "max", text))
      .because("it is not of the form METRIC=VALUE, such as macro_f1=0.9");
}

struct Flags {
  actions::EvaluateRequest request;
  std::vector<std::string> minima, maxima;
  std::optional<double> accuracy;
  std::filesystem::path report;
};

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  auto* request = &flags->request;
  CLI::App& app = binder.app;
  bind_model(binder, request->model);
  bind_tensors(binder, "--input", request->inputs, "Samples of an input, by name or in the model's order");
  bind_tensors(binder, "--expect", request->expected, "Expected values of an output, by name or in the model's order");
  binder
      .complete(app.add_option("--labels", request->labels,
                               "What is right for each row of the output: .npy, .json, .csv, or one per line"),
                Completes::labels)
      ->type_name("FILE");
  app.add_option("--label-column", request->label_column,
                 "Column of --labels with the labels or, without --labels, of the file of all --input")
      ->type_name("NAME");
  binder
      .complete(app.add_option("--classes", request->classes, "Names of the classes, by index, one per line"),
                Completes::labels)
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--task",
         [request](const std::string& word) {
           request->task = word == "regression" ? actions::Task::regression : actions::Task::classification;
         },
         "What the model does, if it is not recognized from outputs and labels")
      ->check(CLI::IsMember({"classification", "regression"}));
  // 0 demands equal values, and a large one is the user's choice.
  app.add_option(
         "--tolerance", request->tolerance,
         "Largest accepted difference, relative for values above 1; by default 0.001 for floats and 0 for integers")
      ->check(number_between(0))
      ->type_name("NUMBER");
  app.add_option("--min", flags->minima, "Smallest accepted value of a metric, such as macro_f1=0.9")
      ->type_name("METRIC=VALUE");
  app.add_option("--max", flags->maxima, "Largest accepted value of a metric, such as rmse=0.5")
      ->type_name("METRIC=VALUE");
  app.add_option("--min-accuracy", flags->accuracy, "Smallest accepted accuracy, as --min accuracy=NUMBER")
      ->type_name("NUMBER")
      ->check(number_between(0, 1));
  binder.complete(app.add_option("--report", flags->report, "Write the result as JSON also"), Completes::file)
      ->type_name("FILE");
  bind_header(binder, request->header);
  app.add_option("--threads", request->threads, "Threads to run on; 0 takes all CPUs that the process may use")
      ->check(CLI::Range(0, runtime::ThreadPool::most_threads))
      ->type_name("N");
  return [flags](CommandContext& context) -> Result<int> {
    auto& request = flags->request;
    for (const std::string& text : flags->minima) request.bounds.push_back(TRY(parse_bound(text, true)));
    for (const std::string& text : flags->maxima) request.bounds.push_back(TRY(parse_bound(text, false)));
    if (flags->accuracy) request.bounds.push_back({"accuracy", *flags->accuracy, true});
    std::vector<actions::NamedFile> read{
        {"the model", request.model.text}, {"--labels", request.labels}, {"--classes", request.classes}};
    actions::add_tensor_files("an input", request.inputs, read);
    actions::add_tensor_files("an expected output", request.expected, read);
    TRY(actions::check_outputs("evaluate", {{"--report", flags->report, actions::OutputKind::evaluate_report}}, read));
    // Exit code 1 for a model that is not good enough, so that a pipeline stops there; errors have codes from 64 on.
    auto report = TRY(actions::evaluate(request, context.host));
    if (!flags->report.empty()) TRY(write_file(flags->report, as_bytes(json_of(report) + "\n")));
    print(report, context.printer);
    return report.good ? 0 : 1;
  };
}

constexpr CommandDef defs[] = {{"evaluate", "Measure a model's accuracy on labeled samples", bind}};

}  // namespace
std::span<const CommandDef> evaluate_command() { return defs; }
}  // namespace modelctl::cli
