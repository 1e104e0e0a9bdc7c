#include "base/system_host.hpp"

#include "base/check.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <thread>

extern char** environ;

namespace modelctl {
namespace {

constexpr std::size_t capture_limit = 1 << 20;
// How long a stop may go unnoticed while something else is waited for.
constexpr std::chrono::milliseconds notice{50};

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) read_end = ends[0], write_end = ends[1];
  }
  ~Pipe() { close_read(), close_write(); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_read() { close(read_end); }
  void close_write() { close(write_end); }
  bool open() const { return read_end >= 0; }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }
};

// What spawn() needs and must give back: the child's descriptors and signal actions.
struct SpawnPlan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnPlan(const Pipe& in, const Pipe& out, const Pipe& err) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in.read_end, 0);
    posix_spawn_file_actions_adddup2(&files, out.write_end, 1);
    posix_spawn_file_actions_adddup2(&files, err.write_end, 2);
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

// Reads what is there; what exceeds the limit is read and dropped so that the child never blocks. False at the end.
bool drain(int descriptor, std::string& text) {
  char buffer[16384];
  ssize_t n = ::read(descriptor, buffer, sizeof buffer);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  text.append(buffer, std::min(static_cast<std::size_t>(n), capture_limit - text.size()));
  return n > 0;
}

// Keeps a child that does not read its input from killing us: SIGPIPE is held back in this thread, then taken away.
class PipeSignalHeld {
 public:
  PipeSignalHeld() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalHeld() {
    timespec at_once{};
    if (!sigismember(&before_, SIGPIPE)) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalHeld(const PipeSignalHeld&) = delete;
  PipeSignalHeld& operator=(const PipeSignalHeld&) = delete;

 private:
  sigset_t pipe_, before_;
};

// Feeds the child and collects what it says until it has closed both outputs.
void converse(Pipe& in, Pipe& out, Pipe& err, std::string_view input, ProcessResult& result, const StopToken& stop,
              pid_t child) {
  PipeSignalHeld held;
  if (input.empty()) in.close_write();
  else ::fcntl(in.write_end, F_SETFL, O_NONBLOCK);
  bool killed = false;
  while (out.read_end >= 0 || err.read_end >= 0) {
    pollfd ends[] = {{in.write_end, POLLOUT, 0}, {out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};
    if (::poll(ends, 3, static_cast<int>(notice.count())) < 0 && errno != EINTR) break;
    if (stop.stopped() && !std::exchange(killed, true)) ::kill(child, SIGTERM);
    if (ends[0].revents != 0) {
      ssize_t n = ::write(in.write_end, input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.close_write();
    }
    if (ends[1].revents != 0 && !drain(out.read_end, result.out)) out.close_read();
    if (ends[2].revents != 0 && !drain(err.read_end, result.err)) err.close_read();
  }
}

}  // namespace

std::chrono::system_clock::time_point SystemClock::now() { return std::chrono::system_clock::now(); }
std::chrono::steady_clock::time_point SystemClock::steady() { return std::chrono::steady_clock::now(); }

bool SystemClock::sleep(std::chrono::milliseconds time) {
  auto end = steady() + time;
  while (!stop_.stopped()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady());
    if (left.count() <= 0) return true;
    std::this_thread::sleep_for(std::min(left, notice));
  }
  return false;
}

std::optional<std::string> SystemEnvironment::get(const std::string& name) const {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<ProcessResult> SystemProcesses::run(std::span<const std::string> command, std::string_view input) {
  MODELCTL_CHECK(!command.empty(), "a program was asked for without a name");
  auto failed = [&](int error_number) {
    bool missing = error_number == ENOENT;
    return Error(missing ? Kind::not_found : Kind::io, missing ? "no-such-program" : "cannot-start-program",
                 fmt::format("cannot run '{}'", command[0]))
        .because(std::generic_category().message(error_number));
  };
  Pipe in, out, err;
  if (!in.open() || !out.open() || !err.open()) return failed(errno);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = -1;
  {
    SpawnPlan plan(in, out, err);
    int fault = ::posix_spawnp(&child, words[0], &plan.files, &plan.attributes, words.data(), environ);
    if (fault != 0) return failed(fault);
  }
  in.close_read();
  out.close_write();
  err.close_write();

  ProcessResult result{};
  converse(in, out, err, input, result, stop_, child);
  in.close_write();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return failed(errno);
  }
  if (stop_.stopped()) {
    return Error(Kind::interrupted, "interrupted", fmt::format("cannot finish '{}': interrupted", command[0]));
  }
  // As a shell reports it: 128 and the signal's number for a program that was killed.
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void SystemRandom::fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::getrandom(bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    MODELCTL_CHECK(n > 0, "the system gives no random bytes");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace modelctl
