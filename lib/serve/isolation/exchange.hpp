// The memory that a server and one of its worker processes share, and how tensors pass through it.
//
// It is a memory file that can be neither cut nor extended, divided into slots. A slot carries one prediction at a
// time:
//
//   parent: inputs -> request area; `requested` + 1, wake      worker: run; outputs -> response area; `answered`, wake
//
// The worker may have been taken over by whoever wrote the model, so the parent uses nothing from this memory before it
// has checked a copy of it: counts, types, ranks, sizes and offsets.
#pragma once

#include "artifact/plan.hpp"
#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <span>

namespace modelctl::serve {

// Numbers that both sides wait for. All are those of requests, counted from 1 in each slot.
struct alignas(64) SlotControl {
  std::atomic<std::uint32_t> requested;
  std::atomic<std::uint32_t> cancelled;  // nobody waits for this one any more
  std::atomic<std::int64_t> end;         // of `requested`: nanoseconds of the steady clock, which both processes share
  alignas(64) std::atomic<std::uint32_t> answered;
};

struct Slot {
  SlotControl* control;
  std::span<std::byte> request, response;
};

class SharedMemory {
 public:
  // The bounds of what is mapped; the child gets them from the parent.
  struct Size {
    std::uint64_t slots = 0;
    std::uint64_t area_bytes = 0;  // of a request, and of a response; a multiple of the page size
  };
  static Result<std::unique_ptr<SharedMemory>> create(Size size);
  static Result<std::unique_ptr<SharedMemory>> map(Descriptor file, Size size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  int descriptor() const { return file_.number(); }
  void close_descriptor() { file_.close(); }
  Slot slot(std::uint64_t index) const;
  // Gives back the memory of what a large prediction left in a slot.
  void release(const Slot& slot, std::uint64_t used_bytes) const;

 private:
  SharedMemory(Descriptor file, Size size) : file_(std::move(file)), size_(size) {}
  Result<void> map();
  std::uint64_t control_bytes() const;
  std::uint64_t bytes() const { return control_bytes() + size_.slots * 2 * size_.area_bytes; }

  Descriptor file_;
  const Size size_;
  std::byte* memory_ = nullptr;
};

// Writes tensors, which may be absent or of strings; returns the bytes that they take, 0 if they do not fit. Nothing
// else is written then.
std::uint64_t write_tensors(std::span<std::byte> area, std::span<const TensorView> tensors);
// Writes an error; what does not fit is cut.
void write_error(std::span<std::byte> area, const Error& error);

// The parent's side: what a worker wrote, copied and checked against the outputs of the model's signature. An error
// that was written becomes the result. Fails with bug, code "worker-disagrees", for anything that is not an answer.
// `used` is what the answer took.
Result<std::vector<Tensor>> read_outputs(std::span<const std::byte> area, std::span<const artifact::Port> outputs,
                                         std::uint64_t& used);

// The worker's side: views into the area, at most `most` of them; strings are decoded into `strings`, which outlives
// them. `dims` has their dimensions.
struct ReceivedTensors {
  std::vector<TensorView> views;
  std::vector<Dims> dims;
  std::vector<Tensor> strings;
};
Result<ReceivedTensors> read_inputs(std::span<const std::byte> area, std::size_t most);

// futex(2), between processes. wait() returns when the word was changed and woken, after `most`, or for no reason.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds most);
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected);
void futex_wake(std::atomic<std::uint32_t>& word);

}  // namespace modelctl::serve
