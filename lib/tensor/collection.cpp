// Collections as tensors of rank 0: ownership, copies and descriptions.
#include "tensor/collection.hpp"

namespace modelctl {
namespace {

// The view's pointer is to the object itself and the owner is its shared_ptr, so a collection travels through all code
// that passes tensors around, and ends with its last handle.
template <class T>
Tensor owned(DType type, T object) {
  auto shared = std::make_shared<T>(std::move(object));
  const void* data = shared.get();
  return Tensor(type, {}, std::move(shared), data);
}

}  // namespace

Tensor tensor_of(Sequence sequence) { return owned(DType::sequence, std::move(sequence)); }
Tensor tensor_of(Optional optional) { return owned(DType::optional, std::move(optional)); }
Tensor tensor_of(Map map) { return owned(DType::map, std::move(map)); }

Tensor copy_of(const TensorView& view) {
  if (!view.present()) return {};
  Tensor copy(view.type, Dims(view.dims.begin(), view.dims.end()));
  copy_elements(view, copy.mutable_view());
  return copy;
}

std::string describe_value(const TensorView& view) {
  if (!view.present()) return "nothing";
  if (view.type == DType::sequence) {
    const Sequence& sequence = sequence_in(view);
    return "sequence<" + std::string(name(sequence.element)) + "> of " + std::to_string(sequence.items.size());
  }
  if (view.type == DType::optional) {
    const Tensor& value = optional_in(view).value;
    return value.present() ? "an optional " + describe_value(value.view()) : "an empty optional";
  }
  if (view.type == DType::map) {
    const Tensor& keys = map_in(view).keys;
    return "map of " + std::to_string(keys.present() ? keys.elements() : 0);
  }
  return describe(view.type, view.dims);
}

}  // namespace modelctl
