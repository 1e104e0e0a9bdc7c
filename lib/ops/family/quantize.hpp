// QuantizeLinear and DequantizeLinear, which ONNX and com.microsoft both have, each with its own types.
#pragma once

#include "ops/reference/quantized.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {

Result<void> infer_quantize(Inference& call);
Result<void> infer_dequantize(Inference& call);
Result<void> quantize(const Call& call, Outputs& outputs);
Result<void> dequantize(const Call& call, Outputs& outputs);

}  // namespace modelctl::ops
