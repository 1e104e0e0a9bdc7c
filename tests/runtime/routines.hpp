// A few routines for plans made by hand: operators and kernels that do little, some of them badly on purpose. Relu
// works on f32 of any shape; Add repeats its second operand; NonZero's shape is data-dependent (i64[n]); Concat joins
// strings; Fail fails; Shrink, Retype and Idle disagree with the plan; Endless ends when it is interrupted; Repeat runs
// a nested plan.
#pragma once

#include "runtime/model.hpp"

#include <algorithm>

namespace modelctl::test {
namespace routines {
using runtime::Call;
using runtime::Outputs;

inline Result<void> relu(const Call& call, Outputs& outputs) {
  auto x = call.input(0).as<float>();
  auto y = TRY(outputs.allocate(0, DType::f32, call.input(0).dims)).as<float>();
  std::transform(x.begin(), x.end(), y.begin(), [](float value) { return std::max(value, 0.0f); });
  return {};
}
inline Result<void> add(const Call& call, Outputs& outputs) {
  auto a = call.input(0).as<float>();
  auto b = call.input(1).as<float>();
  auto y = TRY(outputs.allocate(0, DType::f32, call.input(0).dims)).as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] + b[i % b.size()];
  return {};
}
inline Result<void> nonzero(const Call& call, Outputs& outputs) {
  std::vector<std::int64_t> found;
  auto x = call.input(0).as<float>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] != 0) found.push_back(static_cast<std::int64_t>(i));
  }
  std::int64_t dims[] = {static_cast<std::int64_t>(found.size())};
  auto y = TRY(outputs.allocate(0, DType::i64, dims)).as<std::int64_t>();
  std::copy(found.begin(), found.end(), y.begin());
  return {};
}
inline Result<void> to_float(const Call& call, Outputs& outputs) {
  auto x = call.input(0).as<std::int64_t>();
  auto y = TRY(outputs.allocate(0, DType::f32, call.input(0).dims)).as<float>();
  std::copy(x.begin(), x.end(), y.begin());
  return {};
}
inline Result<void> concat(const Call& call, Outputs& outputs) {
  auto a = call.input(0).as<std::string>();
  auto b = call.input(1).as<std::string>();
  auto y = TRY(outputs.allocate(0, DType::string, call.input(0).dims)).as<std::string>();
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] + b[i % b.size()];
  return {};
}
inline Result<void> fail(const Call&, Outputs&) {
  return Error(Kind::bad_input, "bad-index", "cannot gather: index 7 is outside [-3, 3)");
}
inline Result<void> shrink(const Call& call, Outputs& outputs) {
  std::int64_t dims[] = {call.input(0).dims[0] - 1};
  TRY(outputs.allocate(0, DType::f32, dims));
  return {};
}
inline Result<void> retype(const Call& call, Outputs& outputs) {
  TRY(outputs.allocate(0, DType::f64, call.input(0).dims));
  return {};
}
inline Result<void> idle(const Call&, Outputs&) { return {}; }
inline Result<void> endless(const Call& call, Outputs& outputs) {
  TRY(outputs.allocate(0, DType::f32, call.input(0).dims));
  while (!call.interrupted()) {}
  return {};
}
// Makes its second output whether anybody wants it or not.
inline Result<void> both(const Call& call, Outputs& outputs) {
  auto x = call.input(0).as<float>();
  auto y = TRY(outputs.allocate(0, DType::f32, call.input(0).dims)).as<float>();
  auto z = TRY(outputs.allocate(1, DType::f32, call.input(0).dims)).as<float>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    z[i] = -x[i];
    y[i] = x[i];
  }
  return {};
}

// Runs its nested graph on its input, and on what that gave, `times` times.
inline Result<void> repeat(const Call& call, Outputs& outputs) {
  std::vector<Tensor> held;
  TensorView x = call.input(0);
  for (std::int64_t i = 0; i < call.attributes.integer("times"); ++i) {
    held = TRY(call.body("body")->run(std::span(&x, 1)));
    x = held[0].view();
  }
  return outputs.give(0, std::move(held.at(0)));
}

inline constexpr runtime::OpRun rows[] = {{"", "Relu", relu},      {"", "Add", add},       {"", "NonZero", nonzero},
                                          {"", "Float", to_float}, {"", "Concat", concat}, {"", "Fail", fail},
                                          {"", "Shrink", shrink},  {"", "Retype", retype}, {"", "Idle", idle},
                                          {"", "Both", both},      {"", "Repeat", repeat}, {"", "Endless", endless}};

class Scale : public kernels::Bound {
 public:
  Scale(float by, std::int64_t count) : by_(by), count_(count) {}
  void run(const kernels::RunCall& call) const override {
    const auto* x = static_cast<const float*>(call.inputs[0]);
    auto* y = static_cast<float*>(call.outputs[0]);
    for (std::int64_t i = 0; i < count_; ++i) y[i] = x[i] * by_;
  }

 private:
  float by_;
  std::int64_t count_;
};
inline Result<std::unique_ptr<kernels::Bound>> bind_scale(const kernels::BindCall& call) {
  if (!std::equal(call.inputs[0].dims.begin(), call.inputs[0].dims.end(), call.outputs[0].dims.begin(),
                  call.outputs[0].dims.end())) {
    return Error(Kind::bad_input, "bad-operand", "cannot run 'scale': its operands differ in shape");
  }
  return std::unique_ptr<kernels::Bound>(
      std::make_unique<Scale>(call.attributes.number("by", 1), call.inputs[0].elements()));
}

// y[r] = sum of x[r, :] plus a constant that it looked at when it was bound.
class SumRows : public kernels::Bound {
 public:
  SumRows(std::int64_t rows, std::int64_t columns, float offset) : rows_(rows), columns_(columns), offset_(offset) {}
  std::size_t scratch_bytes() const override { return static_cast<std::size_t>(rows_) * sizeof(float); }
  void run(const kernels::RunCall& call) const override {
    const auto* x = static_cast<const float*>(call.inputs[0]);
    auto* y = static_cast<float*>(call.outputs[0]);
    auto* sums = reinterpret_cast<float*>(call.scratch);
    call.workers.for_each_tile(rows_, [&](std::int64_t row) {
      sums[row] = offset_;
      for (std::int64_t i = 0; i < columns_; ++i) sums[row] += x[row * columns_ + i];
    });
    std::copy(sums, sums + rows_, y);
  }

 private:
  std::int64_t rows_, columns_;
  float offset_;
};
inline Result<std::unique_ptr<kernels::Bound>> bind_sum_rows(const kernels::BindCall& call) {
  if (call.inputs.size() != 2 || call.inputs[0].rank() != 2 || call.inputs[0].data != nullptr ||
      call.inputs[1].data == nullptr) {
    return Error(Kind::bad_input, "bad-operand", "cannot run 'sum_rows': the offset must be constant");
  }
  return std::unique_ptr<kernels::Bound>(
      std::make_unique<SumRows>(call.inputs[0].dims[0], call.inputs[0].dims[1], call.inputs[1].as<float>()[0]));
}

inline constexpr kernels::KernelDef kernel_rows[] = {{"scale", bind_scale}, {"sum_rows", bind_sum_rows}};

}  // namespace routines

inline runtime::OpRunTable operators() {
  static const std::vector<const runtime::OpRun*> table = [] {
    std::vector<const runtime::OpRun*> all;
    for (const runtime::OpRun& row : routines::rows) all.push_back(&row);
    return all;
  }();
  return table;
}

inline runtime::KernelTable kernel_table() {
  static const kernels::KernelDef* const table[] = {&routines::kernel_rows[0], &routines::kernel_rows[1]};
  return table;
}

inline Result<std::shared_ptr<const runtime::Model>> load(Result<artifact::Artifact> artifact) {
  return runtime::Model::load(TRY(std::move(artifact)), operators(), kernels::Cpu{}, kernel_table());
}

}  // namespace modelctl::test
