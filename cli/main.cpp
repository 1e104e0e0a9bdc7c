// modelctl: builds the real Host, runs the command line, answers the exit code.
#include "base/system_host.hpp"
#include "cli/app.hpp"
#include "cli/present/terminal_reporter.hpp"

#include <csignal>

namespace {

// A signal handler can reach nothing else.
modelctl::StopToken* stop_token = nullptr;
volatile std::sig_atomic_t last_signal = 0;

void on_signal(int signal) {
  last_signal = signal;
  stop_token->stop();
}

// The first signal asks for an orderly end; SA_RESETHAND lets the second kill. Without SA_RESTART a blocked read ends.
void watch_signals(modelctl::StopToken& stop) {
  stop_token = &stop;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error that is returned, not a death
}

}  // namespace

int main(int argc, char** argv) {
  using namespace modelctl;
  StopToken stop;
  watch_signals(stop);
  SystemClock clock(stop);
  SystemEnvironment environment;
  SystemProcesses processes(stop);
  SystemRandom random;
  cli::TerminalReporter reporter(stderr, clock, environment);
  cli::Printer printer(stdout, cli::Printer::Format::text);
  Host host{clock, environment, processes, reporter, random, stop};
  int code = cli::run({argv + 1, argv + argc}, host, reporter, printer);
  bool interrupted = code == info(Kind::interrupted).exit_code;
  return interrupted && last_signal != 0 ? 128 + last_signal : code;
}
