// LISTEN_PID has the number of the new process, which is known between fork and exec alone: posix_spawn(3) has no place
// to write it. vfork(2), because fork(2) would copy the page tables of a process with large models.
#include "serve/replacement.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>
#include <charconv>
#include <cstring>

extern char** environ;

namespace modelctl::serve {
namespace {

constexpr const char* own_program = "/proc/self/exe";

// What the new process gets: descriptors from 3 on, and their names.
struct Passed {
  std::vector<Descriptor> descriptors;
  std::string names;

  // Duplicates have numbers above all that they become, so that none takes the place of another one.
  void add(int descriptor, const std::string& name) {
    constexpr int above = first_passed_descriptor + 16;
    descriptors.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, above));
    names += (names.empty() ? "" : ":") + name;
  }
};

// The variables of this process, with those of sd_listen_fds(3) and sd_watchdog_enabled(3) for the new one.
class Variables {
 public:
  explicit Variables(const Passed& passed) {
    own_ = {fmt::format("LISTEN_FDS={}", passed.descriptors.size()), "LISTEN_FDNAMES=" + passed.names,
            "LISTEN_PID=" + std::string(digits, '0')};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      std::string_view text(*variable);
      if (text.starts_with("WATCHDOG_PID=")) own_.push_back("WATCHDOG_PID=" + std::string(digits, '0'));
      else if (!text.starts_with("LISTEN_")) all_.push_back(*variable);
    }
    for (std::string& variable : own_) all_.push_back(variable.data());
    all_.push_back(nullptr);
  }

  char* const* all() const { return all_.data(); }
  // Takes no memory: it is called between vfork and exec.
  void set_process(pid_t process) {
    for (std::string& variable : own_) {
      if (variable.find("_PID=") == variable.npos) continue;
      char* last = variable.data() + variable.size();
      *std::to_chars(last - digits, last, process).ptr = '\0';
    }
  }

 private:
  static constexpr int digits = 20;
  std::vector<std::string> own_;
  std::vector<char*> all_;
};

// All of it is made before: the child of vfork has the memory of this process, and may only make system calls.
struct Start {
  const char* program;
  std::vector<char*> words;
  const Passed& passed;
  Variables variables;
  sigset_t signals{};      // blocked in the new process
  volatile int error = 0;  // of execve(2)
};

// The handlers of this process must not run in a child that shares its memory.
void forget_signal_handlers() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
}

[[noreturn]] void become(Start& start) {
  int next = first_passed_descriptor;
  for (const Descriptor& descriptor : start.passed.descriptors) ::dup2(descriptor.number(), next++);
  ::closefrom(next);  // connections above all, which the library accepts without close-on-exec
  start.variables.set_process(::getpid());
  forget_signal_handlers();
  ::sigprocmask(SIG_SETMASK, &start.signals, nullptr);
  ::execve(start.program, start.words.data(), start.variables.all());
  start.error = errno;
  ::_exit(127);
}

// The number of the process, or -1 with errno.
pid_t spawn(Start& start) {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &start.signals);
  pid_t process = ::vfork();
  if (process == 0) become(start);
  int error = process < 0 ? errno : start.error;
  ::pthread_sigmask(SIG_SETMASK, &start.signals, nullptr);
  if (error != 0 && process > 0) ::waitpid(process, nullptr, 0);
  errno = error;
  return error == 0 ? process : -1;
}

std::string ending(int status) {
  if (WIFSIGNALED(status)) return fmt::format("the new process was ended by signal {}", WTERMSIG(status));
  return fmt::format("the new process ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace

// AT_EXECFN is the path as it was given to execve(2); of a script, that of the script.
CommandLine CommandLine::of_this_process() {
  CommandLine command;
  std::error_code failed;
  const auto* given = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (given != nullptr && std::filesystem::equivalent(given, own_program, failed))
    command.program = std::filesystem::absolute(given, failed);
  else command.program = std::filesystem::read_symlink(own_program, failed);
  std::string words = read_text_file("/proc/self/cmdline").value_or("");
  for (std::size_t at = 0; at < words.size();) {
    command.words.emplace_back(words.c_str() + at);
    at += command.words.back().size() + 1;
  }
  return command;
}

Replacement::Replacement(std::chrono::milliseconds limit, ServiceManager& manager, Reporter& reporter,
                         const EventSink& events, Clock& clock)
    : limit_(limit), manager_(manager), reporter_(reporter), events_(events), clock_(clock), signal_(SIGUSR2) {}

bool Replacement::tick(const FrontEnds& front_ends) {
  if (signal_.take()) request(front_ends);
  if (process_ < 0) return false;
  char byte = 0;
  bool ready = ::read(ready_.number(), &byte, 1) == 1;
  int status = 0;
  if (::waitpid(process_, &status, WNOHANG) == process_) {
    fail(ending(status) + " before it was ready", "its messages are above; this process goes on");
  } else if (ready) {
    hand_over(front_ends);
    return true;
  } else if (clock_.steady() >= deadline_) {
    kill_process();
    fail(fmt::format("the new process was not ready within {} s, and was ended",
                     std::chrono::duration<double>(limit_).count()),
         "this process goes on; --replace-timeout SECONDS gives a new one more time");
  }
  return false;
}

// The end of process 1 is that of its container, the new process included.
void Replacement::request(const FrontEnds& front_ends) {
  if (process_ >= 0 || manager_.replaces()) {
    return reporter_.warn(Error(Kind::conflict, "already-replacing", "cannot replace the server once more for now")
                              .because("it is being replaced"));
  }
  if (::getpid() == 1) return fail("it is process 1, with which its container ends", "replace the container");
  Passed passed;
  for (const auto& front_end : front_ends) {
    Listener listener = front_end->listener();
    std::string name(listener.name);
    passed.add(listener.descriptor, name);
    if (listener.file.lock() >= 0) passed.add(listener.file.lock(), name + std::string(lock_suffix));
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail(std::strerror(errno), "");
  ready_ = Descriptor(ends[0]);
  Descriptor write_end(ends[1]);
  passed.add(write_end.number(), std::string(ready_pipe));
  Start start{command_.program.c_str(), {}, passed, Variables(passed)};
  for (const std::string& word : command_.words) start.words.push_back(const_cast<char*>(word.c_str()));
  start.words.push_back(nullptr);
  process_ = spawn(start);
  if (process_ < 0) return fail(std::strerror(errno), "");
  deadline_ = clock_.steady() + limit_;
  events_(replacing_event(process_, clock_.now()));
}

// The manager hears of the new process before that may report to it, which is when the pipe closes.
void Replacement::hand_over(const FrontEnds& front_ends) {
  int process = std::exchange(process_, -1);
  manager_.hand_over(process);
  for (const auto& front_end : front_ends) front_end->listener().file.set_owned(false);
  ready_.close();
  events_(replaced_event(process, nullptr, clock_.now()));
}

void Replacement::fail(const std::string& reason, std::string_view help) {
  Error error(Kind::io, "server-not-replaced",
              fmt::format("cannot replace the server by '{}'", command_.program.string()));
  error.why = {reason};
  error.hint = help;
  reporter_.warn(error);
  events_(replaced_event(std::exchange(process_, -1), &error, clock_.now()));
  ready_.close();
}

void Replacement::cancel() {
  kill_process();
  process_ = -1;
}

// One that is not ready has nothing to lose.
void Replacement::kill_process() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  retry_interrupted([&] { return ::waitpid(process_, nullptr, 0); });
}

}  // namespace modelctl::serve
