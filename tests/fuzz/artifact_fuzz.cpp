// The artifact's reader, and the shape program of what it accepts.
#include "artifact/artifact.hpp"
#include "runtime/shapes.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Aligned as a mapping is.
  Tensor memory(DType::u8, {static_cast<std::int64_t>(size)});
  if (size > 0) std::memcpy(memory.mutable_view().data, data, size);
  auto offset = artifact::weights_offset(memory.bytes(), "input");
  if (!offset || *offset > size) return 0;
  auto opened = artifact::open(memory.bytes().first(*offset), memory.bytes().subspan(*offset), memory.owner(), "input");
  if (!opened) return 0;
  std::vector<Dims> inputs;
  for (const artifact::Port& port : opened->plan.signature.inputs) inputs.emplace_back(port.dims.size(), 3);
  std::vector<DimsView> views(inputs.begin(), inputs.end());
  std::vector<Dims> data_dependent(opened->plan.values.size());
  runtime::evaluate_shapes(opened->plan, views, data_dependent);
  return 0;
}
