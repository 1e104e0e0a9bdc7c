#include "actions/run.hpp"

#include "actions/project.hpp"
#include "ops/run_table.hpp"
#include "runtime/thread_pool.hpp"

namespace modelctl::actions {
namespace {

// What the request leaves out, as modelctl.yaml has it.
Result<RunRequest> complete(RunRequest request) {
  if (!request.artifact.empty()) return request;
  Project project = TRY(current_project("run", "artifact"));
  request.artifact = TRY(project_artifact(project, "run"));
  if (request.inputs.empty() && !project.samples.empty())
    request.inputs = Project::Sample::arguments(project.samples.front().inputs);
  return request;
}

}  // namespace

Result<RunReport> run(const RunRequest& given, Host& host) {
  RunRequest request = TRY(complete(given));
  auto seconds = [start = host.clock.steady(), &host]() mutable {
    auto now = host.clock.steady();
    return std::chrono::duration<double>(now - std::exchange(start, now)).count();
  };
  auto artifact = TRY(artifact::open(request.artifact));
  auto model = TRY(runtime::Model::load(std::move(artifact), ops::run_table(), kernels::Cpu::detect()));
  runtime::ThreadPool pool(request.threads);
  runtime::Session session(model, pool, runtime::Session::Limits{.stop = &host.stop});
  RunReport report;
  report.load_seconds = seconds();
  auto done = TRY(runtime::run_files(session, model->signature(), request.inputs, request.output));
  report.run_seconds = seconds();
  report.outputs = std::move(done.outputs);
  report.written = std::move(done.written);
  return report;
}

}  // namespace modelctl::actions
