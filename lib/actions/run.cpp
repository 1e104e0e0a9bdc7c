#include "actions/run.hpp"

#include "ops/run_table.hpp"
#include "runtime/thread_pool.hpp"

namespace modelctl::actions {

Result<RunReport> run(const RunRequest& request, Host& host) {
  auto seconds = [start = host.clock.steady(), &host]() mutable {
    auto now = host.clock.steady();
    return std::chrono::duration<double>(now - std::exchange(start, now)).count();
  };
  auto artifact = TRY(artifact::open(request.artifact));
  auto model = TRY(runtime::Model::load(std::move(artifact), ops::run_table(), kernels::Cpu::detect()));
  runtime::ThreadPool pool(request.threads);
  runtime::Session session(model, pool);
  RunReport report;
  report.load_seconds = seconds();
  auto done = TRY(runtime::run_files(session, model->signature(), request.inputs, request.output));
  report.run_seconds = seconds();
  report.outputs = std::move(done.outputs);
  report.written = std::move(done.written);
  return report;
}

}  // namespace modelctl::actions
