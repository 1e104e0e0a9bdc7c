// Fakes of base/host.hpp that a test sets and then asks what was done to them.
#pragma once

#include "base/host.hpp"

#include <functional>
#include <map>

namespace modelctl::test {

class FakeClock : public Clock {
 public:
  std::chrono::system_clock::time_point now() override { return std::chrono::system_clock::time_point(elapsed); }
  std::chrono::steady_clock::time_point steady() override { return std::chrono::steady_clock::time_point(elapsed); }
  bool sleep(std::chrono::milliseconds time) override {
    elapsed += time;
    slept.push_back(time);
    return true;
  }

  std::chrono::milliseconds elapsed{1'000'000'000'000};
  std::vector<std::chrono::milliseconds> slept;
};

class FakeEnvironment : public Environment {
 public:
  std::optional<std::string> get(const std::string& name) const override {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, std::string> variables;
};

class FakeProcesses : public Processes {
 public:
  Result<ProcessResult> run(std::span<const std::string> command, const ProcessOptions& options) override {
    calls.emplace_back(std::vector<std::string>(command.begin(), command.end()), std::string(options.input));
    this->options.push_back(options);
    if (!answer) return Error(Kind::not_found, "no-such-program", "cannot find '" + command[0] + "'");
    return answer(command, options.input);
  }
  std::vector<std::pair<std::vector<std::string>, std::string>> calls;
  std::vector<ProcessOptions> options;
  std::function<Result<ProcessResult>(std::span<const std::string>, std::string_view)> answer;
};

class FakeReporter : public Reporter {
 public:
  void info(std::string_view line) override { infos.emplace_back(line); }
  void warn(const Error& warning) override { warnings.push_back(warning); }
  void progress(std::string_view, std::uint64_t, std::uint64_t) override {}
  std::optional<std::string> ask_secret(std::string_view) override { return secret; }
  std::vector<std::string> infos;
  std::vector<Error> warnings;
  std::optional<std::string> secret;
};

class FakeRandom : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(next++);
  }
  unsigned next = 0;
};

struct FakeHost {
  FakeClock clock;
  FakeEnvironment environment;
  FakeProcesses processes;
  FakeReporter reporter;
  FakeRandom random;
  StopToken stop;
  Host host{clock, environment, processes, reporter, random, stop};
};

}  // namespace modelctl::test
