// The real outside world behind base/host.hpp's interfaces; only a main builds these.
#pragma once

#include "base/host.hpp"

namespace modelctl {

class SystemClock : public Clock {
 public:
  explicit SystemClock(const StopToken& stop) : stop_(stop) {}
  std::chrono::system_clock::time_point now() override;
  std::chrono::steady_clock::time_point steady() override;
  bool sleep(std::chrono::milliseconds time) override;

 private:
  const StopToken& stop_;
};

class SystemEnvironment : public Environment {
 public:
  std::optional<std::string> get(const std::string& name) const override;
};

// Programs start directly, without a shell, with the default signal actions. A stop ends them, first with SIGTERM, two
// seconds later with SIGKILL.
class SystemProcesses : public Processes {
 public:
  explicit SystemProcesses(const StopToken& stop) : stop_(stop) {}
  Result<ProcessResult> run(std::span<const std::string> command, const ProcessOptions& options) override;

 private:
  const StopToken& stop_;
};

class SystemRandom : public Random {
 public:
  void fill(std::span<std::byte> bytes) override;
};

}  // namespace modelctl
