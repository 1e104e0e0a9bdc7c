#include "base/system_host.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <thread>

using namespace modelctl;

namespace {
Result<ProcessResult> run(std::vector<std::string> command, std::string_view input = "") {
  StopToken stop;
  return SystemProcesses(stop).run(command, input);
}
}  // namespace

TEST_CASE("a program gets its input and answers both outputs and its exit code") {
  auto result = run({"sh", "-c", "cat; echo no >&2; exit 3"}, "yes");
  REQUIRE(result);
  CHECK(result->out == "yes");
  CHECK(result->err == "no\n");
  CHECK(result->exit_code == 3);
}

TEST_CASE("arguments reach a program as they are, with no shell between") {
  CHECK(run({"printf", "%s", "$HOME; *"})->out == "$HOME; *");
}

TEST_CASE("a program that reads none of a large input does not block") {
  CHECK(run({"true"}, std::string(1 << 20, 'x'))->exit_code == 0);
}

TEST_CASE("what a program says beyond 1 MiB is dropped") {
  auto result = run({"head", "-c", "3000000", "/dev/zero"});
  CHECK(result->out.size() == 1 << 20);
  CHECK(result->exit_code == 0);
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
  auto result = SystemProcesses(stop).run(command, "");
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
