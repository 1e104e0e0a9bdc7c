// The real implementations of the host interfaces: child processes, sleeping, random bytes.
#include "base/system_host.hpp"

#include "base/descriptor.hpp"
#include "base/files.hpp"

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <thread>

using namespace modelctl;

namespace {
Result<ProcessResult> run(std::vector<std::string> command, std::string_view input = "") {
  StopToken stop;
  return SystemProcesses(stop).run(command, {.input = input});
}

Result<ProcessResult> run_with(std::vector<std::string> command, const ProcessOptions& options) {
  StopToken stop;
  return SystemProcesses(stop).run(command, options);
}

// Whether a process that was sent SIGKILL ends. The signal is delivered when the process is next scheduled, which need
// not be before kill() returns, so this waits for it through a descriptor of the process (pidfd_open(2)).
bool ends(const std::string& pid) {
  Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(pid), 0)));
  if (process.number() < 0) return errno == ESRCH;
  pollfd ready{process.number(), POLLIN, 0};
  return ::poll(&ready, 1, 10'000) == 1;
}
}  // namespace

TEST_CASE("a program gets its input and returns both outputs and its exit code") {
  auto result = run({"sh", "-c", "cat; echo no >&2; exit 3"}, "yes");
  REQUIRE(result);
  CHECK(result->out == "yes");
  CHECK(result->err == "no\n");
  CHECK(result->exit_code == 3);
}

TEST_CASE("arguments reach a program as they are, with no shell between") {
  CHECK(run({"printf", "%s", "$HOME; *"})->out == "$HOME; *");
}

TEST_CASE("a program that does not read a large input does not block") {
  CHECK(run({"true"}, std::string(1 << 20, 'x'))->exit_code == 0);
}

TEST_CASE("a program that writes more than the output limit is ended") {
  auto result = run({"cat", "/dev/zero"});
  REQUIRE(!result);
  CHECK(result.error().code == "program-output-too-large");
  CHECK(run_with({"head", "-c", "3000000", "/dev/zero"}, {.output_limit = 3000000})->out.size() == 3000000);
}

TEST_CASE("output can be received while the program runs") {
  std::vector<std::string> pieces;
  auto result = run_with({"sh", "-c", "echo a; read line; echo b >&2"},
                         {.input = "go\n", .on_output = [&](ProcessOutput which, std::string_view piece) {
                            pieces.push_back((which == ProcessOutput::out ? "out " : "err ") + std::string(piece));
                          }});
  REQUIRE(result);
  CHECK(result->out.empty());
  std::sort(pieces.begin(), pieces.end());
  CHECK(pieces == std::vector<std::string>{"err b\n", "out a\n"});
}

TEST_CASE("a time limit ends a program and what it started, even what ignores SIGTERM") {
  auto result = run_with({"sh", "-c", "trap '' TERM; sh -c 'echo $$ >&2; sleep 600; true' & sleep 600; true"},
                         {.time_limit = std::chrono::milliseconds(200)});
  REQUIRE(!result);
  CHECK(result.error().code == "program-timed-out");
  CHECK(result.error().kind == Kind::retry_later);
}

TEST_CASE("a limit ends the whole process group") {
  std::string pid;
  auto result = run_with({"sh", "-c", "sh -c 'echo $$; sleep 600; true' & sleep 600; true"},
                         {.time_limit = std::chrono::milliseconds(500),
                          .on_output = [&](ProcessOutput, std::string_view piece) { pid += piece; }});
  REQUIRE(!result);
  REQUIRE(!pid.empty());
  pid.pop_back();
  CHECK(ends(pid));
}

TEST_CASE("a daemon that keeps the outputs open does not keep run() waiting") {
  auto result = run({"sh", "-c", "echo started; setsid sleep 600 & echo $! >&2"});
  REQUIRE(result);
  CHECK(result->out == "started\n");
  CHECK(run({"kill", result->err.substr(0, result->err.find('\n'))}));
}

TEST_CASE("a program does not see our variables unless asked") {
  ::setenv("MODELCTL_PASSWORD", "secret", 1);
  std::vector<std::string> command = {"sh", "-c", "echo \"[$MODELCTL_PASSWORD]$PATH\""};
  std::string path = std::getenv("PATH");
  CHECK(run(command)->out == "[]" + path + "\n");
  CHECK(run_with(command, {.passes_own_variables = true})->out == "[secret]" + path + "\n");
  ::unsetenv("MODELCTL_PASSWORD");
}

TEST_CASE("a program that is not there is not found") {
  auto result = run({"modelctl-no-such-program"});
  REQUIRE(!result);
  CHECK(result.error().kind == Kind::not_found);
  CHECK(result.error().what == "cannot run 'modelctl-no-such-program'");
}

TEST_CASE("a killed program is reported as a shell does") { CHECK(run({"sh", "-c", "kill -9 $$"})->exit_code == 137); }

TEST_CASE("a stop ends the program that runs") {
  StopToken stop;
  stop.stop();
  std::vector<std::string> command = {"sleep", "60"};
  auto result = SystemProcesses(stop).run(command, {});
  REQUIRE(!result);
  CHECK(result.error().kind == Kind::interrupted);
}

TEST_CASE("a stop ends a sleep") {
  StopToken stop;
  stop.stop();
  CHECK(!SystemClock(stop).sleep(std::chrono::hours(1)));
}

TEST_CASE("random bytes fill all that is asked for") {
  std::array<std::byte, 1024> bytes{};
  SystemRandom().fill(bytes);
  CHECK(std::count(bytes.begin(), bytes.end(), std::byte{0}) < 64);
}
