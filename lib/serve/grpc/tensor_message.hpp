// A tensor in a message: inputs, outputs and their descriptions have the same fields (InferInputTensor,
// InferOutputTensor and TensorMetadata in inference.proto), and elements have the same typed form
// (InferTensorContents).
#pragma once

#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// Views into the message.
struct TensorParts {
  std::string_view name, datatype;
  Dims shape;
  std::vector<std::string_view> parameters;  // entries of the map
  std::string_view contents;
  bool has_contents = false;
};
// `what` is the tensor in the text of an error: "an input".
Result<TensorParts> read_tensor_parts(std::string_view message, std::string_view what);
// The tensor's fields except parameters and contents.
std::string write_tensor_parts(std::string_view name, DType type, std::span<const std::int64_t> dims);

// FP16 and BF16 have none.
bool has_typed_form(DType type);
Result<Tensor> read_typed(std::string_view contents, DType type, Dims dims);
// False if it gets longer than `limit`. The type has a typed form.
bool write_typed(std::string& contents, const TensorView& tensor, std::uint64_t limit);

}  // namespace modelctl::serve
