// From symbolic sizes to the plan's shape program: each distinct expression becomes one register.
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
  // From here on `symbol` means dimension `axis` of plan input `input`, or of late value `value`. The first meaning
  // stays.
  void define_by_input(const std::string& symbol, std::int64_t input, std::int64_t axis);
  void define_by_late_value(const std::string& symbol, std::int64_t value, std::int64_t axis);

  // The registers of a late value's own dimensions.
  std::vector<std::uint32_t> late_registers(std::int64_t value, std::size_t rank);

  // True where every symbol of the shape has a meaning.
  bool knows(const graph::Shape& shape) const;
  // The registers of a plan input's dimensions. What a nested plan captures may be of sizes that mean nothing there, as
  // batch*2 where there is no batch: those are read off the input itself.
  std::vector<std::uint32_t> input_registers(const graph::Shape& shape, std::int64_t input);
  // The registers of a shape that it knows.
  std::vector<std::uint32_t> registers(const graph::Shape& shape);

  std::vector<artifact::ShapeInstruction> take() && { return std::move(instructions_); }

 private:
  std::uint32_t add(artifact::ShapeOp op, std::int64_t a, std::int64_t b);
  std::uint32_t lower(const graph::Expr& size);
  bool knows(const graph::Expr& size) const;

  std::vector<artifact::ShapeInstruction> instructions_;
  std::map<std::string, artifact::ShapeInstruction> symbols_;
  std::map<std::tuple<artifact::ShapeOp, std::int64_t, std::int64_t>, std::uint32_t> known_;
};

}  // namespace modelctl::lower
