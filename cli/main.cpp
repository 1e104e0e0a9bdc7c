// modelctl: builds the real Host, runs the command line and returns the exit code. This is the only place where the
// real clock, environment, processes and random numbers are created; everything else gets them passed in.
#include "base/mapped_file.hpp"
#include "base/system_host.hpp"
#include "cli/app.hpp"
#include "cli/present/terminal_reporter.hpp"

#include <csignal>

namespace {

// Global, because a signal handler has no argument for it.
modelctl::StopToken* stop_token = nullptr;
volatile std::sig_atomic_t last_signal = 0;

void on_signal(int signal) {
  last_signal = signal;
  stop_token->stop();
}

// The first signal requests an orderly stop; SA_RESETHAND makes the second one kill the process. Without SA_RESTART a
// blocking read returns with EINTR, so that a command that waits for input stops too.
void watch_signals(modelctl::StopToken& stop) {
  stop_token = &stop;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error that is returned instead of the end of the process
}

}  // namespace

int main(int argc, char** argv) {
  using namespace modelctl;
  StopToken stop;
  watch_signals(stop);
  report_bus_errors();
  SystemClock clock(stop);
  SystemEnvironment environment;
  SystemProcesses processes(stop);
  SystemRandom random;
  cli::TerminalReporter reporter(stderr, clock, environment);
  cli::Printer printer(stdout, cli::Printer::Format::text);
  Host host{clock, environment, processes, reporter, random, stop};
  int code = cli::run({argv + 1, argv + argc}, host, reporter, printer);
  // By convention of shells a process that ended because of signal N exits with 128 + N.
  bool interrupted = code == info(Kind::interrupted).exit_code;
  return interrupted && last_signal != 0 ? 128 + last_signal : code;
}
