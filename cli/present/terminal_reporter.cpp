// Progress is rate-limited, and a drawn bar is erased before any other line is written.
#include "cli/present/terminal_reporter.hpp"

#include "cli/present/diagnostics.hpp"
#include "cli/present/printer.hpp"

#include <fmt/core.h>

#include <termios.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace modelctl::cli {
namespace {

constexpr std::chrono::milliseconds redraw{100};  // of a progress bar on a terminal
constexpr std::chrono::seconds report{5};         // between lines of progress in a log
constexpr std::size_t bar_width = 24;

// Disables the terminal's echo during its lifetime, for typing a passphrase. The destructor also runs when reading
// fails.
class EchoOff {
 public:
  EchoOff() {
    good_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (good_) good_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~EchoOff() {
    if (good_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  explicit operator bool() const { return good_; }

 private:
  termios before_{};
  bool good_;
};

}  // namespace

TerminalReporter::TerminalReporter(std::FILE* err, Clock& clock, const Environment& environment)
    : err_(err), clock_(clock), terminal_(::isatty(::fileno(err)) == 1 && environment.get("TERM") != "dumb") {
  // https://no-color.org: set and not empty, whatever its value.
  color_ = terminal_ && environment.get("NO_COLOR").value_or("").empty();
}

// Erases a drawn bar first: "\r" returns to the start of the line, and CSI K clears it.
void TerminalReporter::write(std::string_view text) {
  if (drawn_) std::fputs("\r\x1b[K", err_);
  drawn_ = false;
  std::fwrite(text.data(), 1, text.size(), err_);
  std::fflush(err_);
}

void TerminalReporter::info(std::string_view line) {
  if (quiet_ || json_) return;
  std::lock_guard lock(mutex_);
  constexpr std::size_t longest = 2000;
  write(printable(bounded(line, longest)) + "\n");
}

void TerminalReporter::warn(const Error& warning) {
  if (quiet_) return;
  std::lock_guard lock(mutex_);
  write(json_ ? render_json(warning, Severity::warning) + "\n" : render(warning, Severity::warning, color_));
}

void TerminalReporter::error(const Error& error) {
  std::lock_guard lock(mutex_);
  write(json_ ? render_json(error, Severity::error) + "\n" : render(error, Severity::error, color_));
}

// Called often, from hot loops; everything except a comparison is rate-limited.
void TerminalReporter::progress(std::string_view what, std::uint64_t done, std::uint64_t total) {
  if (quiet_ || json_) return;
  std::lock_guard lock(mutex_);
  auto now = clock_.steady();
  if (what != work_) {
    work_ = what;
    shown_ = now;  // the first call only starts the clock: short work is not reported
    return;
  }
  if (total != 0 && done >= total) {
    write("");
    work_.clear();
    return;
  }
  if (now - shown_ < (terminal_ ? std::chrono::steady_clock::duration(redraw) : report)) return;
  shown_ = now;
  draw(what, done, total);
}

// A bar if the total is known, otherwise the count.
void TerminalReporter::draw(std::string_view what, std::uint64_t done, std::uint64_t total) {
  std::string name = printable(what);
  std::string share = total == 0 ? std::to_string(done) : fmt::format("{:3.0f} %", 100.0 * done / total);
  if (!terminal_) {
    write(fmt::format("{}: {}\n", name, share));
    return;
  }
  std::string bar;
  if (total != 0) {
    std::size_t full = std::min<std::size_t>(bar_width, bar_width * done / total);
    bar = fmt::format("[{}{}] ", std::string(full, '#'), std::string(bar_width - full, '.'));
  }
  write(fmt::format("{}{}  {}", bar, share, name.substr(0, 40)));
  drawn_ = true;
}

// Reads byte by byte, so that nothing after the line is consumed. Programs that request JSON cannot be asked.
std::optional<std::string> TerminalReporter::ask_secret(std::string_view prompt) {
  if (json_ || ::isatty(STDIN_FILENO) != 1) return std::nullopt;
  std::lock_guard lock(mutex_);
  EchoOff silent;
  if (!silent) return std::nullopt;
  write(fmt::format("{}: ", prompt));
  std::string answer;
  char c = 0;
  ssize_t n = 0;
  // A signal interrupts read() with EINTR, which cancels the question; the stop token has the reason.
  while ((n = ::read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') answer += c;
  write("\n");
  return n == 1 ? std::optional(answer) : std::nullopt;
}

}  // namespace modelctl::cli
