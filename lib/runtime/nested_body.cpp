// Runs the nested plan of a step. Its session is made at the first run and kept, so that an iteration of a loop binds
// and allocates nothing new.
#include "runtime/nested_body.hpp"

#include "runtime/session_state.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::runtime {
namespace {

std::vector<Body::Port> ports(std::span<const artifact::Port> signature) {
  std::vector<Body::Port> all;
  for (const artifact::Port& port : signature) {
    Body::Port& made = all.emplace_back(Body::Port{port.type, std::nullopt});
    if (port.any_rank()) continue;
    made.dims.emplace();
    for (const artifact::PortDim& dim : port.dims) made.dims->push_back(dim.size);
  }
  return all;
}

}  // namespace

NestedBody::NestedBody(Session::State& around, const artifact::StepBody& planned)
    : around_(around), planned_(planned), model_(*around.model.bodies[planned.plan]) {
  const artifact::Signature& signature = model_.plan().signature;
  inputs_ = ports(std::span(signature.inputs).first(signature.inputs.size() - planned.captures.size()));
  outputs_ = ports(signature.outputs);
}

NestedBody::~NestedBody() = default;

Result<std::vector<Tensor>> NestedBody::run(std::span<const TensorView> inputs) {
  TRY(around_.budget->iterate());
  const artifact::Plan& plan = model_.plan();
  given_.assign(inputs.begin(), inputs.end());
  for (std::uint32_t at : planned_.captures) given_.push_back(step_inputs_[at]);
  for (std::size_t i = 0; i < given_.size(); ++i) {
    if (i < plan.inputs.size() && given_[i].type == plan.signature.inputs[i].type) continue;
    return Error(Kind::bad_input, "bad-operand",
                 fmt::format("gives '{}' of its graph '{}' {}, which is {}",
                             i < plan.inputs.size() ? plan.signature.inputs[i].name : "more", planned_.name,
                             modelctl::name(given_[i].type),
                             i < plan.inputs.size() ? modelctl::name(plan.signature.inputs[i].type) : "nothing"));
  }
  if (given_.size() != plan.inputs.size()) {
    return Error(Kind::bad_input, "bad-operand", fmt::format("gives its graph '{}' too few inputs", planned_.name));
  }
  if (session_ == nullptr) {
    session_ = std::make_unique<Session::State>(model_, around_.workers, around_.limits, around_.budget);
  }
  Session::State& session = *session_;
  std::uint64_t taken = around_.in_use + answered_, limit = around_.limits.memory_bytes;
  session.limits.memory_bytes = limit - std::min(taken, limit);
  auto done = session.run(given_);
  std::vector<Tensor> outputs;
  outputs.reserve(plan.outputs.size());
  answered_ = 0;
  for (std::size_t i = 0; done && i < plan.outputs.size(); ++i) {
    outputs.push_back(session.output(i));
    answered_ += held_bytes(outputs.back().view());
  }
  session.release_values();
  if (!done) return std::move(done).error();
  return outputs;
}

}  // namespace modelctl::runtime
