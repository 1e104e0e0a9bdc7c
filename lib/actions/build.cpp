// Reads, runs the pipeline, lowers and writes; the report has the time and the results of each stage.
#include "actions/build.hpp"

#include "actions/model_faults.hpp"
#include "actions/output_names.hpp"
#include "actions/processing_labels.hpp"
#include "actions/project_merge.hpp"
#include "actions/standard_input.hpp"
#include "actions/wrong_file.hpp"
#include "base/json.hpp"
#include "base/stopwatch.hpp"
#include "base/suggest.hpp"
#include "graph/text.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "passes/pipeline/pipeline.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::actions {
namespace {

// Where packed weights wait until they are written. Beside the artifact there must be space for them anyway; /tmp may
// be small, or in memory.
std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : ".";
}

std::string counted(std::size_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

// What the passes of a stage changed, in the order they ran, each pass once.
void report_passes(const passes::PipelineReport& report, passes::Stage stage, BuildStage& out) {
  std::vector<std::pair<std::string, std::size_t>> changes;
  for (const passes::PassReport& pass : report.passes) {
    if (pass.stage != stage || pass.changes == 0) continue;
    auto known =
        std::find_if(changes.begin(), changes.end(), [&](const auto& entry) { return entry.first == pass.name; });
    if (known == changes.end()) changes.emplace_back(pass.name, pass.changes);
    else known->second += pass.changes;
  }
  for (const auto& [name, count] : changes) out.did.push_back(fmt::format("{} {}", name, count));
}

// One call runs the passes of both stages, so a stopwatch around it could not tell them apart.
double seconds_of(const passes::PipelineReport& report, passes::Stage stage) {
  double sum = 0;
  for (const passes::PassReport& pass : report.passes) {
    if (pass.stage == stage) sum += pass.seconds;
  }
  return sum;
}

Json port_json(const artifact::Port& port) {
  Json dims = Json::array();
  for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? Json(dim.symbol) : Json(dim.size));
  return {{"name", port.name}, {"type", name(port.type)}, {"shape", std::move(dims)}};
}

std::string report_json(const BuildRequest& request, const std::string& model, const BuildReport& report,
                        const passes::PipelineReport& pipeline) {
  Json stages = Json::array(), passes = Json::array(), inputs = Json::array(), outputs = Json::array();
  for (const BuildStage& stage : report.stages)
    stages.push_back({{"name", stage.name}, {"did", stage.did}, {"seconds", stage.seconds}});
  for (const passes::PassReport& pass : pipeline.passes) {
    passes.push_back({{"name", pass.name}, {"changes", pass.changes}, {"seconds", pass.seconds}});
  }
  for (const artifact::Port& port : report.signature.inputs) inputs.push_back(port_json(port));
  for (const artifact::Port& port : report.signature.outputs) outputs.push_back(port_json(port));
  return canonical_json({{"model", model},
                         {"artifact", request.output.string()},
                         {"level", request.level},
                         {"bindings", request.bindings},
                         {"stages", stages},
                         {"passes", passes},
                         {"routines", report.routines},
                         {"inputs", inputs},
                         {"outputs", outputs},
                         {"source_bytes", report.source_bytes},
                         {"artifact_bytes", report.artifact_bytes},
                         {"weights_bytes", report.weights_bytes}}) +
         "\n";
}

// Takes what the request leaves out from modelctl.yaml. An artifact that is named nowhere is written next to the model.
Result<BuildRequest> complete(BuildRequest request, bool from_standard_input, Reporter& reporter) {
  auto merge = TRY(ProjectMerge::of_model("build", request.model));
  request.model = merge.subject();
  merge.value("artifact", request.output, merge.project().artifact);
  merge.entries("bind", request.bindings, merge.project().bind);
  merge.value("inputs, outputs", request.processing, merge.project().processing);
  TRY(read_processing_labels(request.processing));
  request.settings = TRY(merge.settings());
  merge.report(reporter);
  if (request.output.empty() && from_standard_input) {
    return Error(Kind::usage, "missing-option", "cannot build the model from standard input: the artifact has no name")
        .help("name it with -o FILE");
  }
  if (request.output.empty()) request.output = std::filesystem::path(request.model).replace_extension(".artifact");
  TRY(check_outputs(
      "build", {{"-o", request.output, OutputKind::artifact}, {"--report", request.report, OutputKind::build_report}},
      {{"the model", request.model}}));
  return request;
}

// `shown` is what the model is called in the report.
Result<BuildReport> build_file(const BuildRequest& request, const std::string& shown, Host& host) {
  Stopwatch watch(host.clock);
  BuildReport report;
  report.artifact = request.output;
  BuildStage preprocess{"preprocess", {}, 0}, compile{"compile", {}, 0}, link{"link", {}, 0};

  // Preprocess: everything that depends on the file's own opset and form.
  auto read = onnx::read(request.model);
  if (!read) {
    Error error = name_kind(std::move(read).error(), request.model, kinds::Role::model);
    return in_model(std::move(error), {request.model, nullptr, request.bindings});
  }
  std::unique_ptr<graph::Graph> graph = std::move(*read);
  report.source_bytes = static_cast<std::uint64_t>(std::filesystem::file_size(request.model));
  std::size_t nodes = graph->nodes().size();
  preprocess.did.push_back("read " + counted(nodes, "node"));
  auto processed = processing::apply(request.processing, std::move(graph));
  if (!processed && processed.error().kind == Kind::bad_config) return std::move(processed).error();
  if (!processed) return in_model(std::move(processed).error(), {request.model, nullptr, request.bindings});
  graph = std::move(*processed);
  if (!request.processing.empty())
    preprocess.did.push_back(
        fmt::format("added {} for inputs and outputs", counted(graph->nodes().size() - nodes, "node")));
  if (!request.settings.empty()) graph->metadata[std::string(settings_key)] = request.settings;
  const ModelAtFault model{request.model, graph.get(), request.bindings};
  double reading = watch.lap();

  // Compile. Which passes run depends on the level and on the graph, so the name in --print-after is judged afterwards,
  // by the report of what ran.
  bool printed = false;
  passes::PipelineOptions options{
      .level = request.level,
      .bindings = request.bindings,
      .after =
          [&](std::string_view pass, const graph::Graph& after) {
            if (pass != request.print_after) return;
            report.printed = graph::to_text(after);  // a pass may run more than once: the last result counts
            printed = true;
          },
      .stop = &host.stop};
  auto ran = passes::run_pipeline(*graph, options);
  if (!ran) return in_model(std::move(ran).error(), model);
  const passes::PipelineReport& pipeline = *ran;
  if (!request.print_after.empty() && !printed) {
    std::vector<std::string> names;
    for (const passes::PassReport& pass : pipeline.passes) names.push_back(pass.name);
    Error unknown(Kind::usage, "no-such-pass",
                  fmt::format("no pass '{}' runs at -O{}", request.print_after, request.level));
    if (std::string near = nearest(request.print_after, names); !near.empty())
      unknown.hint = fmt::format("did you mean '{}'?", near);
    return unknown;
  }
  report_passes(pipeline, passes::Stage::preprocess, preprocess);
  preprocess.seconds = reading + seconds_of(pipeline, passes::Stage::preprocess);
  report_passes(pipeline, passes::Stage::compile, compile);
  watch.lap();

  auto lowering = lower::lower(*graph, folder_of(request.output));
  if (!lowering) return in_model(std::move(lowering).error(), model);
  lower::Lowered lowered = std::move(*lowering);
  std::size_t kernels = 0, evaluated = 0;
  for (const auto& [routine, count] : lowered.routines) (routine.starts_with("kernel:") ? kernels : evaluated) += count;
  compile.did.push_back(counted(kernels + evaluated, "step") + fmt::format(", {} of them optimized kernels", kernels));
  compile.seconds = seconds_of(pipeline, passes::Stage::compile) + watch.lap();

  // The last point at which a stop is noticed. Link: from here on the file is written under a temporary name and
  // renamed.
  if (host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "stopped building; nothing was written");
  TRY(lowered.weights.write(lowered.plan, request.output));
  report.weights_bytes = lowered.weights.weights_bytes();
  std::error_code code;  // a pipe has no size
  std::uintmax_t written = std::filesystem::file_size(request.output, code);
  report.artifact_bytes = code ? 0 : static_cast<std::uint64_t>(written);
  link.did.push_back("wrote " + request.output.string());
  link.seconds = watch.lap();

  report.signature = lowered.plan.signature;
  report.routines = lowered.routines;
  report.stages = {std::move(preprocess), std::move(compile), std::move(link)};
  if (!request.report.empty()) TRY(write_file(request.report, as_bytes(report_json(request, shown, report, pipeline))));
  return report;
}

Result<std::pair<std::string, std::int64_t>> parse_binding(const std::string& text) {
  std::size_t equals = text.rfind('=');
  std::int64_t size = -1;
  if (equals != std::string::npos && equals > 0) {
    const char* end = text.data() + text.size();
    auto [stop, code] = std::from_chars(text.data() + equals + 1, end, size);
    if (code != std::errc() || stop != end) size = -1;
  }
  if (size < 0) {
    return Error(Kind::usage, "bad-binding", fmt::format("cannot read the binding '{}'", text))
        .help("give --bind NAME=N, as in --bind batch=1");
  }
  return std::pair(text.substr(0, equals), size);
}

}  // namespace

Result<std::map<std::string, std::int64_t>> parse_bindings(const std::vector<std::string>& texts) {
  std::map<std::string, std::int64_t> bindings;
  for (const std::string& text : texts) {
    auto binding = TRY(parse_binding(text));
    if (bindings.insert(binding).first->second == binding.second) continue;
    return Error(Kind::usage, "given-twice", fmt::format("cannot use --bind '{}'", text))
        .because("it was given before with another value")
        .help("leave out one of them");
  }
  return bindings;
}

Result<BuildReport> build(const BuildRequest& given, Host& host) {
  BuildRequest request = given;
  auto input = TRY(take_standard_input(request.model));
  if (request.reads_project) request = TRY(complete(std::move(request), input != nullptr, host.reporter));
  std::string shown = input == nullptr ? request.model.string() : std::string(StandardInput::name);
  return named(build_file(request, shown, host), input);
}

}  // namespace modelctl::actions
