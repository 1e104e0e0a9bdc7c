// TensorProto -> Tensor, and SparseTensorProto -> a dense Tensor.
#pragma once

#include "onnx/external.hpp"
#include "onnx/wire.hpp"
#include "tensor/tensor.hpp"

#include <memory>
#include <string>

namespace modelctl::onnx {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// Where tensors are read from: the file's bytes, which `owner` keeps alive, and the external files next to it.
struct TensorSource {
  std::shared_ptr<const void> owner;
  ExternalFiles& external;
  // Bytes that sparse tensors of this model may still take in dense form. A sparse tensor of a few bytes can claim any
  // dense size, so their sum is bounded for the whole model.
  std::shared_ptr<std::uint64_t> sparse_budget = std::make_shared<std::uint64_t>(std::uint64_t{1} << 30);
  // The file's bytes if they are a mapping, whose pages are dropped as soon as they are not needed any more.
  ByteSpan mapping = {};
};

// The name alone, for messages about a tensor that cannot be read.
std::string tensor_name(protozero::data_view message);
// Checks every claimed size against the bytes of the message before it allocates. The tensor is absent if its external
// file could not be opened (ExternalFiles::report names it). Throws protozero's exceptions if the encoding is invalid.
Result<NamedTensor> read_tensor(protozero::data_view message, const TensorSource& source);

// SparseTensorProto, in dense form: no operator takes sparse tensors.
std::string sparse_tensor_name(protozero::data_view message);
Result<NamedTensor> read_sparse_tensor(protozero::data_view message, const TensorSource& source);

}  // namespace modelctl::onnx
