// Samples come from flags or from modelctl.yaml. All outputs are compared before the result is decided, so that the
// report is complete.
#include "actions/evaluate.hpp"

#include "actions/input_options.hpp"
#include "actions/samples.hpp"
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
        options_(input_options(request.header, model->plan().metadata, host, request.label_column)),
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
      for (const formats::NamedTensor& expected : loaded) {
        bool known = std::ranges::find(meant, expected.name, &formats::Expected::name) != meant.end();
        if (!known && loaded.size() == 1 && next == meant.end()) {
          return Error(Kind::bad_input, "wrong-count", fmt::format("cannot compare '{}' with an output", file))
              .because(fmt::format("the model has only {} outputs", meant.size()))
              .help("write --expect NAME=FILE");
        }
        std::size_t index = !known && loaded.size() == 1 ? static_cast<std::size_t>(next - meant.begin())
                                                         : TRY(output_named(expected.name));
        given.insert(meant[index].name);
        TRY(compare_output(index, outputs[index], expected, title));
      }
    }
    return {};
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
