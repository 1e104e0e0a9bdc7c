// Plans made by hand, for tests of what reads and runs them.
#pragma once

#include "artifact/artifact.hpp"
#include "support/scratch.hpp"

#include <string>
#include <variant>

namespace modelctl::test {

class PlanMaker {
 public:
  using Size = std::variant<int, const char*>;  // a number or a symbol

  std::uint32_t reg(artifact::ShapeOp op, std::int64_t a, std::int64_t b = 0) {
    plan.shapes.push_back({op, a, b});
    return static_cast<std::uint32_t>(plan.shapes.size() - 1);
  }
  std::uint32_t size(std::int64_t n) { return reg(artifact::ShapeOp::constant, n); }
  std::vector<std::uint32_t> sizes(std::initializer_list<std::int64_t> list) {
    std::vector<std::uint32_t> registers;
    for (std::int64_t n : list) registers.push_back(size(n));
    return registers;
  }

  std::int32_t input(std::string name, DType type, std::initializer_list<Size> dims) {
    artifact::Port port{name, type, {}};
    artifact::PlanValue value{std::move(name), type, artifact::Storage::input, {}};
    for (const Size& dim : dims) {
      auto axis = static_cast<std::int64_t>(port.dims.size());
      if (const int* number = std::get_if<int>(&dim)) {
        port.dims.push_back({*number, {}});
        value.dims.push_back(size(*number));
      } else {
        port.dims.push_back({-1, std::get<const char*>(dim)});
        value.dims.push_back(
            reg(artifact::ShapeOp::input_dim, static_cast<std::int64_t>(plan.signature.inputs.size()), axis));
      }
    }
    plan.signature.inputs.push_back(std::move(port));
    plan.inputs.push_back(add(std::move(value)));
    return plan.inputs.back();
  }
  std::int32_t constant(std::string name, const Tensor& tensor) {
    artifact::PlanValue value{std::move(name), tensor.type(), artifact::Storage::constant, {}};
    for (std::int64_t dim : tensor.dims()) value.dims.push_back(size(dim));
    auto range = writer.add(tensor);
    value.offset = range.offset;
    value.bytes = range.bytes;
    return add(std::move(value));
  }
  std::int32_t computed(std::string name, DType type, std::vector<std::uint32_t> dims) {
    return add({std::move(name), type, artifact::Storage::computed, std::move(dims)});
  }
  // A value of the sizes of another.
  std::int32_t like(std::string name, std::int32_t other) {
    auto index = static_cast<std::size_t>(other);
    return computed(std::move(name), plan.values[index].type, plan.values[index].dims);
  }
  std::int32_t data_dependent(std::string name, DType type, std::size_t rank) {
    std::vector<std::uint32_t> dims;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      dims.push_back(reg(artifact::ShapeOp::data_dependent_dim, static_cast<std::int64_t>(plan.values.size()),
                         static_cast<std::int64_t>(axis)));
    }
    return add({std::move(name), type, artifact::Storage::computed, std::move(dims), true});
  }
  void step(std::string routine, std::vector<std::int32_t> inputs, std::vector<std::int32_t> outputs,
            Attributes attributes = {}, std::int32_t in_place = -1) {
    std::string label = routine.substr(routine.rfind(':') + 1) + " #" + std::to_string(plan.steps.size());
    plan.steps.push_back(
        {std::move(routine), std::move(inputs), std::move(outputs), std::move(attributes), in_place, std::move(label)});
  }
  // A nested plan of the last step, which captures these of the step's inputs.
  void body(std::string name, PlanMaker& nested, std::vector<std::uint32_t> captures, std::uint32_t captured) {
    artifact::Step& step = plan.steps.back();
    step.bodies.push_back({std::move(name), static_cast<std::uint32_t>(plan.bodies.size()), std::move(captures)});
    step.captured = captured;
    plan.bodies.push_back(std::move(nested.plan));
  }
  void output(std::string name, std::int32_t value) {
    const artifact::PlanValue& source = plan.values[static_cast<std::size_t>(value)];
    artifact::Port port{std::move(name), source.type, {}};
    for (std::uint32_t at : source.dims) {
      const artifact::ShapeInstruction& instruction = plan.shapes[at];
      if (instruction.op == artifact::ShapeOp::constant) {
        port.dims.push_back({instruction.a, {}});
      } else {
        port.dims.push_back({-1, "?"});
      }
    }
    plan.signature.outputs.push_back(std::move(port));
    plan.outputs.push_back(value);
  }

  Result<artifact::Artifact> artifact() const {
    Scratch scratch;  // the mapping outlives the file's name
    TRY(writer.write(plan, scratch / "test.artifact"));
    return artifact::open(scratch / "test.artifact");
  }

  artifact::Plan plan;
  artifact::Writer writer;

 private:
  std::int32_t add(artifact::PlanValue value) {
    plan.values.push_back(std::move(value));
    return static_cast<std::int32_t>(plan.values.size() - 1);
  }
};

}  // namespace modelctl::test
