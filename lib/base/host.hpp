// The seams to the outside world. main builds the real ones and passes each down as a narrow reference to who needs it;
// tests pass the fakes of tests/support. Files are real in tests too (docs/explanation/decisions/files-are-real.md).
#pragma once

#include "base/interrupt.hpp"
#include "base/result.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::system_clock::time_point now() = 0;
  virtual std::chrono::steady_clock::time_point steady() = 0;
  // Returns early, false, when a stop was asked for.
  virtual bool sleep(std::chrono::milliseconds time) = 0;
};

class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::optional<std::string> get(const std::string& name) const = 0;
};

struct ProcessResult {
  int exit_code;  // as a shell reports it: 128 and the signal's number for a program that was killed
  std::string out, err;
};

enum class ProcessOutput { out, err };

struct ProcessOptions {
  std::string_view input = {};  // what the program reads from its standard input
  // When either limit is exceeded, the program and what it started are ended, and run() fails: with retry_later and
  // "program-timed-out", or with io and "program-output-too-large".
  std::optional<std::chrono::milliseconds> time_limit = {};
  std::uint64_t output_limit = 1 << 20;  // bytes of both outputs together
  // Receives output as it arrives; the result then contains none. Called by the thread that called run().
  std::function<void(ProcessOutput, std::string_view)> on_output = {};
  // A program gets our environment without the MODELCTL_ variables: they may contain a passphrase.
  bool passes_own_variables = false;
};

class Processes {
 public:
  virtual ~Processes() = default;
  // Runs a program found on PATH to its end. It is the leader of a process group of its own, so that a stop, or a
  // limit, ends the programs that it started as well.
  virtual Result<ProcessResult> run(std::span<const std::string> command, const ProcessOptions& options) = 0;
};

// Asked between steps of long work, set by the signal handler: the work ends with Kind::interrupted, nothing half-done.
class StopToken final : public Interrupt {
 public:
  void stop() { stopped_.store(true, std::memory_order_relaxed); }
  bool requested() const override { return stopped(); }
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> stopped_{false};
};

// What an action reports while it works: stderr shows it to a person, scripts may drop it. Results go to stdout
// instead.
class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void info(std::string_view line) = 0;  // one thing that was done
  virtual void warn(const Error& warning) = 0;   // shown as a diagnostic; the work goes on
  // How far `what` has come; `total` 0 is unknown. Call it as often as you like: drawing is rate-limited. A finished
  // piece of work calls it with done == total.
  virtual void progress(std::string_view what, std::uint64_t done, std::uint64_t total) = 0;
  // Asks a person without echo; nothing when stdin is not a terminal.
  virtual std::optional<std::string> ask_secret(std::string_view prompt) = 0;
};

// Unpredictable bytes from the system, or a test's fixed ones.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;
};

// Everything of the outside at once: only for main and the actions, which pass on what each part needs.
struct Host {
  Clock& clock;
  const Environment& environment;
  Processes& processes;
  Reporter& reporter;
  Random& random;
  StopToken& stop;
};

}  // namespace modelctl
