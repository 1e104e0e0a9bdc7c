// Reports on stderr: progress bars and color on a terminal, plain lines in a log, JSON lines with --output json. It may
// be called from several threads.
#pragma once

#include "base/host.hpp"

#include <cstdio>
#include <mutex>

namespace modelctl::cli {

class TerminalReporter : public Reporter {
 public:
  TerminalReporter(std::FILE* err, Clock& clock, const Environment& environment);

  void info(std::string_view line) override;
  void warn(const Error& warning) override;
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total) override;
  std::optional<std::string> ask_secret(std::string_view prompt) override;

  // The error that ends the command.
  void error(const Error& error);

  void set_quiet(bool quiet) { quiet_ = quiet; }
  void set_json(bool json) { json_ = json; }
  void set_color(bool color) { color_ = color; }

 private:
  void write(std::string_view text);  // takes away a bar that stands in the line
  void draw(std::string_view what, std::uint64_t done, std::uint64_t total);

  std::FILE* err_;
  Clock& clock_;
  bool terminal_;
  bool color_;
  bool quiet_ = false, json_ = false;
  std::mutex mutex_;  // progress comes from several threads
  bool drawn_ = false;
  std::string work_;  // what the last progress was about
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace modelctl::cli
