// posix_spawn(3) with five descriptors and nothing else: no environment, no other file, and the signals of a terminal
// and of a service manager blocked, since the server says when it ends.
#include "serve/isolation/worker_process.hpp"

#include "base/files.hpp"
#include "runtime/thread_pool.hpp"
#include "serve/isolation/worker.hpp"
#include "tensor/utf8.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstring>

namespace modelctl::serve {
namespace {

// To load a model. Weights are mapped, so it takes milliseconds; on a slow disk seconds.
constexpr int start_milliseconds = 60'000;
// How often a prediction that runs looks whether it was cancelled.
constexpr std::chrono::milliseconds look_time{2};
// How long a caller looks for its answer before it sleeps, and how many requests at most sleep at once after that
// failed.
constexpr std::chrono::microseconds look_at_once{30};
constexpr std::uint32_t most_sleeps = 64;
constexpr std::size_t most_printed = 2000;

// Gives the CPU's other thread its turn.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

Error cannot_start(std::string_view what) {
  return system_error(errno, fmt::format("cannot start a worker process: {}", what), "/proc/self/exe");
}

// A duplicate that no descriptor of the child's can be.
Descriptor raised(int file) { return Descriptor(::fcntl(file, F_DUPFD_CLOEXEC, 16)); }

// Bytes that are in no file, as one that cannot be altered.
Result<Descriptor> sealed(std::initializer_list<ByteSpan> parts) {
  Descriptor copy(::memfd_create("modelctl-artifact", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  bool good = copy.is_open();
  for (ByteSpan part : parts) good = good && write_all(copy.number(), part);
  good = good && ::fcntl(copy.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
  if (!good) return cannot_start("there is no memory for a copy of the model");
  return raised(copy.number());
}

std::optional<MappedFile::Location> locate(const artifact::Artifact& artifact, ByteSpan part) {
  for (const auto& file : artifact.files) {
    if (auto location = file->locate(part)) return location;
  }
  return std::nullopt;
}

// What posix_spawn needs and must give back.
struct SpawnPlan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    sigset_t blocked, defaults;
    sigemptyset(&blocked);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2})
      sigaddset(&blocked, signal);
    posix_spawnattr_setsigmask(&attributes, &blocked);
    sigfillset(&defaults);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

bool wait_for_input(int file) {
  pollfd wanted{file, POLLIN, 0};
  return retry_interrupted([&] { return ::poll(&wanted, 1, start_milliseconds); }) > 0;
}

// Fills the buffer, however the bytes arrive.
bool receive(int socket, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    if (!wait_for_input(socket)) return false;
    ssize_t n = read_some(socket, buffer);
    if (n <= 0) return false;
    buffer = buffer.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Error worker_failed() {
  return Error(Kind::retry_later, "worker-failed", "the process that runs the model has ended before it answered");
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const WorkerProgram& program, const runtime::Model& model,
                                                            const WorkerLimits& limits) {
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess(model, limits));
  worker->memory_ = TRY(SharedMemory::create({limits.predictions, limits.area_bytes}));
  for (std::size_t i = 0; i < limits.predictions; ++i) {
    worker->places_.push_back({worker->memory_->slot(i)});
    worker->free_.push_back(i);
  }
  TRY(worker->spawn(program));
  auto ready = worker->await_start();
  if (ready) return worker;
  worker->kill();
  End end = worker->wait();
  if (ready.error().code == "worker-start") return std::move(ready).error().because(end.detail);
  return std::move(ready).error();
}

Result<void> WorkerProcess::spawn(const WorkerProgram& program) {
  int sockets[2], pipes[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return cannot_start("no socket");
  control_ = Descriptor(sockets[0]);
  Descriptor their_control(sockets[1]);
  // Neither end waits: a worker that prints more than a pipe holds loses that.
  if (::pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) return cannot_start("no pipe");
  log_ = Descriptor(pipes[0]);
  Descriptor their_log(pipes[1]);

  const artifact::Artifact& artifact = model_.artifact();
  auto plan = locate(artifact, artifact.plan_part), weights = locate(artifact, artifact.weights);
  WorkerStart start{.memory = {limits_.predictions, limits_.area_bytes},
                    .plan_bytes = artifact.plan_part.size(),
                    .weights_bytes = artifact.weights.size(),
                    .threads = limits_.threads,
                    .prediction_bytes = limits_.prediction_bytes,
                    .prediction_nanoseconds = limits_.prediction_time.count(),
                    .process_bytes = limits_.process_bytes,
                    .nice = limits_.nice};
  Descriptor plan_file, weights_file;
  if (plan && (weights || artifact.weights.empty())) {
    plan_file = raised(plan->descriptor);
    weights_file = raised(weights ? weights->descriptor : plan->descriptor);
    start.plan_offset = plan->offset;
    start.weights_offset = weights ? weights->offset : 0;
  } else {
    plan_file = TRY(sealed({artifact.plan_part, artifact.weights}));
    weights_file = raised(plan_file.number());
    start.weights_offset = artifact.plan_part.size();
  }

  Descriptor tensors = raised(memory_->descriptor());
  their_control = raised(their_control.number());
  their_log = raised(their_log.number());
  SpawnPlan plan_of_spawn;
  for (auto [from, to] : {std::pair(their_control.number(), int{worker_control}),
                          {their_log.number(), STDOUT_FILENO},
                          {their_log.number(), int{worker_log}},
                          {tensors.number(), int{worker_tensors}},
                          {plan_file.number(), int{worker_plan}},
                          {weights_file.number(), int{worker_weights}}}) {
    if (from < 0) return cannot_start("there are no descriptors left");
    posix_spawn_file_actions_adddup2(&plan_of_spawn.files, from, to);
  }
  posix_spawn_file_actions_addclosefrom_np(&plan_of_spawn.files, worker_weights + 1);
  std::string name = "modelctl", word = program.word;
  char* arguments[] = {name.data(), word.data(), nullptr};
  char* environment[] = {nullptr};
  errno = ::posix_spawn(&process_, program.path.c_str(), &plan_of_spawn.files, &plan_of_spawn.attributes, arguments,
                        environment);
  if (errno != 0) {
    process_ = -1;
    return cannot_start("the program cannot be started");
  }
  // MSG_NOSIGNAL: the process may have ended already.
  ::send(control_.number(), &start, sizeof start, MSG_NOSIGNAL);
  return {};
}

// The process says that it has loaded the model, or why it could not.
Result<void> WorkerProcess::await_start() {
  WorkerReply size = 0;
  auto silent = [] { return Error(Kind::unavailable, "worker-start", "cannot start a worker process for the model"); };
  if (!receive(control_.number(), std::as_writable_bytes(std::span(&size, 1)))) return silent();
  if (size == 0) return {};
  std::vector<std::byte> bytes(std::clamp<std::uint64_t>(size, 64, most_reply_bytes + 64));
  if (!receive(control_.number(), bytes)) return silent();
  std::uint64_t used = 0;
  auto error = read_outputs(bytes, {}, used);
  return error ? Result<void>(silent()) : Result<void>(std::move(error).error());
}

WorkerProcess::~WorkerProcess() {
  kill();
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

void WorkerProcess::kill() {
  std::lock_guard lock(mutex_);
  if (process_ > 0) ::kill(process_, SIGKILL);
}

void WorkerProcess::kill_hanging(const char* how) {
  std::lock_guard lock(mutex_);
  hanging_ = how;
  if (process_ > 0) ::kill(process_, SIGKILL);
}

pid_t WorkerProcess::process() const {
  std::lock_guard lock(mutex_);
  return process_;
}

// What the process printed last, on one line.
std::string WorkerProcess::printed() const {
  std::string text;
  std::byte buffer[4096];
  for (ssize_t n; (n = read_some(log_.number(), buffer)) > 0;) {
    text += as_text({buffer, static_cast<std::size_t>(n)});
    if (text.size() > most_printed) text.erase(0, text.size() - most_printed);
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  std::size_t last = text.find_last_not_of(' ');
  text.erase(last == text.npos ? 0 : last + 1);
  return to_utf8(text);
}

WorkerProcess::End WorkerProcess::wait() {
  siginfo_t info{};
  auto look = [&](int options) {
    retry_interrupted([&] { return ::waitid(P_PID, static_cast<id_t>(process_), &info, options); });
  };
  look(WEXITED | WSTOPPED | WNOWAIT);
  while (info.si_code == CLD_STOPPED) {
    look(WSTOPPED | WNOHANG);  // so that the next look waits for its end
    kill_hanging("it was stopped (SIGSTOP), and was killed");
    look(WEXITED | WSTOPPED | WNOWAIT);
  }
  End end;
  {
    // Only now is the number free for other processes: kill() must not use it any more.
    std::lock_guard lock(mutex_);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
    ended_ = true;
    if (hanging_ != nullptr) end = {"hung", hanging_};
    else if (info.si_code == CLD_EXITED) end = {"exited", fmt::format("it ended with exit code {}", info.si_status)};
    else if (info.si_status == SIGSYS) end = {"forbidden-call", "it tried a system call that it may not use"};
    else if (info.si_status == SIGKILL)
      end = {"killed", "it was killed (SIGKILL), as the system does for lack of memory"};
    else
      end = {"crashed", fmt::format("it was ended by the signal {} ({})", info.si_status, ::strsignal(info.si_status))};
    if (std::string text = printed(); !text.empty()) end.detail += ": " + text;
  }
  free_place_.notify_all();
  for (const Place& place : places_) {
    // Whoever waits for an answer must look again.
    place.slot.control->answered.fetch_add(0x8000'0000U);
    futex_wake(place.slot.control->answered);
  }
  return end;
}

// A place, taken for the time of a prediction.
class WorkerProcess::PlaceHolder {
 public:
  explicit PlaceHolder(WorkerProcess& worker) : worker_(worker) {
    std::unique_lock lock(worker_.mutex_);
    worker_.free_place_.wait(lock, [&] { return !worker_.free_.empty() || worker_.ended_; });
    if (worker_.free_.empty()) return;
    index_ = worker_.free_.back();
    worker_.free_.pop_back();
    taken_ = true;
  }
  ~PlaceHolder() {
    if (!taken_) return;
    {
      std::lock_guard lock(worker_.mutex_);
      worker_.free_.push_back(index_);
    }
    worker_.free_place_.notify_one();
  }
  PlaceHolder(const PlaceHolder&) = delete;
  PlaceHolder& operator=(const PlaceHolder&) = delete;

  Place* get() { return taken_ ? &worker_.places_[index_] : nullptr; }

 private:
  WorkerProcess& worker_;
  std::size_t index_ = 0;
  bool taken_ = false;
};

// To wake a thread that sleeps takes longer than a small model: so it looks for the answer for a moment before it
// sleeps. That is of use only if the worker has another CPU: after it was in vain, ever more requests sleep at once.
void WorkerProcess::look_for_answer(Place& place, std::uint32_t answered) {
  static const bool alone = runtime::ThreadPool::default_threads() < 2;
  if (alone || (place.sleeps_left > 0 && place.sleeps_left-- > 0)) return;
  const auto end = std::chrono::steady_clock::now() + look_at_once;
  do {
    for (int i = 0; i < 16; ++i) {
      if (place.slot.control->answered.load(std::memory_order_acquire) != answered) {
        place.sleeps_next = 1;
        return;
      }
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  place.sleeps_left = place.sleeps_next;
  place.sleeps_next = std::min(most_sleeps, place.sleeps_next * 2);
}

Result<std::vector<Tensor>> WorkerProcess::run(std::span<const TensorView> inputs,
                                               const runtime::Session::RunLimits& limits) {
  using Clock = std::chrono::steady_clock;
  PlaceHolder holder(*this);
  Place* place = holder.get();
  if (place == nullptr) return worker_failed();
  SlotControl& control = *place->slot.control;
  const std::uint64_t written = write_tensors(place->slot.request, inputs);
  if (written == 0) {
    return Error(Kind::bad_input, "request-too-large", "the inputs are larger than the memory for them")
        .help("give the server a larger --max-buffered");
  }
  const Clock::time_point start = Clock::now();
  const Clock::time_point latest = std::min(limits.end, start + limits_.prediction_time) + limits_.grace;
  // Its last bit is not a number's: it marks the end of the process.
  place->last = (place->last + 1) & 0x7fff'ffffU;
  if (place->last == 0) place->last = 1;
  const std::uint32_t request = place->last;
  const std::uint32_t before = control.answered.load(std::memory_order_relaxed);
  control.end.store(limits.end.time_since_epoch().count(), std::memory_order_relaxed);
  control.requested.store(request, std::memory_order_release);
  futex_wake(control.requested);

  look_for_answer(*place, before);
  std::uint32_t answered = before;
  while ((answered = control.answered.load(std::memory_order_acquire)) != request) {
    if (ended_) return worker_failed();
    const Clock::time_point now = Clock::now();
    if (limits.interrupt != nullptr && limits.interrupt->requested())
      control.cancelled.store(request, std::memory_order_relaxed);
    if (now >= latest) kill_hanging("it did not answer in time, and was killed");
    futex_wait(control.answered, answered, look_time);
  }
  std::uint64_t used = 0;
  auto outputs = read_outputs(place->slot.response, model_.signature().outputs, used);
  memory_->release(place->slot, std::max(used, written));
  return outputs;
}

}  // namespace modelctl::serve
