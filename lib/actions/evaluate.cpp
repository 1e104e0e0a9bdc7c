// Samples come from flags or from modelctl.yaml. All outputs are compared before the result is decided, so that the
// report is complete.
#include "actions/evaluate.hpp"

#include "actions/input_options.hpp"
#include "actions/samples.hpp"
#include "base/files.hpp"
#include "base/suggest.hpp"
#include "ops/schema/operator.hpp"
#include "runtime/model.hpp"
#include "runtime/run_files.hpp"
#include "runtime/thread_pool.hpp"
#include "tensor/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace modelctl::actions {
namespace {

struct Sample {
  std::string name;
  std::vector<std::string> inputs, expected;  // [NAME=]INPUT
  std::filesystem::path labels;
};

std::vector<Bound> bounds_of(const Project::Evaluate& settings) {
  std::vector<Bound> bounds;
  for (const auto& [metric, value] : settings.minima) bounds.push_back({metric, value, true});
  for (const auto& [metric, value] : settings.maxima) bounds.push_back({metric, value, false});
  return bounds;
}

// The one sample of the flags, or those of modelctl.yaml. Completes the request.
Result<std::vector<Sample>> samples_of(EvaluateRequest& request, Reporter& reporter) {
  auto merge = TRY(complete_source("evaluate", request.model));
  const Project::Evaluate& settings = merge.project().evaluate;
  merge.value("evaluate.classes", request.classes, settings.classes);
  merge.value("evaluate.label_column", request.label_column, settings.label_column);
  std::vector<Sample> samples, of_project;
  if (!request.label_column.empty() && request.labels.empty()) request.labels = only_file(request.inputs);
  if (!request.inputs.empty() || !request.expected.empty() || !request.labels.empty()) {
    samples = {{"", request.inputs, request.expected, request.labels}};
  }
  for (const Project::Sample& sample : merge.project().samples) {
    of_project.push_back({sample.name, Project::Sample::arguments(sample.inputs),
                          Project::Sample::arguments(sample.outputs), sample.labels});
    Sample& added = of_project.back();
    if (!request.label_column.empty() && added.labels.empty()) added.labels = only_file(added.inputs);
  }
  merge.value("samples", samples, of_project);
  // Without labels there is nothing that a bound could be compared with; one of a flag is refused then.
  bool labeled = std::any_of(samples.begin(), samples.end(), [](const Sample& one) { return !one.labels.empty(); });
  if (labeled) {
    merge.entries("evaluate.min, evaluate.max", request.bounds, bounds_of(settings),
                  [](const Bound& bound) { return std::pair(bound.metric, bound.is_minimum); });
  }
  merge.report(reporter);
  bool compares = std::any_of(samples.begin(), samples.end(),
                              [](const Sample& sample) { return !sample.expected.empty() || !sample.labels.empty(); });
  if (compares) return samples;
  return Error(Kind::usage, "nothing-to-evaluate", "cannot evaluate the model: neither outputs nor labels were given")
      .help("give --expect [NAME=]FILE or --labels FILE");
}

class Evaluation {
 public:
  Evaluation(const EvaluateRequest& request, std::vector<std::string> classes,
             std::shared_ptr<const runtime::Model> model, Host& host)
      : request_(request),
        options_(options(request, model->plan().metadata, host)),
        signature_(model->signature()),
        metadata_(model->plan().metadata),
        pool_(request.threads),
        session_(std::move(model), pool_),
        meter_(request.task, std::move(classes), request.classes.string()) {}

  // `title` precedes the names of the outputs in the report.
  Result<void> add(const Sample& sample, const std::string& title) {
    std::optional<Labels> labels;
    if (!sample.labels.empty()) labels = TRY(read_labels(sample.labels, options_, request_.label_column));
    auto inputs =
        TRY(formats::load_inputs(sample.inputs, runtime::expectations(signature_.inputs, metadata_), options_));
    std::vector<TensorView> views;
    for (const Tensor& input : inputs) views.push_back(input.view());
    TRY(runtime::check_inputs(signature_, views));
    auto outputs = TRY(session_.run(views));
    TRY(compare_outputs(sample.expected, outputs, title));
    if (labels) TRY(meter_.add(signature_, metadata_, outputs, *labels));
    return {};
  }

  Result<EvaluateReport> finish() && {
    report_.quality = TRY(std::move(meter_).finish());
    for (const Bound& bound : request_.bounds) {
      double value = TRY(measured(bound.metric));
      if (bound.is_minimum ? value < bound.value : value > bound.value) report_.missed.push_back(bound);
    }
    bool same = std::all_of(report_.outputs.begin(), report_.outputs.end(),
                            [](const Comparison& output) { return output.different == 0; });
    report_.good = same && report_.missed.empty();
    return std::move(report_);
  }

 private:
  // Standard input may be inputs and labels: it is read once.
  static formats::ReadOptions options(const EvaluateRequest& request, const artifact::Metadata& metadata, Host& host) {
    auto options = input_options(request.header, metadata, host, request.label_column);
    options.open = [kept = std::make_shared<std::optional<std::vector<std::byte>>>()](
                       const std::string& file) -> Result<std::vector<std::byte>> {
      if (file != formats::standard_stream) return read_file(file);
      if (!*kept) *kept = TRY(read_file("/dev/stdin"));
      return **kept;
    };
    return options;
  }

  // A bound is never met by a metric that was not measured.
  Result<double> measured(const std::string& name) const {
    const auto& quality = report_.quality;
    const Metric* metric = quality ? quality->find(name) : nullptr;
    if (metric != nullptr) return metric->estimate.value;
    Error error(Kind::usage, "no-such-metric", fmt::format("cannot check the metric '{}'", name));
    if (!quality) return std::move(error).because("there are no labels").help("give --labels FILE");
    std::string known;
    for (const Metric& one : quality->metrics) known += (known.empty() ? "" : ", ") + one.name;
    return std::move(error)
        .because(fmt::format("the task is {}", quality->task == Task::regression ? "regression" : "classification"))
        .help(fmt::format("its metrics are: {}", known));
  }

  // What is expected: NAME=FILE for one output, or a file for the outputs that it names. A tensor without a name
  // belongs to the next output that no other is for, in the order of the signature, as with inputs.
  Result<void> compare_outputs(const std::vector<std::string>& arguments, const std::vector<Tensor>& outputs,
                               const std::string& title) {
    std::vector<formats::Expected> meant;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      meant.push_back(expected_output(signature_.outputs[i], outputs[i].type()));
    std::set<std::string> given;
    std::vector<std::string> unnamed;
    for (const std::string& argument : arguments) {
      std::size_t equals = formats::is_literal(argument) ? std::string::npos : argument.find('=');
      if (equals == std::string::npos) {
        unnamed.push_back(argument);
        continue;
      }
      std::string name = argument.substr(0, equals), file = argument.substr(equals + 1);
      std::size_t index = TRY(output_named(name));
      auto expected = TRY(read_expected(file, meant[index], options_));
      given.insert(name);
      TRY(compare_output(index, outputs[index], expected, title));
    }
    for (const std::string& file : unnamed) {
      auto next = std::ranges::find_if(meant, [&](const auto& output) { return given.count(output.name) == 0; });
      auto loaded = TRY(formats::load(file, meant, options_, next == meant.end() ? nullptr : &*next));
      TRY(check_names(loaded, file));
      for (const formats::NamedTensor& expected : loaded) {
        auto output = std::ranges::find(meant, expected.name, &formats::Expected::name);
        if (output == meant.end())
          output = std::ranges::find_if(meant, [&](const auto& one) { return given.count(one.name) == 0; });
        if (output == meant.end()) {
          return Error(Kind::bad_input, "wrong-count", fmt::format("cannot compare '{}' with an output", file))
              .because(fmt::format("the model has only {} outputs", meant.size()))
              .help("write --expect NAME=FILE");
        }
        auto index = static_cast<std::size_t>(output - meant.begin());
        given.insert(output->name);
        TRY(compare_output(index, outputs[index], expected, title));
      }
    }
    return {};
  }

  // Names in a file are those of outputs, except what NumPy calls arrays without a name.
  Result<void> check_names(const std::vector<formats::NamedTensor>& loaded, const std::string& file) const {
    std::vector<std::string> unknown, outputs;
    for (const artifact::Port& port : signature_.outputs) outputs.push_back(port.name);
    for (const formats::NamedTensor& one : loaded) {
      bool known = one.name.empty() || formats::is_made_up(one.name) || std::ranges::count(outputs, one.name) > 0;
      if (!known) unknown.push_back(one.name);
    }
    if (unknown.empty()) return {};
    Error error = Error(Kind::not_found, "no-such-output",
                        fmt::format("cannot compare '{}': the model has no output '{}'", file, unknown.front()))
                      .at(file)
                      .because(fmt::format("the model's outputs are: {}", fmt::join(outputs, ", ")));
    if (loaded.size() > 1) {
      std::vector<std::string> names;
      for (const formats::NamedTensor& one : loaded) names.push_back(one.name);
      error.why.push_back(fmt::format("the file has: {}", fmt::join(names, ", ")));
    }
    std::string meant = nearest(unknown.front(), outputs);
    if (!meant.empty()) return std::move(error).help(fmt::format("did you mean '{}'?", meant));
    return std::move(error).help(
        loaded.size() == 1 ? fmt::format("if it is meant for '{0}', give --expect {0}={1}", outputs.front(), file)
                           : "name the arrays as the outputs, or give each output a file: --expect NAME=FILE");
  }

  Result<std::size_t> output_named(const std::string& name) const {
    std::vector<std::string> names;
    for (const artifact::Port& port : signature_.outputs) {
      if (port.name == name) return names.size();
      names.push_back(port.name);
    }
    std::string meant = nearest(name, names);
    return Error(Kind::not_found, "no-such-output", fmt::format("cannot find the output '{}'", name))
        .at(request_.model.shown())
        .help(meant.empty() ? fmt::format("the outputs are: {}", fmt::join(names, ", "))
                            : fmt::format("did you mean '{}'?", meant));
  }

  Result<void> compare_output(std::size_t index, const Tensor& output, const formats::NamedTensor& expected,
                              const std::string& title) {
    report_.outputs.push_back(
        TRY(compare(title + signature_.outputs[index].name, output, expected.tensor, request_.tolerance)));
    return {};
  }

  const EvaluateRequest& request_;
  formats::ReadOptions options_;
  const artifact::Signature& signature_;
  const artifact::Metadata& metadata_;
  runtime::ThreadPool pool_;
  runtime::Session session_;
  QualityMeter meter_;
  EvaluateReport report_;
};

}  // namespace

Result<EvaluateReport> evaluate(const EvaluateRequest& given, Host& host) {
  EvaluateRequest request = given;
  auto samples = TRY(samples_of(request, host.reporter));
  auto opened = TRY(open_model(request.model, host));
  auto model = TRY(runtime::Model::load(std::move(opened.artifact), ops::run_table(), kernels::Cpu::detect()));
  std::vector<std::string> classes;
  if (!request.classes.empty()) classes = TRY(read_classes(request.classes));
  Evaluation evaluation(request, std::move(classes), std::move(model), host);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::string name = samples[i].name.empty() ? fmt::format("sample {}", i + 1) : samples[i].name;
    TRY(evaluation.add(samples[i], samples.size() > 1 ? name + ": " : ""));
  }
  auto report = TRY(std::move(evaluation).finish());
  if (report.quality) {
    for (const Error& warning : report.quality->warnings) host.reporter.warn(warning);
  }
  return report;
}

}  // namespace modelctl::actions
