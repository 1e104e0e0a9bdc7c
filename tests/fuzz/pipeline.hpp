// From the bytes of an ONNX model to its answer for inputs of zeros: read, inferred, folded, lowered, written, loaded
// and run.
#pragma once

#include "base/check.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "ops/run_table.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "runtime/model.hpp"
#include "support/scratch.hpp"

namespace modelctl::fuzz {

inline constexpr std::uint64_t most_bytes = 64u << 20;

inline Result<void> build_and_run(ByteSpan bytes) {
  auto model = TRY(onnx::parse(bytes, nullptr, "fuzz", "/nonexistent"));
  TRY(onnx::normalize(model));
  TRY(passes::run_pipeline(*model.graph, {2, {}, nullptr}));
  auto lowered = TRY(lower::lower(*model.graph));
  if (lowered.weights.weights_bytes() > most_bytes) return {};
  const test::Scratch scratch;
  TRY(lowered.weights.write(lowered.plan, scratch / "fuzz.artifact"));
  auto artifact = TRY(artifact::open(scratch / "fuzz.artifact"));
  auto loaded = TRY(runtime::Model::load(std::move(artifact), ops::run_table(), kernels::Cpu::detect()));
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (const artifact::Port& port : loaded->signature().inputs) {
    Dims dims;
    for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? 2 : dim.size);
    auto size = byte_size(port.type, dims);
    if (is_collection(port.type) || !size || *size > most_bytes) return {};
    Tensor& zeros = inputs.emplace_back(port.type, dims);
    if (port.type != DType::string) std::memset(zeros.mutable_view().data, 0, *size);
  }
  for (const Tensor& input : inputs) views.push_back(input.view());
  kernels::Alone alone;
  runtime::Session session(loaded, alone,
                           {.memory_bytes = most_bytes, .iterations = 10'000, .time = std::chrono::seconds(2)});
  TRY(session.run(views));
  return {};
}

}  // namespace modelctl::fuzz
