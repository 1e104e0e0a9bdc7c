// SequenceConstruct, SequenceEmpty, SequenceInsert, SequenceErase, SequenceAt, SequenceLength, ConcatFromSequence and
// SplitToSequence. Items are immutable and shared between sequences: an insertion copies references, not tensors.
//
// Smallest runner: regular, since hardly any graph has lists of tensors.
#include "ops/reference/slices.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/collection.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using graph::Type;

Result<const Sequence*> sequence(const Call& call) {
  if (call.input(0).type != DType::sequence) return refuse("its first input is not a sequence");
  return &sequence_in(call.input(0));
}

// A position in [-count, most] as an index, where negative numbers count from the end. `most` is count - 1, or count
// for insertions, which may go after the last item. For an empty sequence count - 1 wraps to the greatest size_t: no
// position is valid then.
Result<std::size_t> position(const TensorView& view, std::size_t count, std::size_t most) {
  std::int64_t at = TRY(one_integer(view, "the position")), size = static_cast<std::int64_t>(count);
  if (at < -size || at > static_cast<std::int64_t>(most) || most == static_cast<std::size_t>(-1)) {
    return refuse("position " + std::to_string(at) + " is outside a sequence of " + std::to_string(count));
  }
  return static_cast<std::size_t>(at < 0 ? at + size : at);
}

// Output 0: these items and a copy of `view` at position `at`. The new sequence takes a reference to each item, so that
// the cost is the length of the list, not the size of its tensors. The budget is claimed before anything is copied.
Result<void> insert(Outputs& outputs, const Sequence& before, std::size_t at, const TensorView& view) {
  if (is_collection(view.type) && view.type != DType::map) return refuse("a sequence holds tensors or maps");
  // An empty sequence of unknown type takes the type of its first item.
  if (view.type != before.element && before.element != DType::undefined) {
    return refuse("a tensor of type " + std::string(name(view.type)) + " cannot go into a sequence of " +
                  std::string(name(before.element)));
  }
  TRY(outputs.claim(held_bytes(view) + (before.items.size() + 1) * sizeof(Tensor)));
  Sequence& y = sequence_in(TRY(outputs.allocate(0, DType::sequence, {})));
  y.element = view.type;
  y.items.reserve(before.items.size() + 1);
  auto middle = before.items.begin() + static_cast<std::ptrdiff_t>(at);
  y.items.assign(before.items.begin(), middle);
  y.items.push_back(copy_of(view));
  y.items.insert(y.items.end(), middle, before.items.end());
  return {};
}

// The item type is what all inputs agree on; sizes that differ become open.
Result<void> infer_construct(Inference& call) {
  if (!call.present(0)) return call.bad("it needs at least one item");
  Type item = *call.type(0);
  for (std::size_t index = 1; index < call.inputs(); ++index) {
    if (const Type* next = call.type(index)) item = TRY(join(call, item, *next));
  }
  call.set_type(0, Type::sequence(item));
  return {};
}

// All items have one element type; their dimensions may differ, unlike those of a tensor's slices.
Result<void> construct(const Call& call, Outputs& outputs) {
  if (call.inputs.empty() || !call.inputs[0].present()) return refuse("it needs at least one item");
  std::uint64_t bytes = 0;
  for (const TensorView& input : call.inputs) {
    if (is_collection(input.type)) return refuse("a sequence is made of tensors");
    TRY(same_type(call.inputs[0], input));
    bytes += sizeof(Tensor) + held_bytes(input);
  }
  TRY(outputs.claim(bytes));
  Sequence& y = sequence_in(TRY(outputs.allocate(0, DType::sequence, {})));
  y.element = call.inputs[0].type;
  for (const TensorView& input : call.inputs) y.items.push_back(copy_of(input));
  return {};
}

// undefined for a number that is not an element type. Numbers are ONNX's; gaps in their list have the name of
// undefined.
DType element_of(const Attributes& attributes) {
  auto type = attributes.integer("dtype", static_cast<std::int64_t>(DType::f32));
  bool known = type > 0 && type < static_cast<std::int64_t>(DType::sequence) &&
               name(static_cast<DType>(type)) != name(DType::undefined);
  return known ? static_cast<DType>(type) : DType::undefined;
}

Result<void> infer_empty(Inference& call) {
  DType element = element_of(call.attributes());
  if (element == DType::undefined) return call.bad("its dtype is not an element type");
  call.set_type(0, Type::sequence({element, std::nullopt}));
  return {};
}

Result<void> empty(const Call& call, Outputs& outputs) {
  sequence_in(TRY(outputs.allocate(0, DType::sequence, {}))).element = element_of(call.attributes);
  return {};
}

Result<void> infer_insert(Inference& call) {
  Type item = inside(call, 0);
  // Only the element type of an empty sequence is known; the new item has at least that.
  if (const Type* next = call.type(1)) item = TRY(join(call, item, *next));
  call.set_type(0, Type::sequence(item));
  return {};
}

Result<void> insert_one(const Call& call, Outputs& outputs) {
  const Sequence& x = *TRY(sequence(call));
  if (!call.input(1).present()) return refuse("the tensor to insert is absent");
  std::size_t count = x.items.size(), at = count;
  if (call.input(2).present()) at = TRY(position(call.input(2), count, count));
  return insert(outputs, x, at, call.input(1));
}

Result<void> infer_erase(Inference& call) { return infer_same(call); }

Result<void> erase(const Call& call, Outputs& outputs) {
  const Sequence& x = *TRY(sequence(call));
  // Of an empty sequence this wraps; the branch refuses it.
  std::size_t at = x.items.size() - 1;
  if (call.input(1).present() || x.items.empty()) {
    if (!call.input(1).present()) return refuse("an empty sequence has nothing to erase");
    at = TRY(position(call.input(1), x.items.size(), x.items.size() - 1));
  }
  TRY(outputs.claim(x.items.size() * sizeof(Tensor)));
  Sequence& y = sequence_in(TRY(outputs.allocate(0, DType::sequence, {})));
  // Handles are copied, not tensors.
  y = x;
  y.items.erase(y.items.begin() + static_cast<std::ptrdiff_t>(at));
  return {};
}

// Items may differ in every size that the sequence's type leaves open, so that sizes of the one read are symbols of
// their own, and not those of another read.
Result<void> infer_at(Inference& call) {
  call.set_type(0, one_of(call, inside(call, 0)));
  return {};
}

// The item itself is given out, not a copy: items are immutable.
Result<void> at(const Call& call, Outputs& outputs) {
  const Sequence& x = *TRY(sequence(call));
  return outputs.give(0, x.items[TRY(position(call.input(1), x.items.size(), x.items.size() - 1))]);
}

Result<void> infer_length(Inference& call) {
  call.set_output(0, DType::i64, Shape());
  return {};
}

Result<void> length(const Call& call, Outputs& outputs) {
  const Sequence& x = *TRY(sequence(call));
  TRY(outputs.allocate(0, DType::i64, {})).as<std::int64_t>()[0] = static_cast<std::int64_t>(x.items.size());
  return {};
}

// The joined axis is a sum over items, or their number with new_axis: both are data.
Result<void> infer_concat(Inference& call) {
  Type item = one_of(call, inside(call, 0));
  if (item.shape) {
    bool fresh_axis = call.attributes().integer("new_axis") != 0;
    std::size_t axis =
        TRY(normal_axis(call, call.attributes().integer("axis"), item.shape->size() + (fresh_axis ? 1 : 0)));
    if (fresh_axis) item.shape->insert(item.shape->begin() + static_cast<std::ptrdiff_t>(axis), call.fresh_symbol());
    else (*item.shape)[axis] = call.fresh_symbol();
  }
  call.set_type(0, item);
  return {};
}

// new_axis stacks the items along an axis of their own: each is viewed with an additional axis of size 1.
Result<void> concat(const Call& call, Outputs& outputs) {
  const Sequence& x = *TRY(sequence(call));
  if (x.items.empty()) return refuse("an empty sequence cannot be put together");
  // With new_axis, axis refers to the output, which has one axis more than the items.
  std::int64_t axis = call.attributes.integer("axis");
  std::vector<TensorView> parts;
  std::vector<Dims> dims;
  // The views in `parts` point into `dims`, which must not move.
  dims.reserve(x.items.size());
  for (const Tensor& item : x.items) {
    parts.push_back(item.view());
    if (call.attributes.integer("new_axis") == 0) continue;
    dims.push_back(item.dims());
    std::size_t index = TRY(axis_index(axis, dims.back().size() + 1));
    dims.back().insert(dims.back().begin() + static_cast<std::ptrdiff_t>(index), 1);
    parts.back().dims = dims.back();
  }
  return concatenate(parts, axis, outputs);
}

// Without sizes, parts have size 1 along the axis. keepdims is only read then, as the specification says.
Result<void> infer_split(Inference& call) {
  Type item{call.element(0), std::nullopt};
  if (const Shape* in = call.shape(0)) {
    std::size_t axis = TRY(normal_axis(call, call.attributes().integer("axis"), in->size()));
    item.shape = *in;
    (*item.shape)[axis] = call.fresh_symbol();
    auto sizes = known_integers(call, 1);
    if (!call.present(1)) (*item.shape)[axis] = 1;
    else if (sizes && std::adjacent_find(sizes->begin(), sizes->end(), std::not_equal_to<>()) == sizes->end()) {
      // All parts are equal if the list of sizes repeats one number.
      // With a scalar size the last part may be smaller.
      const Shape* split = call.shape(1);
      bool even = split != nullptr && split->size() == 1 && !sizes->empty();
      if (even) (*item.shape)[axis] = (*sizes)[0];
    }
    bool keeps = call.present(1) || call.attributes().integer("keepdims", 1) != 0;
    if (!keeps) item.shape->erase(item.shape->begin() + static_cast<std::ptrdiff_t>(axis));
  }
  call.set_type(0, Type::sequence(item));
  return {};
}

// The parts' sizes along an axis of this size: a list must add up to it, while a scalar is a maximum, and the last part
// is what remains. The number of parts is bounded by the axis, since parts of a scalar size have one element or more.
Result<Dims> split_sizes(const TensorView& split, std::int64_t size) {
  if (split.present() && split.rank() == 1) {
    Dims sizes = TRY(integers(split, "the split"));
    std::int64_t sum = 0;
    for (std::int64_t part : sizes) {
      if (part < 0) return refuse("a part has a negative size");
      sum = TRY(checked_add(sum, part));
    }
    if (sum != size) return refuse("the parts' sizes do not add up to " + std::to_string(size));
    return sizes;
  }
  std::int64_t each = split.present() ? TRY(one_integer(split, "the split")) : 1;
  if (each <= 0) return refuse("parts of size " + std::to_string(each) + " cannot be made");
  Dims sizes;
  for (std::int64_t left = size; left > 0; left -= each) sizes.push_back(std::min(left, each));
  return sizes;
}

// Parts are copies: tensors are contiguous, and a part along an inner axis is not. keepdims=0 only changes the
// dimensions of parts of size 1, which share their memory with the reshaped form.
Result<void> split(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "0"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis"), x.rank()));
  Dims sizes = TRY(split_sizes(call.input(1), x.dim(axis)));
  TRY(outputs.claim(held_bytes(x) + sizes.size() * sizeof(Tensor)));
  Sequence& y = sequence_in(TRY(outputs.allocate(0, DType::sequence, {})));
  y.element = x.type;
  Dims dims(x.dims.begin(), x.dims.end());
  bool keeps = call.input(1).present() || call.attributes.integer("keepdims", 1) != 0;
  Dims kept = dims;
  kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(axis));
  std::int64_t start = 0;
  for (std::int64_t size : sizes) {
    dims[axis] = size;
    Tensor part(x.type, dims);
    TRY(copy_slice(x, axis, start, part.mutable_view()));
    y.items.push_back(keeps ? std::move(part) : part.reshaped(kept));
    start += size;
  }
  return {};
}

constexpr AttributeDef of_empty[] = {
    {"dtype", AttributeType::integer, "the items' element type, numbered as in ONNX; f32 (1) if absent"}};
constexpr AttributeDef of_concat[] = {
    {"axis", AttributeType::integer, "the axis along which the items are joined", true},
    {"new_axis", AttributeType::integer, "1: they are stacked along an axis of their own; 0 if absent"}};
constexpr AttributeDef of_split[] = {
    {"axis", AttributeType::integer, "the axis to split along; 0 if absent"},
    {"keepdims", AttributeType::integer, "0: parts of size 1 lose the axis, if no sizes are given; 1 if absent"}};

Tensor sequence_of(std::vector<Tensor> items) {
  DType element = items.empty() ? DType::f32 : items[0].type();
  return tensor_of(Sequence{element, std::move(items)});
}

constexpr OpDef defs[] = {
    {
        .name = "SequenceConstruct",
        .since = 11,
        .summary = "A sequence of the inputs.",
        .inputs = "inputs*:inputs",
        .outputs = "output_sequence",
        .types = any_type,
        .infer = infer_construct,
        .examples =
            [] {
              return Examples{{"two tensors of different sizes",
                               {f32({1}, {1}), f32({2}, {2, 3})},
                               {},
                               {sequence_of({f32({1}, {1}), f32({2}, {2, 3})})},
                               0}};
            },
    },
    {
        .name = "SequenceEmpty",
        .since = 11,
        .summary = "A sequence without items.",
        .inputs = "",
        .outputs = "output",
        .types = "any",
        .attributes = of_empty,
        .infer = infer_empty,
        .examples =
            [] {
              return Examples{{"of i64", {}, {{"dtype", std::int64_t{7}}}, {tensor_of(Sequence{DType::i64, {}})}, 0}};
            },
    },
    {
        .name = "SequenceInsert",
        .since = 11,
        .summary = "A sequence with an item inserted at a position or the end.",
        .inputs = "input_sequence tensor position?:i32,i64",
        .outputs = "output_sequence",
        .types = "sequence",
        .infer = infer_insert,
        .examples =
            [] {
              return Examples{{"at the end",
                               {sequence_of({i64({1}, {1})}), i64({2}, {2, 3})},
                               {},
                               {sequence_of({i64({1}, {1}), i64({2}, {2, 3})})},
                               0},
                              {"before the last",
                               {sequence_of({i64({}, {1}), i64({}, {3})}), i64({}, {2}), i32({}, {-1})},
                               {},
                               {sequence_of({i64({}, {1}), i64({}, {2}), i64({}, {3})})},
                               0}};
            },
    },
    {
        .name = "SequenceErase",
        .since = 11,
        .summary = "A sequence without the item at a position, or the last.",
        .inputs = "input_sequence position?:i32,i64",
        .outputs = "output_sequence",
        .types = "sequence",
        .infer = infer_erase,
        .examples =
            [] {
              return Examples{{"the first of two",
                               {sequence_of({strings({}, {"a"}), strings({1}, {"b"})}), i64({}, {0})},
                               {},
                               {sequence_of({strings({1}, {"b"})})},
                               0}};
            },
    },
    {
        .name = "SequenceAt",
        .since = 11,
        .summary = "The item at a position, from the end if it is negative.",
        .inputs = "input_sequence position:i32,i64",
        .outputs = "tensor",
        .types = "sequence",
        .infer = infer_at,
        .examples =
            [] {
              return Examples{{"the last",
                               {sequence_of({f32({1}, {1}), f32({2}, {2, 3})}), i64({}, {-1})},
                               {},
                               {f32({2}, {2, 3})},
                               0}};
            },
    },
    {
        .name = "SequenceLength",
        .since = 11,
        .summary = "How many items a sequence has.",
        .inputs = "input_sequence",
        .outputs = "length",
        .types = "sequence",
        .infer = infer_length,
        .examples =
            [] {
              return Examples{{"of two", {sequence_of({f32({1}, {1}), f32({}, {2})})}, {}, {i64({}, {2})}, 0}};
            },
    },
    {
        .name = "ConcatFromSequence",
        .since = 11,
        .summary = "The items of a sequence joined along an axis.",
        .inputs = "input_sequence",
        .outputs = "concat_result",
        .types = "sequence",
        .attributes = of_concat,
        .infer = infer_concat,
        .examples =
            [] {
              Tensor two = sequence_of({f32({1, 2}, {1, 2}), f32({1, 2}, {3, 4})});
              return Examples{
                  {"along an axis that they have", {two}, {{"axis", std::int64_t{0}}}, {f32({2, 2}, {1, 2, 3, 4})}, 0},
                  {"along an axis of their own",
                   {two},
                   {{"axis", std::int64_t{-1}}, {"new_axis", std::int64_t{1}}},
                   {f32({1, 2, 2}, {1, 3, 2, 4})},
                   0}};
            },
    },
    {
        .name = "SplitToSequence",
        .since = 24,
        .summary = "A tensor in parts along an axis, as a sequence.",
        .inputs = "input split?:i32,i64",
        .outputs = "output_sequence",
        .types = any_type,
        .attributes = of_split,
        .infer = infer_split,
        .examples =
            [] {
              return Examples{{"rows, without the axis",
                               {f32({2, 2}, {1, 2, 3, 4})},
                               {{"keepdims", std::int64_t{0}}},
                               {sequence_of({f32({2}, {1, 2}), f32({2}, {3, 4})})},
                               0},
                              {"by twos, the last smaller",
                               {f32({3}, {1, 2, 3}), i64({}, {2})},
                               {},
                               {sequence_of({f32({2}, {1, 2}), f32({1}, {3})})},
                               0},
                              {"by sizes along the last axis",
                               {f32({1, 3}, {1, 2, 3}), i64({2}, {1, 2})},
                               {{"axis", std::int64_t{-1}}},
                               {sequence_of({f32({1, 1}, {1}), f32({1, 2}, {2, 3})})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {
    {"", "SequenceConstruct", construct}, {"", "SequenceEmpty", empty},  {"", "SequenceInsert", insert_one},
    {"", "SequenceErase", erase},         {"", "SequenceAt", at},        {"", "SequenceLength", length},
    {"", "ConcatFromSequence", concat},   {"", "SplitToSequence", split}};

}  // namespace

std::span<const OpDef> sequence_ops() { return defs; }
std::span<const OpRun> sequence_runs() { return runs; }

}  // namespace modelctl::ops
