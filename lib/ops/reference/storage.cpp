// Packed elements (4 and 2 bits) have no address of their own. Operators that only move elements see them unpacked, one
// to a byte, and their outputs are packed again at the end.
#include "ops/reference/storage.hpp"

#include "tensor/small.hpp"

#include <algorithm>

namespace modelctl::ops {
namespace {

Tensor unpack(const TensorView& from) {
  Tensor bytes(DType::u8, Dims(from.dims.begin(), from.dims.end()));
  std::int64_t at = 0;
  for (std::uint8_t& byte : bytes.mutable_view().as<std::uint8_t>()) byte = packed(from.data, at++, bits(from.type));
  return bytes;
}

// Allocates packed outputs for an operator that asks for bytes, and fills them at the end.
class PackingOutputs final : public Outputs {
 public:
  PackingOutputs(Outputs& outputs, DType type) : outputs_(outputs), type_(type) {}

  Result<MutableTensorView> allocate(std::size_t index, DType type, DimsView dims) override {
    if (type != DType::u8) return outputs_.allocate(index, type, dims);
    MutableTensorView to = TRY(outputs_.allocate(index, type_, dims));
    pending_.push_back({to, Tensor(DType::u8, Dims(dims.begin(), dims.end()))});
    return pending_.back().bytes.mutable_view();
  }
  Result<void> claim(std::uint64_t bytes) override { return outputs_.claim(bytes); }
  bool wanted(std::size_t index) const override { return outputs_.wanted(index); }

  void pack() {
    for (const Pending& output : pending_) {
      std::int64_t at = 0;
      for (std::uint8_t byte : output.bytes.as<std::uint8_t>()) set_packed(output.to.data, at++, bits(type_), byte);
    }
  }

 private:
  struct Pending {
    MutableTensorView to;
    Tensor bytes;
  };
  Outputs& outputs_;
  DType type_;
  std::vector<Pending> pending_;
};

}  // namespace

// All packed inputs must have one type, since the operator sees u8 for each of them.
Result<void> through_bytes(const Call& call, Outputs& outputs, runtime::Evaluate evaluate) {
  auto first = std::find_if(call.inputs.begin(), call.inputs.end(), [](auto& view) { return is_packed(view.type); });
  if (first == call.inputs.end()) return evaluate(call, outputs);
  std::vector<Tensor> bytes;
  std::vector<TensorView> inputs(call.inputs.begin(), call.inputs.end());
  bytes.reserve(inputs.size());
  for (TensorView& view : inputs) {
    if (!is_packed(view.type)) continue;
    TRY(same_type(*first, view));
    bytes.push_back(unpack(view));
    view = bytes.back().view();
  }
  PackingOutputs packing(outputs, first->type);
  TRY(evaluate(Call{call.attributes, inputs, call.outputs}, packing));
  packing.pack();
  return {};
}

}  // namespace modelctl::ops
