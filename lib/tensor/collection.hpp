// ONNX's values that are not tensors: sequences, optionals and maps. They are passed around as a Tensor of that type
// with rank 0, which owns one of the structs below; the `data` of its view points to it. Items share their memory, so
// copying a collection copies handles. Nesting is shallow: a sequence holds tensors or maps, an optional a tensor or a
// sequence.
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl {

struct Sequence {
  DType element = DType::undefined;  // of the items; also known for an empty sequence
  std::vector<Tensor> items;         // their dimensions may differ
};

struct Optional {
  Tensor value;  // not present: the optional is empty
};

// A map with i64 or string keys, in insertion order.
struct Map {
  Tensor keys;    // rank 1
  Tensor values;  // rank 1, as many
};

Tensor tensor_of(Sequence sequence);
Tensor tensor_of(Optional optional);
Tensor tensor_of(Map map);

// The struct behind a view. The caller has checked the view's type: nothing in the pointer tells what it points to, and
// a wrong cast is undefined behavior.
inline const Sequence& sequence_in(const TensorView& view) { return *static_cast<const Sequence*>(view.data); }
inline const Optional& optional_in(const TensorView& view) { return *static_cast<const Optional*>(view.data); }
inline const Map& map_in(const TensorView& view) { return *static_cast<const Map*>(view.data); }
inline Sequence& sequence_in(const MutableTensorView& view) { return *static_cast<Sequence*>(view.data); }
inline Optional& optional_in(const MutableTensorView& view) { return *static_cast<Optional*>(view.data); }
inline Map& map_in(const MutableTensorView& view) { return *static_cast<Map*>(view.data); }

// A copy that owns its memory. The items of a collection are shared.
Tensor copy_of(const TensorView& view);

// "f32[2,3]", "sequence<f32> of 3", "an empty optional", "map of 10". For messages: sizes and types, never the
// elements, which may be a user's data.
std::string describe_value(const TensorView& view);

}  // namespace modelctl
