// Load, sandbox, say so; then one thread per slot runs predictions, and the main thread waits for the server's end.
#include "serve/isolation/worker.hpp"

#include "base/files.hpp"
#include "base/interrupt.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"
#include "serve/guarded.hpp"
#include "serve/isolation/sandbox.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <thread>

namespace modelctl::serve {
namespace {

// Bytes of a file that the server has open, mapped to the end of the process.
Result<ByteSpan> map_part(int file, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return ByteSpan();
  const std::uint64_t before = offset % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  void* address = ::mmap(nullptr, before + size, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(offset - before));
  if (address == MAP_FAILED) return system_error(errno, "cannot map the model in the worker process", "artifact");
  return ByteSpan(static_cast<const std::byte*>(address) + before, size);
}

class Cancelled final : public Interrupt {
 public:
  Cancelled(const SlotControl& control, std::uint32_t request) : control_(control), request_(request) {}
  bool requested() const override { return control_.cancelled.load(std::memory_order_relaxed) == request_; }

 private:
  const SlotControl& control_;
  const std::uint32_t request_;
};

class Worker {
 public:
  Result<void> load(const WorkerStart& start, runtime::OpRunTable operators);
  // No thread can be started after this.
  Result<void> serve();

 private:
  void serve_slot(Slot slot) noexcept;
  Result<void> answer(const Slot& slot, std::uint32_t request, std::unique_ptr<runtime::Session>& session);

  WorkerStart start_{};
  std::unique_ptr<SharedMemory> memory_;
  std::shared_ptr<const runtime::Model> model_;
  std::unique_ptr<runtime::ThreadPool> pool_;
};

Result<void> Worker::load(const WorkerStart& start, runtime::OpRunTable operators) {
  start_ = start;
  TRY(restrict_process(static_cast<int>(start.nice)));
  ByteSpan plan = TRY(map_part(worker_plan, start.plan_offset, start.plan_bytes));
  ByteSpan weights = TRY(map_part(worker_weights, start.weights_offset, start.weights_bytes));
  auto artifact = TRY(artifact::open(plan, weights, nullptr, "artifact"));
  model_ = TRY(runtime::Model::load(std::move(artifact), operators, kernels::Cpu::detect()));
  memory_ = TRY(SharedMemory::map(Descriptor(worker_tensors), start.memory));
  memory_->close_descriptor();
  for (int file : {worker_plan, worker_weights}) ::close(file);
  return {};
}

Result<void> Worker::serve() {
  pool_ = std::make_unique<runtime::ThreadPool>(static_cast<int>(start_.threads));
  for (std::uint64_t i = 0; i < start_.memory.slots; ++i)
    std::thread([this, i] { serve_slot(memory_->slot(i)); }).detach();
  return enter_sandbox(start_.process_bytes);
}

Result<void> Worker::answer(const Slot& slot, std::uint32_t request, std::unique_ptr<runtime::Session>& session) {
  if (session == nullptr) {
    const runtime::Session::Limits limits{.memory_bytes = start_.prediction_bytes,
                                          .time = std::chrono::nanoseconds(start_.prediction_nanoseconds)};
    session = std::make_unique<runtime::Session>(model_, *pool_, limits);
  }
  const Cancelled cancelled(*slot.control, request);
  const std::chrono::nanoseconds end(slot.control->end.load(std::memory_order_relaxed));
  session->limit_runs({std::chrono::steady_clock::time_point(end), &cancelled});
  auto inputs = TRY(read_inputs(slot.request, model_->signature().inputs.size()));
  auto outputs = TRY(session->run(inputs.views));
  std::vector<TensorView> views;
  for (const Tensor& output : outputs) views.push_back(output.view());
  if (write_tensors(slot.response, views) > 0) return {};
  return Error(Kind::bad_input, "response-too-large", "the outputs are larger than the memory for them")
      .help("give the server a larger --max-buffered");
}

void Worker::serve_slot(Slot slot) noexcept {
  std::unique_ptr<runtime::Session> session;
  for (std::uint32_t last = 0;;) {
    auto requested = [&] { return slot.control->requested.load(std::memory_order_acquire); };
    while (requested() == last) futex_wait(slot.control->requested, last);
    last = requested();
    auto done = guarded([&] { return answer(slot, last, session); });
    if (!done) {
      write_error(slot.response, done.error());
      session = nullptr;  // what an interrupted run leaves in it is not known
    }
    slot.control->answered.store(last, std::memory_order_release);
    futex_wake(slot.control->answered);
  }
}

bool receive(WorkerStart& start) {
  return read_some(worker_control, std::as_writable_bytes(std::span(&start, 1))) == sizeof start;
}

void reply(const Result<void>& loaded) {
  std::vector<std::byte> error;
  if (!loaded) {
    error.resize(most_reply_bytes + 64);
    write_error(error, loaded.error());
  }
  const WorkerReply size = error.size();
  write_all(worker_control, std::as_bytes(std::span(&size, 1)));
  write_all(worker_control, error);
}

}  // namespace

// It ends by _exit(): threads that run predictions use its objects to the last moment.
int run_worker(runtime::OpRunTable operators) {
  WorkerStart start{};
  if (!receive(start)) return info(Kind::usage).exit_code;
  auto worker = std::make_unique<Worker>();
  auto loaded = guarded([&]() -> Result<void> {
    TRY(worker->load(start, operators));
    return worker->serve();
  });
  reply(loaded);
  if (!loaded) ::_exit(info(loaded.error().kind).exit_code);
  std::byte end{};
  while (read_some(worker_control, std::span(&end, 1)) > 0) {}
  ::_exit(0);
}

}  // namespace modelctl::serve
