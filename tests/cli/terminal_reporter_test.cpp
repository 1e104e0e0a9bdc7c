// Progress and messages on stderr, in a log and for programs; the prompt is tested on a pseudo-terminal.
#include "cli/present/terminal_reporter.hpp"
#include "support/hosts.hpp"

#include <doctest/doctest.h>

#include <pty.h>
#include <unistd.h>

using namespace modelctl;
using namespace modelctl::cli;

namespace {

// A reporter into a file, and what it said.
struct Recorded {
  test::FakeClock clock;
  test::FakeEnvironment environment;
  std::FILE* file = std::tmpfile();
  TerminalReporter reporter{file, clock, environment};
  ~Recorded() { std::fclose(file); }
  std::string said() {
    std::string text(4096, '\0');
    std::rewind(file);
    text.resize(std::fread(text.data(), 1, text.size(), file));
    return text;
  }
};

// A pseudo-terminal in the place of standard input, for as long as it lives.
struct Terminal {
  int person = -1, program = -1, before = ::dup(STDIN_FILENO);
  Terminal() {
    if (::openpty(&person, &program, nullptr, nullptr, nullptr) == 0) ::dup2(program, STDIN_FILENO);
  }
  ~Terminal() {
    ::dup2(before, STDIN_FILENO);
    for (int end : {person, program, before}) ::close(end);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
};

}  // namespace

TEST_CASE("without a terminal, long work is reported in lines, five seconds apart") {
  Recorded recorded;
  for (int i = 0; i < 12; ++i) {
    recorded.reporter.progress("pushing weights", static_cast<std::uint64_t>(i), 12);
    recorded.clock.elapsed += std::chrono::seconds(1);
  }
  CHECK(recorded.said() == "pushing weights:  42 %\npushing weights:  83 %\n");
}

TEST_CASE("short work is not reported in a log") {
  Recorded recorded;
  for (std::uint64_t i = 0; i <= 3; ++i) recorded.reporter.progress("pushing", i, 3);
  CHECK(recorded.said().empty());
}

TEST_CASE("quiet drops information and warnings, not the error") {
  Recorded recorded;
  recorded.reporter.set_quiet(true);
  recorded.reporter.info("working");
  recorded.reporter.warn(Error(Kind::usage, "odd", "odd"));
  recorded.reporter.error(Error(Kind::usage, "bad", "cannot go on"));
  CHECK(recorded.said() == "error[bad]: cannot go on\n");
}

TEST_CASE("for a program, warnings and errors are JSON, one a line, and information is dropped") {
  Recorded recorded;
  recorded.reporter.set_json(true);
  recorded.reporter.info("working");
  recorded.reporter.warn(Error(Kind::usage, "odd", "odd"));
  CHECK(recorded.said() == "{\"warning\":{\"code\":\"odd\",\"kind\":\"usage\",\"what\":\"odd\"}}\n");
}

TEST_CASE("a secret that is typed is read and not shown") {
  Terminal terminal;
  if (terminal.person < 0) {
    MESSAGE("skipped: this machine gives no pseudo-terminal");
    return;
  }
  Recorded recorded;
  // Typed ahead, it would be flushed with the echo's end: a person types when the prompt is there.
  if (::fork() == 0) {
    ::usleep(200'000);
    ::_exit(::write(terminal.person, "open sesame\n", 12) == 12 ? 0 : 1);
  }
  CHECK(recorded.reporter.ask_secret("passphrase") == "open sesame");
  CHECK(recorded.said() == "passphrase: \n");
}

TEST_CASE("without a terminal a secret cannot be asked for") {
  int before = ::dup(STDIN_FILENO);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::dup2(ends[0], STDIN_FILENO);
  Recorded recorded;
  CHECK(recorded.reporter.ask_secret("passphrase") == std::nullopt);
  CHECK(recorded.said().empty());
  ::dup2(before, STDIN_FILENO);
  for (int end : {ends[0], ends[1], before}) ::close(end);
}
