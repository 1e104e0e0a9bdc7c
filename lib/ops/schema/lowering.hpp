// What an operator's lower sees of its node. It emits plan steps that call kernels. lib/lower implements it.
#pragma once

#include "ops/schema/operator.hpp"

namespace modelctl::ops {

class Lowering {
 public:
  virtual ~Lowering() = default;
  virtual const graph::Node& node() const = 0;

  // As in Inference, on the graph as the passes left it.
  DType element(std::size_t index) const;
  const graph::Shape* shape(std::size_t index) const;  // null: unknown rank, which no kernel takes
  const Tensor* constant(std::size_t index) const;
  const Attributes& attributes() const { return node().attributes; }
  // Whether a node or the graph's outputs read output `index`.
  bool read(std::size_t index) const;
  // True if input `index` is f32 with a known rank, which most kernels want.
  bool plain_f32(std::size_t index) const;
  // True if input `index` is absent, or known to have one element: the zero point of a whole tensor, for example.
  bool one_or_absent(std::size_t index) const;

  // What a step reads: a value of the graph, or a constant that the graph does not have, such as packed weights.
  struct Operand {
    const graph::Value* value = nullptr;  // a value of the graph, or …
    Tensor packed;                        // … a constant of the plan's own; neither: an absent operand
    Operand() = default;
    Operand(const graph::Value* v) : value(v) {}
    Operand(Tensor tensor) : packed(std::move(tensor)) {}
  };
  // Emits one step: kernel `name` of lib/kernels' table, reading `inputs`, writing the node's outputs. `in_place` names
  // the operand whose memory output 0 may take over if the operand dies here.
  virtual void emit(std::string_view kernel, std::vector<Operand> inputs, Attributes attributes, int in_place = -1) = 0;
};

}  // namespace modelctl::ops
