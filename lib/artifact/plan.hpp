// The plan: what the runtime executes. A flat list of steps over numbered values, a shape program that computes every
// dimension from those of the inputs, and the signature that users see. Built by lib/lower, written and read by
// artifact.hpp, executed by lib/runtime.
#pragma once

#include "tensor/attributes.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace modelctl::artifact {

// One dimension of a signature: a size, or the name of a symbol that the caller's tensors bind.
struct PortDim {
  std::int64_t size = -1;  // -1: symbolic
  std::string symbol;      // "batch"; "?" if nothing is known before the model has run
};

struct Port {
  std::string name;
  DType type = DType::undefined;
  std::vector<PortDim> dims;  // one of the symbol "..." if not even their number is known
  // What a sequence or optional holds (one), the keys and values of a map (two); without names. Empty if unknown.
  std::vector<Port> inside = {};
  // Of an input: it may be absent, and then has its default. Not in the file: default_of() finds it in the plan.
  bool optional = false;

  bool any_rank() const { return dims.size() == 1 && dims[0].symbol == "..."; }
};
inline constexpr int max_port_depth = 4;

// Inputs and outputs in the order of the model's graph.
struct Signature {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

// The shape program: a list of instructions, each of which fills the register of its own index.
enum class ShapeOp : std::uint8_t {
  constant,            // a
  input_dim,           // dimension b of plan input a
  data_dependent_dim,  // dimension b of value a, known once the step that makes it has run
  add,
  sub,
  mul,
  floor_div,
  ceil_div,
  mod,  // a - floor_div(a, b) * b
  min,
  max,
  broadcast,  // of registers a and b, both of smaller index; nothing if those sizes do not broadcast
};
struct ShapeInstruction {
  ShapeOp op;
  std::int64_t a = 0;
  std::int64_t b = 0;
};

enum class Storage : std::uint8_t {
  input,     // memory of the caller
  constant,  // `offset` and `bytes` in the weights
  computed,  // made by exactly one step
};

struct PlanValue {
  std::string name;  // for diagnostics; the graph's name of it
  DType type = DType::undefined;
  Storage storage = Storage::computed;
  std::vector<std::uint32_t> dims;  // registers of the shape program
  // The dimensions are known only after the step has run; registers in `dims` are data_dependent_dim ones.
  bool data_dependent = false;
  // Not even the number of dimensions is known before: `dims` is empty. A data-dependent value, or an input.
  bool any_rank = false;
  std::uint64_t offset = 0;  // constants only: multiple of 64
  std::uint64_t bytes = 0;
};

inline constexpr std::int32_t absent = -1;

// A nested plan as one step uses it: for the attribute that was a graph. The plan's inputs are what the operator hands
// it, followed by the captured values.
struct StepBody {
  std::string name;                     // of the attribute: "then_branch"
  std::uint32_t plan = 0;               // in Plan::bodies
  std::vector<std::uint32_t> captures;  // in the step's inputs, all beyond its own
};

struct Step {
  // What runs: "kernel:NAME" of lib/kernels' table, or "op:DOMAIN:NAME" of the operators' run table.
  std::string routine;
  std::vector<std::int32_t> inputs;   // values, `absent` for an optional one
  std::vector<std::int32_t> outputs;  // values, `absent` if nobody reads it
  Attributes attributes;
  // Output 0 may take over the memory of this input (an index into `inputs`) if that dies here; -1 otherwise.
  std::int32_t in_place = -1;
  std::string label;  // the graph's node, for diagnostics and profiles: "Conv 'conv1'"
  std::vector<StepBody> bodies = {};
  std::uint32_t captured = 0;  // how many of the inputs, the last ones, are there for the bodies alone
};

struct Plan {
  Signature signature;
  std::vector<ShapeInstruction> shapes;
  std::vector<PlanValue> values;
  std::vector<std::int32_t> inputs;   // values, as signature.inputs
  std::vector<std::int32_t> outputs;  // values, as signature.outputs; may repeat, may be inputs or constants
  std::vector<Step> steps;            // in execution order
  // "model" (its name), "source" (sha256 of the ONNX file), "producer" (modelctl's version), …: for people and
  // manifests.
  std::map<std::string, std::string> metadata;
  // The nested plans of the steps. They share the weights; they have no metadata.
  std::vector<Plan> bodies = {};
};
inline constexpr int max_plan_depth = 16;

// The constant that stands for input `input` of the plan if the caller gives none: operand 1 of the modelctl::Default
// whose operand 0 the input is. `absent` if there is none.
std::int32_t default_of(const Plan& plan, std::size_t input);
// Sets Port::optional of all inputs.
void mark_optional(Plan& plan);

}  // namespace modelctl::artifact
