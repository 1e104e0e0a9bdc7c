// Tensors as raw bytes, as the binary extension of the Open Inference Protocol has them: little-endian, row-major,
// without padding; a boolean is one byte, a string its length in four bytes and then its bytes.
#pragma once

#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <string>
#include <string_view>

namespace modelctl::serve {

// The bytes must be those of the tensor exactly. Types of less than a byte have no such form.
Result<Tensor> read_raw(std::string_view bytes, DType type, Dims dims);

std::uint64_t raw_size(const TensorView& tensor);
// False if the tensor's type has no such form.
bool append_raw(std::string& out, const TensorView& tensor);

}  // namespace modelctl::serve
