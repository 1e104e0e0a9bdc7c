// States are separated from the other inputs and outputs here: the runtime sees only tensors.
#include "actions/run.hpp"

#include "actions/input_options.hpp"
#include "actions/output_names.hpp"
#include "ops/run_table.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace modelctl::actions {
namespace {

// Takes what the request leaves out from modelctl.yaml.
Result<RunRequest> complete(RunRequest request, Reporter& reporter) {
  auto merge = TRY(complete_source("run", request.model));
  const auto& samples = merge.project().samples;
  if (!samples.empty()) merge.value("samples", request.inputs, Project::Sample::arguments(samples.front().inputs));
  merge.value("evaluate.label_column", request.label_column, merge.project().evaluate.label_column);
  merge.report(reporter);
  std::vector<NamedFile> read{{"the model", request.model.text}};
  add_tensor_files("an input", request.inputs, read);
  TRY(check_outputs(
      "run", {{"-o", request.output, OutputKind::tensors}, {"--state", request.state, OutputKind::tensors}}, read));
  return request;
}

// States from one run to the next, by the names of the inputs that they are.
class States {
 public:
  States(const runtime::Model& model, const RunRequest& request) : model_(model), request_(request) {}

  // What the user gave, and the states as the run before left them or as they begin. First states are written to a
  // file, too, and read like a user's own: there is one way in, and it checks names, types and shapes.
  Result<std::vector<std::string>> inputs() {
    std::vector<std::string> files = request_.inputs;
    if (request_.state.empty()) return files;
    if (model_.states().empty()) {
      return Error(Kind::usage, "no-state",
                   fmt::format("cannot keep a state of '{}': it has none", request_.model.shown()))
          .because("no output continues an input where it lies")
          .help(fmt::format("see modelctl inspect {}; give such inputs by name with --input", request_.model.shown()));
    }
    if (!TRY(formats::format_of(request_.state.string()))->several) {
      return Error(Kind::usage, "no-state-file",
                   fmt::format("cannot keep states in '{}': such a file holds one tensor without a name",
                               request_.state.string()))
          .help("name a file that ends in .npz or .json");
    }
    std::error_code code;
    if (std::filesystem::exists(request_.state, code)) {
      files.push_back(request_.state.string());
      return files;
    }
    fresh_.emplace(TRY(TemporaryFolder::create(std::filesystem::temp_directory_path())));
    std::vector<formats::NamedTensor> begin;
    for (const runtime::StatePort& state : model_.states()) begin.push_back(beginning(state));
    auto written = TRY(formats::save_outputs(fresh_->path() / ("begin" + request_.state.extension().string()), begin));
    for (const auto& file : written) files.push_back(file.string());
    return files;
  }

  // Takes the states out of the outputs, under the names of the inputs that they are in the next run.
  std::vector<formats::NamedTensor> taken_from(std::vector<formats::NamedTensor>& outputs) const {
    std::vector<formats::NamedTensor> kept, others;
    if (request_.state.empty()) return kept;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto state = std::find_if(model_.states().begin(), model_.states().end(),
                                [i](const runtime::StatePort& each) { return each.output == i; });
      if (state == model_.states().end()) others.push_back(std::move(outputs[i]));
      else kept.push_back({model_.signature().inputs[state->input].name, std::move(outputs[i].tensor)});
    }
    outputs = std::move(others);
    return kept;
  }

  // A state that is missing may also be kept.
  Error advised(Error error) const {
    for (Error& fault : error.faults) fault = advised(std::move(fault));
    for (const runtime::StatePort& state : model_.states()) {
      const std::string& name = model_.signature().inputs[state.input].name;
      if (error.code == "missing-input" && error.hint == fmt::format("add --input {}=FILE", name)) {
        error.hint += ", or let --state FILE.npz keep it from run to run";
      }
    }
    return error;
  }

 private:
  formats::NamedTensor beginning(const runtime::StatePort& state) const {
    const artifact::Port& port = model_.signature().inputs[state.input];
    Dims dims;
    for (std::size_t axis = 0; axis < port.dims.size(); ++axis) {
      std::int64_t open = axis == state.axis ? 0 : 1;
      dims.push_back(port.dims[axis].size < 0 ? open : port.dims[axis].size);
    }
    Tensor zeros(port.type, dims);
    std::memset(zeros.mutable_view().data, 0, byte_size(port.type, dims).value_or(0));
    return {port.name, std::move(zeros)};
  }

  const runtime::Model& model_;
  const RunRequest& request_;
  std::optional<TemporaryFolder> fresh_;
};

}  // namespace

Result<RunReport> run(const RunRequest& given, Host& host) {
  RunRequest request = TRY(complete(given, host.reporter));
  auto seconds = [start = host.clock.steady(), &host]() mutable {
    auto now = host.clock.steady();
    return std::chrono::duration<double>(now - std::exchange(start, now)).count();
  };
  auto opened = TRY(open_model(request.model, host));
  auto model = TRY(runtime::Model::load(std::move(opened.artifact), ops::run_table(), kernels::Cpu::detect()));
  runtime::ThreadPool pool(request.threads);
  runtime::Session session(model, pool, runtime::Session::Limits{.stop = &host.stop});
  RunReport report;
  report.load_seconds = seconds();
  States states(*model, request);
  auto done = runtime::run_files(session, model->plan(), TRY(states.inputs()), {},
                                 input_options(request.header, model->plan().metadata, host, request.label_column));
  if (!done) return states.advised(std::move(done).error());
  report.outputs = std::move(done->outputs);
  report.metadata = model->plan().metadata;
  auto kept = states.taken_from(report.outputs);
  if (!request.output.empty()) report.written = TRY(formats::save_outputs(request.output, report.outputs));
  // Last, when the outputs are on disk: a run that fails or is killed before leaves the state as it was, and running it
  // again gives the same outputs. In the other order the input would be applied twice.
  if (!kept.empty()) TRY(formats::save_outputs(request.state, kept));
  report.states_kept = kept.size();
  report.run_seconds = seconds();
  return report;
}

}  // namespace modelctl::actions
