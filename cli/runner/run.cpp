// The verb `run`: one run on inputs from files, as `modelctl run`.
#include "cli/present/run_outputs.hpp"
#include "cli/runner/runner.hpp"
#include "runtime/run_files.hpp"
#include "runtime/thread_pool.hpp"

#include <cstdio>

namespace modelctl::runner {
namespace {

constexpr Option options[] = {
    {"input", "[NAME=]FILE", "An input: .npy, .npz, .json or .csv, by name or in the model's order", true, true},
    {"output", "FILE|FOLDER", "File or folder for the outputs; by default they are printed"},
    {"threads", "N", "Threads to run on; 0, the default, takes all CPUs that the process may use"},
};

Result<int> run(const Program& program, const Arguments& arguments) {
  auto model = TRY(program.load(arguments));
  runtime::ThreadPool pool(TRY(arguments.number("threads", 0, 0)));
  runtime::Session session(model, pool);
  auto done = TRY(runtime::run_files(session, model->signature(), arguments.all("input"), arguments.one("output")));
  cli::Printer out(stdout, cli::Printer::Format::text);
  cli::print_run(done.outputs, done.written, out);
  return 0;
}

}  // namespace

const Verb run_verb{"run", "Runs the model once on the inputs given.", options, run};

}  // namespace modelctl::runner
