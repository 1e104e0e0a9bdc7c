// TensorProto -> Tensor.
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

// What tensors are read from: the file's bytes, kept alive by `owner`, and the files beside it.
struct TensorSource {
  std::shared_ptr<const void> owner;
  ExternalFiles& external;
  // Bytes that sparse tensors may still take when they are written out: they claim more than they hold.
  std::shared_ptr<std::uint64_t> sparse_budget = std::make_shared<std::uint64_t>(std::uint64_t{1} << 30);
  // The file's bytes where they are a mapping, which is let go of where it is used no more.
  ByteSpan mapping = {};
};

// The name alone, for messages about a tensor that cannot be read.
std::string tensor_name(protozero::data_view message);
// Checks every claim against the bytes that are there before memory is asked for. Throws protozero's exceptions where
// the encoding is broken.
Result<NamedTensor> read_tensor(protozero::data_view message, const TensorSource& source);

// SparseTensorProto, written out.
std::string sparse_tensor_name(protozero::data_view message);
Result<NamedTensor> read_sparse_tensor(protozero::data_view message, const TensorSource& source);

}  // namespace modelctl::onnx
