// Sequences, optionals and maps as tensors.
#include "tensor/collection.hpp"

#include <doctest/doctest.h>

namespace modelctl {
namespace {

Tensor number(float value) { return Tensor::scalar(DType::f32, value); }

TEST_CASE("a new tensor of a collection's type owns an empty one") {
  Tensor sequence(DType::sequence, {}), optional(DType::optional, {}), map(DType::map, {});
  CHECK(sequence_in(sequence.view()).items.empty());
  CHECK_FALSE(optional_in(optional.view()).value.present());
  CHECK_FALSE(map_in(map.view()).keys.present());
  CHECK(sequence.elements() == 1);
  CHECK(byte_size(DType::sequence, {}) == 0u);
  CHECK_FALSE(byte_size(DType::sequence, Dims{1}));
}

TEST_CASE("collections are the same if what they hold is") {
  Tensor one = tensor_of(Sequence{DType::f32, {number(1)}}), two = tensor_of(Sequence{DType::f32, {number(2)}});
  CHECK(same(one, tensor_of(Sequence{DType::f32, {number(1)}})));
  CHECK_FALSE(same(one, two));
  CHECK_FALSE(same(one, tensor_of(Sequence{DType::f32, {number(1), number(2)}})));
  CHECK_FALSE(same(tensor_of(Sequence{DType::f32, {}}), tensor_of(Sequence{DType::i64, {}})));
  CHECK(same(tensor_of(Optional{one}), tensor_of(Optional{one})));
  CHECK_FALSE(same(tensor_of(Optional{one}), tensor_of(Optional{})));
  Tensor keys = Tensor::of_ints(Dims{1, 2}), values = Tensor::of<float>(DType::f32, {2}, {3, 4});
  CHECK(same(tensor_of(Map{keys, values}), tensor_of(Map{keys, values})));
  CHECK_FALSE(same(tensor_of(Map{keys, values}), tensor_of(Map{keys, keys})));
}

TEST_CASE("a copy has a list of its own and shares the items") {
  Tensor original = tensor_of(Sequence{DType::f32, {number(1)}});
  Tensor copy = copy_of(original.view());
  CHECK(same(copy, original));
  CHECK(copy.view().data != original.view().data);
  CHECK(sequence_in(copy.view()).items[0].view().data == sequence_in(original.view()).items[0].view().data);
  Tensor strings = copy_of(Tensor::of_strings({1}, {"a text"}).view());
  CHECK(strings.as<std::string>()[0] == "a text");
}

TEST_CASE("what a collection holds counts as its memory") {
  Tensor item(DType::f32, {100});
  CHECK(held_bytes(item.view()) == 400);
  CHECK(held_bytes(tensor_of(Optional{item}).view()) == 400);
  CHECK(held_bytes(tensor_of(Sequence{DType::f32, {item, item}}).view()) == 800 + 2 * sizeof(Tensor));
}

TEST_CASE("values describe themselves") {
  CHECK(describe_value(Tensor(DType::f32, {2, 3}).view()) == "f32[2,3]");
  CHECK(describe_value(tensor_of(Sequence{DType::i64, {}}).view()) == "sequence<i64> of 0");
  CHECK(describe_value(tensor_of(Optional{}).view()) == "an empty optional");
  CHECK(describe_value(tensor_of(Optional{number(1)}).view()) == "an optional f32[]");
  CHECK(describe_value(tensor_of(Map{Tensor::of_ints(Dims{1}), number(1).reshaped({1})}).view()) == "map of 1");
}

}  // namespace
}  // namespace modelctl
