// A kernel: optimized code for one kind of plan step. It is bound once per set of shapes, when everything that depends
// on shapes and weights alone is decided, and then run any number of times without allocation, lock or failure.
#pragma once

#include "base/result.hpp"
#include "kernels/continuation.hpp"
#include "kernels/isa/cpu.hpp"
#include "kernels/workers.hpp"
#include "tensor/attributes.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace modelctl::kernels {

struct BindCall {
  const Attributes& attributes;
  // Types and dimensions of all operands. `data` is set for those that are constant (packed weights, which stay mapped
  // for the life of the Bound) and null for the others, whose memory is given at each run.
  std::span<const TensorView> inputs;
  std::span<const TensorView> outputs;
  Cpu cpu;
  // Of an output that continues an input in its memory: how many rows that holds, which is where the rows of the next
  // head (or whatever stands before the axis) begin. 0: as the dimensions say.
  std::int64_t capacity = 0;
};

struct RunCall {
  std::span<const void* const> inputs;  // null if absent
  std::span<void* const> outputs;
  std::byte* scratch;  // scratch_bytes() of it, 64-byte aligned, of undefined content
  Workers& workers;
};

// What bind decided for one shape. Immutable: several sessions may run it at once.
class Bound {
 public:
  virtual ~Bound() = default;
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual void run(const RunCall& call) const = 0;
};

struct KernelDef {
  std::string_view name;  // as plans spell it; a change of meaning or of the packed weights is a new name
  // Fails (bad_input) if operands do not fit. A plan comes from a file, so its dimensions are never trusted.
  Result<std::unique_ptr<Bound>> (*bind)(const BindCall& call);
  std::span<const Continuation> continues = {};
};

// All kernels: each lib/kernels/<stem>.cpp that implements some defines std::span<const KernelDef> <stem>_kernels().
std::span<const KernelDef* const> kernels();

}  // namespace modelctl::kernels
