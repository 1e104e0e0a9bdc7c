// Lowering: builds the plan of a graph, one step per node in the graph's order. A node whose operator has a kernel for
// its types and shapes becomes a kernel step with packed weights; every other node becomes a step that runs the
// operator's reference implementation, so that every model that passes inference can be lowered.
//
// Data-dependent shapes. Most sizes are expressions over the symbols of the inputs, and the shape program computes them
// before the run starts. The sizes of NonZero's or NonMaxSuppression's outputs are known only after the step has run:
// such a value is marked in the plan, and its own dimensions give meaning to the symbols that inference invented for
// them, so that everything after it is computed again from expressions.
#include "lower/lower.hpp"

#include "base/check.hpp"
#include "lower/shape_program.hpp"
#include "ops/schema/lowering.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

namespace modelctl::lower {
namespace {

using artifact::Plan;
using artifact::PlanValue;
using artifact::Step;
using artifact::Storage;
using graph::Expr;
using graph::Graph;
using graph::Node;
using graph::Value;

// What the plan of a model shares with its nested plans: one weights section, one list of faults.
struct SharedState {
  artifact::Writer weights;
  std::map<std::string, std::size_t> routines;
  Faults faults;
};

// Builds the plan of one graph.
class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, SharedState& shared) : graph_(graph), shared_(shared) {}

  // `captured` are values of enclosing graphs that this one uses. They become its last inputs.
  Plan build(const std::vector<const Value*>& captured = {}) {
    for (const Value* input : graph_.inputs) add_input(*input);
    for (const Value* value : captured) add_input(*value);
    for (const auto& node : graph_.nodes()) add_node(*node);
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i) {
      const Value& output = *graph_.outputs()[i];
      plan_.outputs.push_back(index_of(output));
      plan_.signature.outputs.push_back(port(graph_.output_names()[i], output.type));
    }
    plan_.shapes = std::move(shapes_).take();
    return std::move(plan_);
  }

 private:
  class NodeLowering;

  void add_input(const Value& input) {
    auto position = static_cast<std::int64_t>(plan_.inputs.size());
    PlanValue value{input.name, input.type.element, Storage::input, {}};
    value.any_rank = !input.type.shape;
    const graph::Shape shape = input.type.shape.value_or(graph::Shape());
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (auto symbol = shape[axis].symbol_name())
        shapes_.define_by_input(*symbol, position, static_cast<std::int64_t>(axis));
    }
    value.dims = shapes_.input_registers(shape, position);
    plan_.inputs.push_back(add_value(&input, std::move(value)));
    plan_.signature.inputs.push_back(port(input.name, input.type));
  }

  std::int32_t add_value(const Value* source, PlanValue value) {
    auto index = static_cast<std::int32_t>(plan_.values.size());
    plan_.values.push_back(std::move(value));
    if (source != nullptr) indexes_.emplace(source, index);
    return index;
  }

  std::int32_t add_constant(const Value* source, const std::string& value_name, Tensor tensor) {
    graph::Shape shape(tensor.dims().begin(), tensor.dims().end());
    PlanValue value{value_name, tensor.type(), Storage::constant, shapes_.registers(shape)};
    // A constant of the graph is shared with it and copied when written; a packed weight is moved, and may be spilled
    // to disk until then.
    artifact::Writer::WeightRange range =
        source == nullptr ? shared_.weights.add(std::move(tensor)) : shared_.weights.add(tensor);
    value.offset = range.offset;
    value.bytes = range.bytes;
    return add_value(source, std::move(value));
  }

  std::int32_t index_of(const Value& value) {
    if (auto found = indexes_.find(&value); found != indexes_.end()) return found->second;
    MODELCTL_CHECK(value.is_constant(), "a value is computed before it is used");
    return add_constant(&value, value.name, value.constant);
  }

  // The outputs of a node. An output whose sizes cannot be computed from registers has a data-dependent shape, and its
  // dimensions define the symbols in it.
  std::vector<std::int32_t> add_outputs(const Node& node) {
    std::vector<std::int32_t> outputs;
    // Decided for all outputs before the first one defines a symbol: they are all produced by the same step, so that
    // none of them can be allocated from the dimensions of another.
    std::vector<bool> data_dependent;
    for (const Value* output : node.outputs()) {
      data_dependent.push_back(output != nullptr && !(output->type.shape && shapes_.knows(*output->type.shape)));
    }
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      const Value* output = node.outputs()[i];
      if (output == nullptr || !output->is_used()) {
        outputs.push_back(artifact::absent);
        continue;
      }
      const graph::Shape shape = output->type.shape.value_or(graph::Shape());
      PlanValue value{output->name, output->type.element, Storage::computed, {}};
      if (value.type == DType::undefined) {
        shared_.faults.add(Error(Kind::unsupported, "unknown-type",
                                 fmt::format("cannot compile '{}': the element type of '{}' is unknown",
                                             ops::qualified(node.domain, node.op), output->name))
                               .at(node.place()));
      }
      value.data_dependent = data_dependent[i];
      value.any_rank = !output->type.shape;
      auto index = static_cast<std::int32_t>(plan_.values.size());
      value.dims =
          value.data_dependent ? shapes_.data_dependent_registers(index, shape.size()) : shapes_.registers(shape);
      for (std::size_t axis = 0; value.data_dependent && axis < shape.size(); ++axis) {
        if (auto symbol = shape[axis].symbol_name()) {
          shapes_.define_by_data_dependent_value(*symbol, index, static_cast<std::int64_t>(axis));
        }
      }
      add_value(output, std::move(value));
      outputs.push_back(index);
    }
    return outputs;
  }

  bool sizes_known(const Node& node) const {
    return std::all_of(node.outputs().begin(), node.outputs().end(), [this](const Value* output) {
      return output == nullptr || (output->type.shape && shapes_.knows(*output->type.shape));
    });
  }

  void add_node(const Node& node);
  void add_evaluate_step(const Node& node, const ops::OpDef& def);
  void add_bodies(const Node& node, Step& step);

  void finish_step(Step step, const Node& node) {
    step.label = node.name.empty() ? ops::qualified(node.domain, node.op)
                                   : fmt::format("{} '{}'", ops::qualified(node.domain, node.op), node.name);
    step.outputs = add_outputs(node);
    if (step.outputs.empty() || step.outputs[0] == artifact::absent) step.in_place = -1;  // its result is unused
    ++shared_.routines[step.routine];
    plan_.steps.push_back(std::move(step));
  }

  const Graph& graph_;
  SharedState& shared_;
  Plan plan_;
  ShapeProgram shapes_;
  std::unordered_map<const Value*, std::int32_t> indexes_;
};

// The interface that an operator's lower() sees. It may emit one step.
class PlanBuilder::NodeLowering : public ops::Lowering {
 public:
  NodeLowering(PlanBuilder& builder, const Node& node) : builder_(builder), node_(node) {}
  const Node& node() const override { return node_; }

  void emit(std::string_view kernel, std::vector<Operand> inputs, Attributes attributes, int in_place) override {
    MODELCTL_CHECK(!step.has_value(), "an operator is lowered to one step");
    step.emplace();
    step->routine = fmt::format("kernel:{}", kernel);
    step->attributes = std::move(attributes);
    step->in_place = in_place;
    for (Operand& operand : inputs) {
      if (operand.value != nullptr) {
        step->inputs.push_back(builder_.index_of(*operand.value));
      } else if (operand.packed.present()) {
        step->inputs.push_back(builder_.add_constant(nullptr, node_.name + ".packed", std::move(operand.packed)));
      } else {
        step->inputs.push_back(artifact::absent);
      }
    }
  }

  std::optional<Step> step;

 private:
  PlanBuilder& builder_;
  const Node& node_;
};

void PlanBuilder::add_node(const Node& node) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  MODELCTL_CHECK(def != nullptr, "the reader and the passes create only known operators");
  if (def->lower != nullptr && sizes_known(node)) {
    NodeLowering call(*this, node);
    Result<bool> done = def->lower(call);
    if (!done) {
      shared_.faults.add(std::move(done).error());
      add_outputs(node);
      return;
    }
    if (*done) {
      MODELCTL_CHECK(call.step.has_value(), "a lower that returns true has emitted a step");
      finish_step(std::move(*call.step), node);
      return;
    }
  }
  add_evaluate_step(node, *def);
}

void PlanBuilder::add_evaluate_step(const Node& node, const ops::OpDef& def) {
  if (auto checked = check_types(node, def); !checked) shared_.faults.add(std::move(checked).error());
  Step step;
  step.routine = fmt::format("op:{}:{}", node.domain, node.op);
  step.attributes = node.attributes;
  for (const Value* input : node.inputs())
    step.inputs.push_back(input == nullptr ? artifact::absent : index_of(*input));
  add_bodies(node, step);
  finish_step(std::move(step), node);
}

// Each subgraph becomes a nested plan, and each value that it captures becomes an input of the step, once per step even
// if several subgraphs capture it. Constants are not captured: a nested plan refers to the same bytes of the weights.
void PlanBuilder::add_bodies(const Node& node, Step& step) {
  std::unordered_map<const Value*, std::uint32_t> positions;  // among the inputs of the step
  for (const auto& [attribute, sub] : node.subgraphs) {
    artifact::StepBody body{attribute, static_cast<std::uint32_t>(plan_.bodies.size()), {}};
    std::vector<const Value*> captured;
    for (const Value* value : graph::captures(*sub)) {
      if (value->is_constant()) continue;
      auto [position, fresh] = positions.emplace(value, static_cast<std::uint32_t>(step.inputs.size()));
      if (fresh) step.inputs.push_back(index_of(*value));
      captured.push_back(value);
      body.captures.push_back(position->second);
    }
    plan_.bodies.push_back(PlanBuilder(*sub, shared_).build(captured));
    step.bodies.push_back(std::move(body));
  }
  step.captured = static_cast<std::uint32_t>(positions.size());
}

}  // namespace

artifact::Port port(std::string name, const graph::Type& type) {
  artifact::Port result{std::move(name), type.element, {}};
  if (type.element == DType::map) result.inside.push_back({"", type.key, {}});
  if (type.inside && type.inside->element != DType::undefined) result.inside.push_back(port("", *type.inside));
  if (type.element == DType::map && result.inside.size() != 2) result.inside.clear();
  if (!type.shape) {
    result.dims.push_back({-1, "..."});
    return result;
  }
  for (const Expr& size : *type.shape) {
    if (auto constant = size.constant()) {
      result.dims.push_back({*constant, {}});
    } else {
      result.dims.push_back({-1, size.text()});
    }
  }
  return result;
}

Result<void> check_types(const Node& node, const ops::OpDef& def) {
  const Value* first = node.input(0);
  if (first == nullptr || first->type.element == DType::undefined || def.types.has(first->type.element)) return {};
  return Error(Kind::unsupported, "unsupported-type",
               fmt::format("cannot compile '{}' for elements of type {}", ops::qualified(node.domain, node.op),
                           name(first->type.element)))
      .at(node.place())
      .because(fmt::format("it is implemented for: {}", def.types.text()));
}

Result<Lowered> lower(const Graph& graph, const std::filesystem::path& spill) {
  SharedState shared;
  if (!spill.empty()) shared.weights.spill_to(spill);
  Lowered lowered;
  lowered.plan = PlanBuilder(graph, shared).build();
  artifact::mark_optional(lowered.plan);
  if (!shared.faults.none()) return std::move(shared.faults).sum("cannot compile the model");
  lowered.plan.metadata = graph.metadata;
  lowered.plan.metadata["producer"] = "modelctl " MODELCTL_VERSION;
  lowered.weights = std::move(shared.weights);
  lowered.routines = std::move(shared.routines);
  return lowered;
}

}  // namespace modelctl::lower
