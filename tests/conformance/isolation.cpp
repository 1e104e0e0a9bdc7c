// Forked workers that run some jobs each and return the results through a pipe. A worker that dies loses only the job
// it was running; alarm() limits the time of each.
#include "conformance/isolation.hpp"

#include <fmt/core.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

namespace modelctl::conformance {
namespace {

constexpr std::size_t chunk = 32;  // jobs of one process: a fork costs a millisecond or two

// A record on the pipe: its length, then its text.
void write_record(int to, const std::string& text) {
  auto size = static_cast<std::uint32_t>(text.size());
  std::string record(reinterpret_cast<const char*>(&size), sizeof size);
  record += text;
  for (std::size_t at = 0; at < record.size();) {
    ssize_t written = ::write(to, record.data() + at, record.size() - at);
    if (written <= 0) std::_Exit(1);
    at += static_cast<std::size_t>(written);
  }
}

struct Process {
  pid_t id = -1;
  int from = -1;
  std::FILE* errors = nullptr;  // its stderr
  std::vector<std::size_t> jobs;
  std::size_t answered = 0;
  std::string buffer;
};

Process start(std::vector<std::size_t> jobs, unsigned seconds, const std::function<std::string(std::size_t)>& job) {
  Process process;
  process.jobs = std::move(jobs);
  process.errors = std::tmpfile();
  int ends[2];
  if (process.errors == nullptr || ::pipe(ends) != 0) std::perror("cannot start a process"), std::exit(1);
  std::fflush(nullptr);
  process.id = ::fork();
  if (process.id < 0) std::perror("cannot start a process"), std::exit(1);
  if (process.id == 0) {
    ::close(ends[0]);
    ::dup2(::fileno(process.errors), STDERR_FILENO);
    for (std::size_t index : process.jobs) {
      ::alarm(seconds);
      write_record(ends[1], job(index));
    }
    std::_Exit(0);
  }
  ::close(ends[1]);
  process.from = ends[0];
  return process;
}

std::string how_it_ended(int status, unsigned seconds, std::FILE* errors) {
  std::string text;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) text = fmt::format("took more than {} seconds", seconds);
  else if (WIFSIGNALED(status)) text = fmt::format("crashed: {}", ::strsignal(WTERMSIG(status)));
  else text = fmt::format("ended with code {}", WEXITSTATUS(status));
  std::rewind(errors);
  char said[4096];
  std::size_t length = std::fread(said, 1, sizeof said, errors);
  if (length > 0) text += "\n" + std::string(said, length);
  return text;
}

}  // namespace

std::vector<Answer> run_isolated(std::size_t count, int processes, unsigned seconds,
                                 const std::function<std::string(std::size_t)>& job,
                                 const std::function<void(std::size_t, const Answer&)>& seen) {
  std::vector<Answer> answers(count);
  std::deque<std::size_t> waiting;
  for (std::size_t i = 0; i < count; ++i) waiting.push_back(i);
  std::vector<Process> running;
  auto take = [&](std::size_t index, Answer answer) {
    answers[index] = std::move(answer);
    seen(index, answers[index]);
  };

  // Reads what a process has to say; false when it is over.
  auto serve = [&](Process& process) {
    char bytes[65536];
    ssize_t length = ::read(process.from, bytes, sizeof bytes);
    if (length <= 0) return false;
    process.buffer.append(bytes, static_cast<std::size_t>(length));
    for (;;) {
      std::uint32_t size = 0;
      if (process.buffer.size() < sizeof size) return true;
      std::memcpy(&size, process.buffer.data(), sizeof size);
      if (process.buffer.size() < sizeof size + size) return true;
      take(process.jobs[process.answered++], {true, process.buffer.substr(sizeof size, size)});
      process.buffer.erase(0, sizeof size + size);
    }
  };
  auto finish = [&](Process& process) {
    int status = 0;
    ::waitpid(process.id, &status, 0);
    if (process.answered < process.jobs.size()) {
      take(process.jobs[process.answered++], {false, how_it_ended(status, seconds, process.errors)});
      waiting.insert(waiting.begin(), process.jobs.begin() + static_cast<std::ptrdiff_t>(process.answered),
                     process.jobs.end());
    }
    ::close(process.from);
    std::fclose(process.errors);
  };

  while (!waiting.empty() || !running.empty()) {
    while (!waiting.empty() && running.size() < static_cast<std::size_t>(processes)) {
      // Small chunks near the end, so that all processes end together.
      std::size_t fair = waiting.size() / static_cast<std::size_t>(2 * processes) + 1;
      std::vector<std::size_t> jobs;
      while (!waiting.empty() && jobs.size() < std::min(chunk, fair)) {
        jobs.push_back(waiting.front());
        waiting.pop_front();
      }
      running.push_back(start(std::move(jobs), seconds, job));
    }
    std::vector<pollfd> ends;
    for (const Process& process : running) ends.push_back({process.from, POLLIN, 0});
    ::poll(ends.data(), ends.size(), -1);
    for (std::size_t i = ends.size(); i-- > 0;) {
      if (ends[i].revents == 0 || serve(running[i])) continue;
      finish(running[i]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return answers;
}

}  // namespace modelctl::conformance
