// Facts about an operator that passes and the reader ask for. They live in its definition, so that no pass keeps a list
// of operator names. The defaults claim nothing: a pass leaves an operator without traits alone, which is always right.
// tests/ops/traits_test.cpp checks each claim by evaluating the operator's examples.
#pragma once

#include <cstdint>

namespace modelctl::graph {
class Node;
}  // namespace modelctl::graph

namespace modelctl::ops {

// Whether an element of output 0 depends on the elements at its own place in the operands alone.
enum class Elementwise : std::uint8_t {
  no,
  unary,         // of input 0; further inputs are parameters that have no axes in common with it (the bounds of Clip)
  broadcasting,  // of all inputs, which broadcast to the output's shape
};

// Whether attribute `axis` names one axis of the operands, and which one if the attribute is absent.
enum class AxisAttribute : std::uint8_t { none, required, first, last };

// Whether output 0 holds each element of input 0 once, unchanged.
enum class DataMovement : std::uint8_t {
  none,
  reshape,    // in the same row-major order
  rearrange,  // in another order
};

// When output 0 is input 0, in type, shape and every bit.
enum class IdentityWhen : std::uint8_t { never, always, type_and_shape_stay };

// Inputs [first, end) hold one number for each axis of input 0, or several such lists one after another.
struct InputRange {
  std::uint8_t first = 0;
  std::uint8_t end = 0;
};

struct Traits {
  Elementwise elementwise = Elementwise::no;
  // Every input is an operand of the same kind, and a single one comes out as it went in: Sum, Concat.
  bool variadic = false;
  AxisAttribute axis_attribute = AxisAttribute::none;
  // The input that lists the axes of input 0 that the operator works along (a reduction's, Slice's); 0: there is none.
  std::uint8_t axes_input = 0;
  // The inputs that have a number for each axis: the pads of Pad, the scales of Resize. If the axes input is present,
  // their numbers belong to the axes that it lists.
  InputRange per_axis_inputs;
  DataMovement data_movement = DataMovement::none;
  IdentityWhen identity = IdentityWhen::never;
  // The operator of the default domain with the same name, for images with channels last.
  bool channels_last = false;
  // Adds a bias (input 2) and a residual (input 3) to its sums and then applies `activation`, in registers.
  bool epilogue = false;
  // The multiplications that evaluate needs for a node whose inputs are constants. Null: a few for each element of its
  // operands and outputs, which bound the time anyway. Folding has a budget of them.
  std::uint64_t (*multiplications)(const graph::Node& node) = nullptr;
};

inline constexpr Traits unary_elementwise{.elementwise = Elementwise::unary};
inline constexpr Traits broadcasting{.elementwise = Elementwise::broadcasting};

}  // namespace modelctl::ops
