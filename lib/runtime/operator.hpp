// The run half of an operator, as the runtime sees it: a pure function over tensor views, without a graph. It folds
// constants at build time, is what tests compare every kernel with, and executes the operator if no kernel does.
#pragma once

#include "base/interrupt.hpp"
#include "base/result.hpp"
#include "kernels/continuation.hpp"
#include "tensor/attributes.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace modelctl::runtime {

// A nested graph of an operator, ready to run: a branch of If, the body of a Loop.
class Body {
 public:
  virtual ~Body() = default;
  virtual std::string_view name() const = 0;  // the attribute that it is
  // What run() takes and returns; captured values are added by the runtime.
  struct Port {
    DType type;
    std::optional<Dims> dims;  // -1: open; nullopt: of any rank
  };
  virtual std::span<const Port> inputs() const = 0;
  virtual std::span<const Port> outputs() const = 0;
  // The outputs own their memory. Fails, too, if the run has spent its budget of iterations.
  virtual Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) = 0;
};

struct Call {
  const Attributes& attributes;        // all that the operator's newest form has; defaults are left out
  std::span<const TensorView> inputs;  // absent optional ones are !present(); may be shorter than the schema's list
  std::size_t outputs;                 // how many the node names
  std::span<Body* const> bodies = {};  // the node's nested graphs
  const Interrupt* interrupt = nullptr;
  // True if the run must end: loops that may take long ask it once a row or so, and return early. What they leave
  // incomplete is discarded by the caller.
  bool interrupted() const { return interrupt != nullptr && interrupt->requested(); }
  Body* body(std::string_view name) const {  // null if there is none of that name
    for (Body* each : bodies) {
      if (each->name() == name) return each;
    }
    return nullptr;
  }
  const TensorView& input(std::size_t index) const {
    static constexpr TensorView absent;
    return index < inputs.size() ? inputs[index] : absent;
  }
};

// Where outputs come from. An operator computes its output's type and dimensions from what its inputs really are, asks
// for the memory, and writes every element: the runtime compares the request with the plan.
class Outputs {
 public:
  virtual ~Outputs() = default;
  // Uninitialized memory (strings are empty) for output `index`. Fails if the size is beyond the budget or does not
  // agree with the plan.
  virtual Result<MutableTensorView> allocate(std::size_t index, DType type, DimsView dims) = 0;
  // The value itself, made elsewhere: it is copied only if the plan has memory for it.
  virtual Result<void> give(std::size_t index, Tensor value) {
    copy_elements(value.view(), TRY(allocate(index, value.type(), value.dims())));
    return {};
  }
  // Counts memory that the outputs hold in addition to what was allocated for them: the items of a collection. Fails
  // beyond the budget.
  virtual Result<void> claim(std::uint64_t bytes) = 0;
  // False if nothing reads output `index`: it need not be computed.
  virtual bool wanted(std::size_t index) const = 0;
};

using Evaluate = Result<void> (*)(const Call& call, Outputs& outputs);

// One row of the run table. Rows are const data: the runner links this half alone.
struct OpRun {
  std::string_view domain;  // "" is ONNX's default domain; "modelctl" is ours, made by passes
  std::string_view name;
  Evaluate evaluate;
  std::span<const kernels::Continuation> continues = {};
};

// The run table is handed to the runtime; lib/ops makes it.
using OpRunTable = std::span<const OpRun* const>;

}  // namespace modelctl::runtime
