// The verb `run`: one run on inputs from files, as `modelctl run`.
#include "cli/present/diagnostics.hpp"
#include "cli/present/run_outputs.hpp"
#include "cli/runner/runner.hpp"
#include "runtime/run_files.hpp"
#include "runtime/thread_pool.hpp"

#include <cstdio>

namespace modelctl::runner {
namespace {

constexpr Option options[] = {
    {"input", "[NAME=]INPUT", "An input: a file (.npy, .npz, .json, .csv), -, or JSON; by name or in the model's order",
     true, true},
    {"header", "yes|no", "Whether .csv files have a header; by default decided for each, with a warning if in doubt"},
    {"output", "FILE|FOLDER|-", "File or folder for the outputs, - for JSON on stdout; by default they are printed"},
    {"threads", "N", "Threads to run on; 0, the default, takes all CPUs that the process may use"},
};

Result<formats::ReadOptions> read_options(const Arguments& arguments) {
  formats::ReadOptions options;
  options.warn = [](const Error& warning) {
    std::string text = cli::render(warning, cli::Severity::warning, false);
    std::fwrite(text.data(), 1, text.size(), stderr);
  };
  std::string header = arguments.one("header");
  if (header == "yes") options.header = formats::CsvHeader::yes;
  else if (header == "no") options.header = formats::CsvHeader::no;
  else if (!header.empty())
    return Error(Kind::usage, "usage", "'--header " + header + "' is neither yes nor no").help("see --help");
  return options;
}

Result<int> run(const Program& program, const Arguments& arguments) {
  auto options = TRY(read_options(arguments));
  auto model = TRY(program.load(arguments));
  runtime::ThreadPool pool(TRY(arguments.number("threads", 0, 0)));
  runtime::Session session(model, pool);
  auto done =
      TRY(runtime::run_files(session, model->signature(), arguments.all("input"), arguments.one("output"), options));
  cli::Printer out(stdout, cli::Printer::Format::text);
  cli::print_run(done.outputs, done.written, out);
  return 0;
}

}  // namespace

const Verb run_verb{"run", "Runs the model once on the inputs given.", options, run};

}  // namespace modelctl::runner
