// What is no tensor but travels as one: a Tensor of type sequence, optional or map has rank 0 and owns one of these,
// and the `data` of its view points at it. Items share their memory, so that copying a collection copies handles.
// Nesting ends early: a sequence holds tensors or maps, an optional holds a tensor or a sequence.
#pragma once

#include "tensor/tensor.hpp"

namespace modelctl {

struct Sequence {
  DType element = DType::undefined;  // of the items, which an empty sequence has a type of, too
  std::vector<Tensor> items;         // of any dimensions
};

struct Optional {
  Tensor value;  // not present: the optional is empty
};

// The values of i64 or string keys, in the order in which they were put in.
struct Map {
  Tensor keys;    // rank 1
  Tensor values;  // rank 1, as many
};

Tensor tensor_of(Sequence sequence);
Tensor tensor_of(Optional optional);
Tensor tensor_of(Map map);

// The object behind a value of the type that says so.
inline const Sequence& sequence_in(const TensorView& view) { return *static_cast<const Sequence*>(view.data); }
inline const Optional& optional_in(const TensorView& view) { return *static_cast<const Optional*>(view.data); }
inline const Map& map_in(const TensorView& view) { return *static_cast<const Map*>(view.data); }
inline Sequence& sequence_in(const MutableTensorView& view) { return *static_cast<Sequence*>(view.data); }
inline Optional& optional_in(const MutableTensorView& view) { return *static_cast<Optional*>(view.data); }
inline Map& map_in(const MutableTensorView& view) { return *static_cast<Map*>(view.data); }

// The same value in memory of its own. The items of a collection are shared.
Tensor copy_of(const TensorView& view);

// "f32[2,3]", "sequence<f32> of 3", "an empty optional", "map of 10".
std::string describe_value(const TensorView& view);

}  // namespace modelctl
