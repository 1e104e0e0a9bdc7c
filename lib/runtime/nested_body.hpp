// A nested plan of a step, as its operator runs it: with a session of its own, whose memory and bindings last from run
// to run. Internal to the component.
#pragma once

#include "runtime/model_state.hpp"

namespace modelctl::runtime {

class NestedBody final : public Body {
 public:
  NestedBody(Session::State& around, const artifact::StepBody& planned);
  ~NestedBody() override;

  // The step's inputs, captured ones among them; read when the body runs.
  void capture(std::span<const TensorView> inputs) {
    step_inputs_ = inputs;
    answered_ = 0;
  }
  // After a run that ended in the middle: nothing of it stays.
  void abandon() { session_.reset(); }

  std::string_view name() const override { return planned_.name; }
  std::span<const Port> inputs() const override { return inputs_; }
  std::span<const Port> outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override;

 private:
  Session::State& around_;
  const artifact::StepBody& planned_;
  const Model::State& model_;
  std::vector<Port> inputs_, outputs_;
  std::span<const TensorView> step_inputs_;
  std::unique_ptr<Session::State> session_;  // from the first run on
  std::vector<TensorView> given_;
  std::uint64_t answered_ = 0;  // bytes that the last run gave, which a loop holds while it makes the next
};

}  // namespace modelctl::runtime
