// From symbolic sizes to the plan's shape program, straight-line code over 64-bit registers that computes every size of
// the plan once the inputs are known. Each distinct expression gets one register, and values with equal sizes share it.
#pragma once

#include "artifact/plan.hpp"
#include "graph/graph.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::lower {

class ShapeProgram {
 public:
  // Defines `symbol` as dimension `axis` of plan input `input`, or of a value with a data-dependent shape. Only the
  // first definition counts; for later ones the run checks that the sizes agree.
  void define_by_input(const std::string& symbol, std::int64_t input, std::int64_t axis);
  void define_by_data_dependent_value(const std::string& symbol, std::int64_t value, std::int64_t axis);

  // The registers for the dimensions of a value with a data-dependent shape, which are filled in when its step has run.
  std::vector<std::uint32_t> data_dependent_registers(std::int64_t value, std::size_t rank);

  // True if every symbol of the shape is defined.
  bool knows(const graph::Shape& shape) const;
  // The registers for a plan input's dimensions. A nested plan may capture a value of size batch*2 without an input
  // that defines batch: such sizes are read from the input itself.
  std::vector<std::uint32_t> input_registers(const graph::Shape& shape, std::int64_t input);
  // The registers for a shape whose symbols are all defined.
  std::vector<std::uint32_t> registers(const graph::Shape& shape);

  std::vector<artifact::ShapeInstruction> take() && { return std::move(instructions_); }

 private:
  std::uint32_t add(artifact::ShapeOp op, std::int64_t a, std::int64_t b);
  std::uint32_t lower(const graph::Expr& size);
  bool knows(const graph::Expr& size) const;

  std::vector<artifact::ShapeInstruction> instructions_;
  std::map<std::string, artifact::ShapeInstruction> symbols_;
  std::map<std::tuple<artifact::ShapeOp, std::int64_t, std::int64_t>, std::uint32_t>
      numbered_;  // instruction -> register
};

}  // namespace modelctl::lower
