// Running programs: posix_spawn, one poll loop for the three pipes, and an end for every case. The loop must not depend
// on the program: it may never read, never stop writing, never end, or end while a daemon that it started keeps the
// pipes.
#include "base/check.hpp"
#include "base/descriptor.hpp"
#include "base/files.hpp"
#include "base/stopwatch.hpp"
#include "base/system_host.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <iterator>
#include <optional>
#include <system_error>

extern char** environ;

namespace modelctl {
namespace {

// How long a stop, the time limit or the end of the program may go unnoticed.
constexpr int poll_milliseconds = 50;
// From SIGTERM to SIGKILL.
constexpr double grace_seconds = 2;
// How long output is still waited for after the program ended: someone else has its pipes.
constexpr double drain_seconds = 1;

struct Pipe {
  Descriptor read_end, write_end;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) read_end = Descriptor(ends[0]), write_end = Descriptor(ends[1]);
  }
};

// What posix_spawn needs and must give back: the child's descriptors, signal actions and process group.
struct SpawnPlan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnPlan(const Pipe& in, const Pipe& out, const Pipe& err) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in.read_end.number(), 0);
    posix_spawn_file_actions_adddup2(&files, out.write_end.number(), 1);
    posix_spawn_file_actions_adddup2(&files, err.write_end.number(), 2);
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

// Keeps a child that does not read its input from killing us: SIGPIPE is blocked in this thread, then taken away.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalBlocked() {
    timespec at_once{};
    if (!sigismember(&before_, SIGPIPE)) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;

 private:
  sigset_t pipe_, before_;
};

// A program that was started. Destroyed, it has ended and was waited for, so that no zombie is left. It is waited for
// last: until then its number, which is that of the group as well, cannot be given to another process.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), end_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~Child() {
    if (!ended()) signal_group(SIGKILL);
    retry_interrupted([&] { return ::waitpid(pid_, nullptr, 0); });
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void signal_group(int number) { ::kill(-pid_, number); }
  bool ended() {
    if (ended_) return true;
    int failed =
        retry_interrupted([&] { return ::waitid(P_PID, static_cast<id_t>(pid_), &how_, WEXITED | WNOHANG | WNOWAIT); });
    ended_ = failed != 0 || how_.si_pid != 0;
    return ended_;
  }
  // Readable once the program has ended; -1 if the system has no such descriptors.
  int end_descriptor() const { return ended_ ? -1 : end_.number(); }
  int exit_code() const { return how_.si_code == CLD_EXITED ? how_.si_status : 128 + how_.si_status; }

 private:
  pid_t pid_;
  Descriptor end_;
  siginfo_t how_{};
  bool ended_ = false;
};

enum class Ending { by_itself, stopped, timed_out, too_much_output };

// The conversation with one program.
class Conversation {
 public:
  Conversation(Child& child, Pipe& in, Pipe& out, Pipe& err, const ProcessOptions& options, const StopToken& stop)
      : child_(child), in_(in), out_(out), err_(err), options_(options), stop_(stop), input_(options.input) {}

  // Writes the input and reads both outputs until the program ended and they are closed, or it had to be ended.
  Ending run(ProcessResult& result) {
    PipeSignalBlocked blocked;
    if (input_.empty()) in_.write_end.close();
    else ::fcntl(in_.write_end.number(), F_SETFL, O_NONBLOCK);
    while (!finished()) {
      end_if_due();
      pollfd ends[] = {{in_.write_end.number(), POLLOUT, 0},
                       {out_.read_end.number(), POLLIN, 0},
                       {err_.read_end.number(), POLLIN, 0},
                       {child_.end_descriptor(), POLLIN, 0}};
      if (::poll(ends, std::size(ends), poll_milliseconds) <= 0) continue;
      if (ends[0].revents != 0) write_input();
      if (ends[1].revents != 0) read_output(out_, ProcessOutput::out, result.out);
      if (ends[2].revents != 0) read_output(err_, ProcessOutput::err, result.err);
    }
    if (ending_ != Ending::by_itself) child_.signal_group(SIGKILL);  // those of the group that ignored SIGTERM
    return ending_;
  }

 private:
  bool finished() {
    if (!child_.ended()) return false;
    if (!out_.read_end.is_open() && !err_.read_end.is_open()) return true;
    if (!after_end_) after_end_.emplace();
    return ending_ != Ending::by_itself || after_end_->seconds() >= drain_seconds;
  }

  void end_if_due() {
    if (ending_ == Ending::by_itself) {
      if (stop_.stopped()) end(Ending::stopped);
      else if (options_.time_limit && elapsed_.seconds() * 1000 >= static_cast<double>(options_.time_limit->count())) {
        end(Ending::timed_out);
      }
    } else if (since_ending_.seconds() >= grace_seconds) {
      child_.signal_group(SIGKILL);
    }
  }
  void end(Ending why) {
    ending_ = why;
    since_ending_ = Stopwatch();
    child_.signal_group(SIGTERM);
    child_.signal_group(SIGCONT);  // a stopped program would not notice
  }

  void write_input() {
    ssize_t n = ::write(in_.write_end.number(), input_.data(), input_.size());
    if (n > 0) input_.remove_prefix(static_cast<std::size_t>(n));
    if (input_.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in_.write_end.close();
  }

  void read_output(Pipe& pipe, ProcessOutput which, std::string& text) {
    std::byte buffer[16384];
    ssize_t n = read_some(pipe.read_end.number(), buffer);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return pipe.read_end.close();
    if (after_end_) after_end_.emplace();  // there is progress
    if (ending_ != Ending::by_itself) return;
    auto size = static_cast<std::size_t>(n);
    if (size > options_.output_limit - received_) return end(Ending::too_much_output);
    received_ += size;
    std::string_view piece = as_text(ByteSpan(buffer).first(size));
    if (options_.on_output) options_.on_output(which, piece);
    else text += piece;
  }

  Child& child_;
  Pipe &in_, &out_, &err_;
  const ProcessOptions& options_;
  const StopToken& stop_;
  std::string_view input_;
  std::uint64_t received_ = 0;
  Ending ending_ = Ending::by_itself;
  Stopwatch elapsed_, since_ending_;
  std::optional<Stopwatch> after_end_;
};

std::vector<char*> environment_of(const ProcessOptions& options) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    bool ours = std::string_view(*variable).starts_with("MODELCTL_");
    if (!ours || options.passes_own_variables) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

Error cannot_run(const std::string& program, int error_number) {
  std::string what = fmt::format("cannot run '{}'", program);
  Error error = error_number == ENOENT ? Error(Kind::not_found, "no-such-program", what)
                                       : Error(Kind::io, "cannot-start-program", what);
  return std::move(error).because(std::generic_category().message(error_number));
}

}  // namespace

Result<ProcessResult> SystemProcesses::run(std::span<const std::string> command, const ProcessOptions& options) {
  MODELCTL_CHECK(!command.empty(), "a command has a program");
  Pipe in, out, err;
  if (!in.read_end.is_open() || !out.read_end.is_open() || !err.read_end.is_open())
    return cannot_run(command[0], errno);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::vector<char*> environment = environment_of(options);
  pid_t pid = -1;
  {
    SpawnPlan plan(in, out, err);
    int fault = ::posix_spawnp(&pid, words[0], &plan.files, &plan.attributes, words.data(), environment.data());
    if (fault != 0) return cannot_run(command[0], fault);
  }
  Child child(pid);
  in.read_end.close();
  out.write_end.close();
  err.write_end.close();

  ProcessResult result{};
  switch (Conversation(child, in, out, err, options, stop_).run(result)) {
    case Ending::by_itself: break;
    case Ending::stopped:
      return Error(Kind::interrupted, "interrupted", fmt::format("cannot finish '{}': interrupted", command[0]));
    case Ending::timed_out:
      return Error(
          Kind::retry_later, "program-timed-out",
          fmt::format("cannot finish '{}': it took longer than {} ms", command[0], options.time_limit->count()));
    case Ending::too_much_output:
      return Error(
          Kind::io, "program-output-too-large",
          fmt::format("cannot use what '{}' writes: it is more than {} bytes", command[0], options.output_limit));
  }
  result.exit_code = child.exit_code();
  return result;
}

}  // namespace modelctl
