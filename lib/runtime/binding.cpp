// Binding turns one segment of a plan, whose sizes are registers of the shape program, into numbers and addresses for
// one set of input sizes. Whatever depends on sizes is decided here, once, so that a run computes, and neither
// allocates nor takes a lock. Four passes over the segment's steps:
//
//   find_dims    evaluates the shape program and gives every value its dimensions. The caller's inputs have the
//                dimensions that the caller states; a kernel that cannot take them refuses in bind_step.
//   add_buffers  gives each value that a step makes a buffer, alive from the step that makes it to the step that reads
//                it last. A step marked in_place takes over the buffer of an input that dies there, if the bytes agree.
//                Values with a data-dependent shape, strings and collections are not here: they own their memory.
//   bind_step    lets each kernel check its operands and make its tables; a kernel's scratch memory is a buffer that is
//                alive during its step alone.
//   plan_arena   places all those buffers in one block of memory.
//
// Outputs of the plan are not in the arena, since they outlive the run: they own their memory, or lie in the caller's.
//
// A step whose operands' sizes depend on the data of an earlier step cannot be bound before that step has run. So the
// loader cuts the plan into segments at such places (model.cpp), and a run binds a segment when it gets there. Bindings
// are kept by input sizes and data-dependent sizes (session.cpp), so a repeated size binds nothing.
#include "runtime/binding.hpp"

#include "base/check.hpp"
#include "runtime/arena.hpp"
#include "runtime/shapes.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::runtime {
namespace {

class Binder {
 public:
  Binder(const Model::State& model, const Segment& segment, std::span<const DimsView> inputs,
         std::span<const Dims> data_dependent, std::span<const OutputBuffer> output_buffers, std::uint64_t limit)
      : model_(model),
        plan_(model.plan()),
        segment_(segment),
        inputs_(inputs),
        data_dependent_(data_dependent),
        output_buffers_(output_buffers),
        limit_(limit),
        registers_(evaluate_shapes(plan_, inputs, data_dependent)),
        buffer_of_(plan_.values.size(), -1),
        binding_(std::make_unique<Binding>()) {}

  Result<std::unique_ptr<Binding>> run() {
    TRY(find_dims());
    for (std::uint32_t at = segment_.first; at < segment_.end; ++at) TRY(add_buffers(at));
    for (std::uint32_t at = segment_.first; at < segment_.end; ++at) TRY(bind_step(at));
    for (Buffer& buffer : buffers_) {
      if (buffer.output >= 0) continue;
      buffer.lifetime = lifetimes_.size();
      lifetimes_.push_back({buffer.bytes, buffer.first, buffer.last});
    }
    auto arena = plan_arena(lifetimes_);
    if (!arena) return memory_limit(~std::uint64_t{0}, limit_);
    if (arena->bytes > limit_) return memory_limit(arena->bytes, limit_);
    binding_->arena_bytes = arena->bytes;
    for (std::size_t i = 0; i < buffer_of_.size(); ++i) {
      if (buffer_of_[i] < 0) continue;
      const Buffer& buffer = buffers_[static_cast<std::size_t>(buffer_of_[i])];
      std::uint64_t offset = buffer.output < 0 ? arena->offsets[buffer.lifetime] : 0;
      binding_->placements.push_back({static_cast<std::int32_t>(i), buffer.output, offset});
    }
    for (std::size_t i = 0; i < binding_->steps.size(); ++i) {
      if (scratch_[i] != nothing) binding_->steps[i].scratch = arena->offsets[scratch_[i]];
    }
    return std::move(binding_);
  }

 private:
  static constexpr std::size_t nothing = ~std::size_t{0};

  // One piece of memory, which several values may have one after the other.
  struct Buffer {
    std::uint64_t bytes;
    std::int32_t output = -1;
    std::size_t lifetime = nothing;  // in lifetimes_
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };

  const artifact::PlanValue& value(std::int32_t at) const { return plan_.values[static_cast<std::size_t>(at)]; }
  const ValueInfo& info(std::int32_t at) const { return model_.values[static_cast<std::size_t>(at)]; }
  Dims& dims(std::int32_t at) { return binding_->dims[static_cast<std::size_t>(at)]; }

  Result<void> find_dims() {
    binding_->dims.resize(plan_.values.size());
    std::vector<bool> found(plan_.values.size());
    // The caller's memory has the dimensions that the caller states, whatever the plan expects.
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      dims(plan_.inputs[i]).assign(inputs_[i].begin(), inputs_[i].end());
      found[static_cast<std::size_t>(plan_.inputs[i])] = true;
    }
    Faults faults;
    auto find = [&](std::int32_t at, bool output) {
      if (at == artifact::absent || found[static_cast<std::size_t>(at)]) return;
      if (output && value(at).data_dependent) return;
      found[static_cast<std::size_t>(at)] = true;
      if (value(at).any_rank) dims(at) = data_dependent_[static_cast<std::size_t>(at)];
      for (std::size_t axis = 0; axis < value(at).dims.size(); ++axis) {
        auto size = registers_[value(at).dims[axis]];
        dims(at).push_back(size.value_or(-1));
        if (!size || *size < 0) return faults.add(bad_size(at, axis, size));
      }
      if (!byte_size(value(at).type, dims(at))) {
        faults.add(Error(
            Kind::bad_input, "bad-size",
            fmt::format("cannot run the model: '{}' would be {}", value(at).name, describe(value(at).type, dims(at)))));
      }
    };
    for (std::uint32_t i = segment_.first; i < segment_.end; ++i) {
      for (std::int32_t at : plan_.steps[i].inputs) find(at, false);
      for (std::int32_t at : plan_.steps[i].outputs) find(at, true);
    }
    if (faults.none()) return {};
    return std::move(faults).sum("cannot run the model on inputs of these sizes");
  }

  Error bad_size(std::int32_t at, std::size_t axis, std::optional<std::int64_t> size) const {
    Error error(
        Kind::bad_input, "bad-size",
        size ? fmt::format("cannot run the model: dimension {} of '{}' would be {}", axis, value(at).name, *size)
             : fmt::format("cannot run the model: dimension {} of '{}' cannot be computed", axis, value(at).name));
    return std::move(error).because(why_unknown(value(at).dims[axis]));
  }

  // Why a register holds no size.
  std::string why_unknown(std::uint32_t at) const {
    // The first of those below it that could have been computed.
    auto held = [&](std::int64_t of) { return registers_[static_cast<std::size_t>(of)].has_value(); };
    while (plan_.shapes[at].op > artifact::ShapeOp::data_dependent_dim && !registers_[at]) {
      const artifact::ShapeInstruction& made = plan_.shapes[at];
      if (held(made.a) && held(made.b)) {
        if (made.op != artifact::ShapeOp::broadcast) break;
        return fmt::format("sizes {} and {} meet there and do not broadcast",
                           *registers_[static_cast<std::size_t>(made.a)],
                           *registers_[static_cast<std::size_t>(made.b)]);
      }
      at = static_cast<std::uint32_t>(held(made.a) ? made.b : made.a);
    }
    return "the inputs' sizes do not fit together in this model";
  }

  // Plans the memory of what a step makes.
  Result<void> add_buffers(std::uint32_t at) {
    const artifact::Step& step = plan_.steps[at];
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      std::int32_t output = step.outputs[i];
      if (output == artifact::absent || info(output).own) continue;
      std::uint64_t bytes = *byte_size(value(output).type, dims(output));
      if (bytes > limit_) return memory_limit(bytes, limit_);
      std::int32_t& buffer = buffer_of_[static_cast<std::size_t>(output)];
      if (i == 0) buffer = taken_over(step, at, bytes);
      if (buffer < 0) {
        buffer = static_cast<std::int32_t>(buffers_.size());
        buffers_.push_back({bytes});
        buffers_.back().first = at;
      }
      Buffer& memory = buffers_[static_cast<std::size_t>(buffer)];
      memory.last = std::min(info(output).last_use, segment_.end - 1);
      memory.output = info(output).output;
      if (memory.output >= 0) binding_->output_bytes += bytes;
    }
    return {};
  }

  // The buffer of the input that the step's first output may have, or -1.
  std::int32_t taken_over(const artifact::Step& step, std::uint32_t at, std::uint64_t bytes) const {
    if (step.in_place < 0) return -1;
    std::int32_t input = step.inputs[static_cast<std::size_t>(step.in_place)];
    std::int32_t buffer = buffer_of_[static_cast<std::size_t>(input)];
    bool dies = info(input).last_use == at && std::count(step.inputs.begin(), step.inputs.end(), input) == 1;
    return buffer >= 0 && dies && buffers_[static_cast<std::size_t>(buffer)].bytes == bytes ? buffer : -1;
  }

  // The capacity that a step's states have, which must be the same for all of them.
  Result<std::int64_t> capacity_of(const artifact::Step& step) const {
    std::int64_t capacity = 0;
    for (std::int32_t output : step.outputs) {
      auto k = output == artifact::absent ? -1 : info(output).output;
      if (k < 0 || static_cast<std::size_t>(k) >= output_buffers_.size()) continue;
      std::int64_t own = output_buffers_[static_cast<std::size_t>(k)].capacity;
      if (capacity != 0 && own != capacity) {
        return Error(Kind::usage, "bad-output-buffer",
                     fmt::format("cannot write output '{}' to the caller's memory", value(output).name))
            .because("the states that one step continues must have the same capacity");
      }
      capacity = own;
    }
    return capacity;
  }

  Result<void> bind_step(std::uint32_t at) {
    const artifact::Step& step = plan_.steps[at];
    BoundStep bound{nullptr, static_cast<std::uint32_t>(binding_->operands.size()),
                    static_cast<std::uint32_t>(step.inputs.size()), static_cast<std::uint32_t>(step.outputs.size()), 0};
    for (const auto* operands : {&step.inputs, &step.outputs}) {
      for (std::int32_t operand : *operands) {
        binding_->operands.push_back(operand);
        TensorView view;
        if (operand != artifact::absent) {
          view = {value(operand).type, dims(operand), info(operand).constant.view().data};
        }
        binding_->views.push_back(view);
      }
    }
    scratch_.push_back(nothing);
    if (const kernels::KernelDef* kernel = model_.routines[at].kernel) {
      std::span<const TensorView> views = std::span(binding_->views).subspan(bound.operands);
      auto result = kernel->bind({step.attributes, views.first(bound.inputs),
                                  views.subspan(bound.inputs, bound.outputs), model_.cpu, TRY(capacity_of(step))});
      if (!result) {
        Error error = std::move(result).error();
        if (error.where.empty()) error.where = step.label;
        return error;
      }
      bound.kernel = std::move(*result);
      if (std::uint64_t bytes = bound.kernel->scratch_bytes(); bytes > 0) {
        if (bytes > limit_) return memory_limit(bytes, limit_);
        scratch_.back() = lifetimes_.size();
        lifetimes_.push_back({bytes, at, at});
      }
    }
    binding_->steps.push_back(std::move(bound));
    return {};
  }

  const Model::State& model_;
  const artifact::Plan& plan_;
  const Segment& segment_;
  std::span<const DimsView> inputs_;
  std::span<const Dims> data_dependent_;
  std::span<const OutputBuffer> output_buffers_;
  std::uint64_t limit_;
  Registers registers_;
  std::vector<Buffer> buffers_;
  std::vector<std::int32_t> buffer_of_;  // by value
  std::vector<Lifetime> lifetimes_;
  std::vector<std::size_t> scratch_;  // by step of the segment: in lifetimes_
  std::unique_ptr<Binding> binding_;
};

}  // namespace

Error memory_limit(std::uint64_t needed, std::uint64_t limit) {
  constexpr double mib = 1 << 20;
  return Error(Kind::bad_input, "memory-limit",
               fmt::format("cannot run the model on inputs of these sizes: more than {:.0f} MiB of memory are needed",
                           static_cast<double>(limit) / mib))
      .because(fmt::format("a run may take {:.0f} MiB, and this one asks for {}", static_cast<double>(limit) / mib,
                           needed == ~std::uint64_t{0} ? "more than can be counted"
                                                       : fmt::format("{:.0f} MiB", static_cast<double>(needed) / mib)));
}

Result<std::unique_ptr<Binding>> bind_segment(const Model::State& model, const Segment& segment,
                                              std::span<const DimsView> inputs, std::span<const Dims> data_dependent,
                                              std::span<const OutputBuffer> output_buffers, std::uint64_t limit) {
  return Binder(model, segment, inputs, data_dependent, output_buffers, limit).run();
}

Result<MemoryNeed> memory_need(const Model& model, std::span<const Dims> inputs) {
  const Model::State& state = model.state();
  if (state.segments.empty()) return MemoryNeed{};
  std::vector<DimsView> views(inputs.begin(), inputs.end());
  const std::vector<Dims> data_dependent(state.plan().values.size());
  auto binding = TRY(bind_segment(state, state.segments.front(), views, data_dependent, {}, ~std::uint64_t{0}));
  return MemoryNeed{binding->arena_bytes, binding->output_bytes};
}

}  // namespace modelctl::runtime
