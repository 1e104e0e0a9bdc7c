// The verb `run`: one run on inputs from files, as `modelctl run`.
#include "cli/present/run_outputs.hpp"
#include "cli/runner/runner.hpp"
#include "runtime/run_files.hpp"
#include "runtime/thread_pool.hpp"

namespace modelctl::runner {
namespace {

constexpr Option options[] = {
    {"input", "[NAME=]INPUT",
     "An input: a file (.npy, .npz, .json, .jsonl, .csv), -, or JSON; by name or in the model's order", true, true},
    {"header", "yes|no", "Whether .csv files have a header; by default decided for each, with a warning if in doubt"},
    {"o", "FILE|FOLDER|-", "File or folder for the outputs, - for JSON on stdout; by default they are printed"},
    format_option,
    {"threads", "N", "Threads to run on; 0, the default, takes all CPUs that the process may use"},
};

Result<formats::ReadOptions> read_options(const Arguments& arguments, const cli::Printer& out) {
  formats::ReadOptions options;
  options.warn = [&out](const Error& warning) { report(warning, cli::Severity::warning, out); };
  std::string header = arguments.one("header");
  if (header == "yes") options.header = formats::CsvHeader::yes;
  else if (header == "no") options.header = formats::CsvHeader::no;
  else if (!header.empty())
    return Error(Kind::usage, "usage", "'--header " + header + "' is neither yes nor no").help("see --help");
  return options;
}

// A program without sound and images (the small and the regular runner) explains why it does not take a file that
// `modelctl run` takes.
Error explained(Error error) {
  if (error.code != "unknown-format" || formats::format_of(".wav")) return error;
  return std::move(error).because(
      "only programs that are linked with --serve or with the full runtime read sound and images");
}

Result<int> run(const Program& program, const Arguments& arguments, cli::Printer& out) {
  auto options = TRY(read_options(arguments, out));
  auto model = TRY(program.load(arguments));
  runtime::ThreadPool pool(TRY(arguments.number("threads", 0, 0)));
  runtime::Session session(model, pool);
  auto ran = runtime::run_files(session, model->plan(), arguments.all("input"), arguments.one("o"), options);
  if (!ran) return explained(std::move(ran).error());
  const auto& done = *ran;
  if (arguments.one("o") == formats::standard_stream) return 0;
  const auto& metadata = model->plan().metadata;
  if (out.format() == cli::Printer::Format::json) out.json(TRY(cli::run_json(done.outputs, metadata, done.written)));
  else cli::print_run(done.outputs, metadata, done.written, out);
  return 0;
}

}  // namespace

const Verb run_verb{"run", "Runs the model once on the inputs given.", options, run, true};

}  // namespace modelctl::runner
