// The rules that a plan must satisfy so that the runtime may execute it without checks of its own. An artifact may come
// from anybody, and its digest shows damage only: a plan that was made to do harm has a matching digest. So every
// index, offset and size that the runtime uses as an address is proved here to be within bounds, and a new field of the
// plan needs a rule here before the runtime may use it.
//
// The order of the checks matters: a later check may index with what an earlier one has proved.
#include "artifact/format.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::artifact {
namespace {

class Checker {
 public:
  Checker(const Plan& plan, ByteSpan weights, Faults& faults, std::string place = {})
      : plan_(plan), weights_(weights), faults_(faults), place_(std::move(place)) {}

  void run() {
    check_signature();
    check_registers();
    for (std::size_t i = 0; i < plan_.values.size(); ++i) check_value(i);
    // The following checks use values and registers as indices, so these must be valid by now.
    if (!faults_.none()) return;
    check_ports();
    for (std::size_t i = 0; i < plan_.bodies.size(); ++i) {
      Checker(plan_.bodies[i], weights_, faults_, fmt::format("{}nested plan {}: ", place_, i)).run();
    }
    if (!faults_.none()) return;
    check_steps();
  }

 private:
  template <class... T>
  void fault(fmt::format_string<T...> format, T&&... arguments) {
    faults_.add(Error(Kind::bad_input, "bad-artifact", place_ + fmt::format(format, std::forward<T>(arguments)...)));
  }

  bool is_value(std::int64_t index) const {
    return index >= 0 && static_cast<std::uint64_t>(index) < plan_.values.size();
  }
  std::string quoted(std::size_t index) const { return fmt::format("'{}' ({})", plan_.values[index].name, index); }
  static bool is_type(DType type) { return is_plain(type) || type == DType::string || is_collection(type); }

  void check_port_type(const Port& port, std::string_view name) {
    if (!is_type(port.type)) fault("the port '{}' has a type that is not known", name);
    if (port.dims.size() > max_rank) fault("the port '{}' has more than {} dimensions", name, max_rank);
    for (const PortDim& dim : port.dims) {
      if (dim.size < 0 ? dim.size != -1 || dim.symbol.empty() : !dim.symbol.empty()) {
        fault("a dimension of the port '{}' is neither a size nor a symbol", name);
      }
    }
    std::size_t most = port.type == DType::map ? 2 : is_collection(port.type) ? 1 : 0;
    if (!port.inside.empty() && port.inside.size() != most) {
      fault("the port '{}' does not hold what its type does", name);
    }
    for (const Port& inside : port.inside) check_port_type(inside, name);
  }

  void check_signature() {
    for (const auto* ports : {&plan_.signature.inputs, &plan_.signature.outputs}) {
      for (const Port& port : *ports) check_port_type(port, port.name);
    }
    if (plan_.inputs.size() != plan_.signature.inputs.size()) fault("the plan's inputs are not those of its signature");
    if (plan_.outputs.size() != plan_.signature.outputs.size()) {
      fault("the plan's outputs are not those of its signature");
    }
  }

  // An instruction may use only registers before it, so the program has no cycles and one pass in order evaluates it.
  void check_registers() {
    for (std::size_t i = 0; i < plan_.shapes.size(); ++i) {
      const ShapeInstruction& at = plan_.shapes[i];
      auto before = [&](std::int64_t index) { return index >= 0 && static_cast<std::uint64_t>(index) < i; };
      bool good = false;
      switch (at.op) {
        case ShapeOp::constant: good = true; break;
        case ShapeOp::input_dim:
          good = at.a >= 0 && static_cast<std::uint64_t>(at.a) < plan_.signature.inputs.size() && at.b >= 0 &&
                 !plan_.signature.inputs[static_cast<std::size_t>(at.a)].any_rank() &&
                 static_cast<std::uint64_t>(at.b) < plan_.signature.inputs[static_cast<std::size_t>(at.a)].dims.size();
          break;
        case ShapeOp::data_dependent_dim:
          good = is_value(at.a) && plan_.values[static_cast<std::size_t>(at.a)].data_dependent && at.b >= 0 &&
                 static_cast<std::uint64_t>(at.b) < plan_.values[static_cast<std::size_t>(at.a)].dims.size();
          break;
        case ShapeOp::add:
        case ShapeOp::sub:
        case ShapeOp::mul:
        case ShapeOp::floor_div:
        case ShapeOp::ceil_div:
        case ShapeOp::mod:
        case ShapeOp::min:
        case ShapeOp::max:
        case ShapeOp::broadcast: good = before(at.a) && before(at.b); break;
      }
      if (!good) fault("instruction {} of the shape program is not valid", i);
    }
  }

  void check_value(std::size_t index) {
    const PlanValue& value = plan_.values[index];
    if (!is_type(value.type)) fault("the value {} has a type that is not known", quoted(index));
    if (value.dims.size() > max_rank) fault("the value {} has more than {} dimensions", quoted(index), max_rank);
    for (std::size_t axis = 0; axis < value.dims.size(); ++axis) {
      std::uint32_t at = value.dims[axis];
      if (at >= plan_.shapes.size()) {
        fault("a dimension of the value {} is not a register", quoted(index));
        return;
      }
      const ShapeInstruction& source = plan_.shapes[at];
      if (value.data_dependent &&
          (source.op != ShapeOp::data_dependent_dim || source.a != static_cast<std::int64_t>(index) ||
           source.b != static_cast<std::int64_t>(axis))) {
        fault("the shape of the value {} is data-dependent, but dimension {} is not its own", quoted(index), axis);
      }
    }
    if (value.any_rank && (!value.dims.empty() || !(value.data_dependent || value.storage == Storage::input))) {
      fault("the value {} has a rank that is neither known nor found", quoted(index));
    }
    if (is_collection(value.type) &&
        (!value.dims.empty() || value.data_dependent || value.any_rank || value.storage == Storage::constant)) {
      fault("the value {} is a {}, which has no dimensions and is not a constant", quoted(index), name(value.type));
    }
    if (value.storage > Storage::computed) fault("the value {} has a storage that is not known", quoted(index));
    if (value.data_dependent && value.storage != Storage::computed)
      fault("the shape of the value {} cannot be data-dependent", quoted(index));
    if (value.storage == Storage::constant) check_constant(index);
  }

  // Compared by subtraction from what is left: offset + bytes could wrap.
  void check_constant(std::size_t index) {
    const PlanValue& value = plan_.values[index];
    Dims dims;
    for (std::uint32_t at : value.dims) {
      if (plan_.shapes[at].op != ShapeOp::constant) return fault("the constant {} has no fixed size", quoted(index));
      dims.push_back(plan_.shapes[at].a);
    }
    auto count = element_count(dims);
    if (value.offset % weight_alignment != 0 || value.offset > weights_.size() ||
        value.bytes > weights_.size() - value.offset || !count) {
      return fault("the constant {} lies outside the weights", quoted(index));
    }
    if (value.type == DType::string) {
      ByteSpan bytes = weights_.subspan(value.offset, value.bytes);
      if (!decode_strings(bytes, static_cast<std::uint64_t>(*count))) {
        fault("the strings of the constant {} are damaged", quoted(index));
      }
    } else if (byte_size(value.type, dims) != value.bytes) {
      fault("the constant {} is {}, but takes {} bytes", quoted(index), describe(value.type, dims), value.bytes);
    }
  }

  void check_ports() {
    std::vector<bool> seen(plan_.values.size());
    for (std::size_t i = 0; i < plan_.inputs.size(); ++i) {
      std::int32_t value = plan_.inputs[i];
      if (!is_value(value) || plan_.values[static_cast<std::size_t>(value)].storage != Storage::input ||
          seen[static_cast<std::size_t>(value)]) {
        fault("input {} of the plan is not a value of its own", i);
        continue;
      }
      seen[static_cast<std::size_t>(value)] = true;
      check_port(plan_.signature.inputs[i], static_cast<std::size_t>(value));
    }
    for (std::size_t i = 0; i < plan_.values.size(); ++i) {
      if (plan_.values[i].storage == Storage::input && !seen[i]) fault("the value {} is not an input", quoted(i));
    }
    for (std::size_t i = 0; i < plan_.outputs.size(); ++i) {
      if (!is_value(plan_.outputs[i])) {
        fault("output {} of the plan is not a value", i);
        continue;
      }
      check_port(plan_.signature.outputs[i], static_cast<std::size_t>(plan_.outputs[i]));
    }
  }

  void check_port(const Port& port, std::size_t index) {
    const PlanValue& value = plan_.values[index];
    if (value.type != port.type || value.any_rank != port.any_rank() ||
        (!value.any_rank && value.dims.size() != port.dims.size())) {
      fault("the value {} is not of the type and rank that the signature has for '{}'", quoted(index), port.name);
    }
  }

  // `made[v]`: the step that makes value v, plus one; 0 is before all steps.
  void check_steps() {
    constexpr std::size_t never = ~std::size_t{0};
    std::vector<std::size_t> made(plan_.values.size(), never);
    for (std::size_t i = 0; i < plan_.values.size(); ++i) {
      if (plan_.values[i].storage != Storage::computed) made[i] = 0;
    }
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) check_step(i, made, never);
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (made[i] == never) fault("no step makes the value {}", quoted(i));
    }
    if (!faults_.none()) return;
    // made[v] is the number of steps after which value v exists, known[r] after which register r can be computed. A
    // register depends on data-dependent sizes only through its operands, so the maximum over them is exact. A step
    // needs the sizes of its outputs before it runs, except of outputs whose sizes it determines itself.
    std::vector<std::size_t> known(plan_.shapes.size());
    for (std::size_t i = 0; i < known.size(); ++i) {
      const ShapeInstruction& at = plan_.shapes[i];
      if (at.op == ShapeOp::data_dependent_dim) known[i] = made[static_cast<std::size_t>(at.a)];
      if (at.op > ShapeOp::data_dependent_dim) {
        known[i] = std::max(known[static_cast<std::size_t>(at.a)], known[static_cast<std::size_t>(at.b)]);
      }
    }
    for (std::size_t i = 0; i < plan_.values.size(); ++i) {
      if (plan_.values[i].data_dependent) continue;
      for (std::uint32_t at : plan_.values[i].dims) {
        if (known[at] > 0 && known[at] >= made[i]) {
          fault("the size of the value {} is not known when it is made", quoted(i));
          break;
        }
      }
    }
  }

  // Every value is made once and read only afterwards, as in SSA form. The arena gives memory by these lifetimes, so a
  // second step for a value would write to memory that is something else's by then.
  void check_step(std::size_t index, std::vector<std::size_t>& made, std::size_t never) {
    const Step& step = plan_.steps[index];
    std::string_view routine = step.routine;
    if (!routine.starts_with("kernel:") && !(routine.starts_with("op:") && routine.find(':', 3) != routine.npos)) {
      fault("step {} runs '{}', which is not a kind of routine", index, routine);
    }
    for (std::int32_t input : step.inputs) {
      if (input == absent) continue;
      if (!is_value(input)) {
        fault("an input of step {} is not a value", index);
      } else if (made[static_cast<std::size_t>(input)] == never) {
        fault("step {} reads the value {} before it is made", index, quoted(static_cast<std::size_t>(input)));
      }
    }
    for (std::int32_t output : step.outputs) {
      if (output == absent) continue;
      if (!is_value(output)) {
        fault("an output of step {} is not a value", index);
      } else if (made[static_cast<std::size_t>(output)] != never) {
        fault("step {} makes the value {}, which is there already", index, quoted(static_cast<std::size_t>(output)));
      } else {
        made[static_cast<std::size_t>(output)] = index + 1;
      }
    }
    for (const StepBody& body : step.bodies) check_body(index, step, body);
    if (step.captured > step.inputs.size()) fault("step {} captures more than it has", index);
    if (step.in_place != -1) {
      auto at = static_cast<std::size_t>(step.in_place);
      if (step.in_place < 0 || at >= step.inputs.size() || step.inputs[at] == absent || step.outputs.empty() ||
          step.outputs[0] == absent) {
        fault("step {} works in place of an operand that it does not have", index);
      }
    }
  }

  // The captured values must be what the nested plan takes as its last inputs; what the operator hands it, and what it
  // makes of the outputs, is checked when it runs.
  void check_body(std::size_t index, const Step& step, const StepBody& body) {
    if (body.plan >= plan_.bodies.size()) return fault("step {} runs a nested plan that is not there", index);
    const Plan& nested = plan_.bodies[body.plan];
    if (body.captures.size() > nested.inputs.size()) {
      return fault("step {} gives nested plan {} more than it takes", index, body.plan);
    }
    std::size_t first = nested.inputs.size() - body.captures.size();
    for (std::size_t i = 0; i < body.captures.size(); ++i) {
      std::uint32_t at = body.captures[i];
      bool there = at < step.inputs.size() && step.inputs[at] != absent && is_value(step.inputs[at]);
      if (!there) return fault("step {} gives nested plan {} a value that it does not have", index, body.plan);
      const PlanValue& value = plan_.values[static_cast<std::size_t>(step.inputs[at])];
      const Port& port = nested.signature.inputs[first + i];
      if (value.type != port.type || (!port.any_rank() && (value.any_rank || value.dims.size() != port.dims.size()))) {
        fault("step {} gives nested plan {} {} for its input '{}'", index, body.plan, name(value.type), port.name);
      }
    }
  }

  const Plan& plan_;
  ByteSpan weights_;
  Faults& faults_;
  std::string place_;
};

}  // namespace

void check(const Plan& plan, ByteSpan weights, Faults& faults) { Checker(plan, weights, faults).run(); }

}  // namespace modelctl::artifact
