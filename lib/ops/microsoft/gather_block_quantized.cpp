// GatherBlockQuantized: rows of a table that is quantized in blocks, such as a decoder's embeddings. It is decomposed
// into Gather and DequantizeLinear in this order, so that only the rows that are gathered are dequantized. Elements of
// 2 or 4 bits come packed in bytes, low bits first, or as ONNX's own types of 4 bits.
//
// Smallest runner: regular, since embedding tables of 4 bits belong to language models.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/rewrite.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Node;
using graph::Shape;
using graph::Value;

// An element of the table is (data - zero point) * scale, where the scale is that of the element's block: block_size
// elements in a row along quantize_axis. Scales have the table's shape, with the number of blocks in place of that
// axis.

// Elements in one element of the table: more than one only for bytes that pack them.
std::int64_t per_byte(const Attributes& attributes, DType type) {
  std::int64_t bits = attributes.integer("bits", 4);
  return type == DType::u8 && (bits == 2 || bits == 4) ? 8 / bits : 1;
}

// Gather's shape; the last axis of packed bytes grows by the elements of a byte.
Result<void> infer(Inference& call) {
  std::int64_t bits = call.attributes().integer("bits", 4);
  if (bits != 2 && bits != 4 && bits != 8) return call.bad("bits must be 2, 4 or 8");
  const Shape *data = call.shape(0), *indices = call.shape(1);
  if (data == nullptr || indices == nullptr || data->empty()) {
    call.set_output(0, call.element(2), std::nullopt);
    return {};
  }
  std::size_t axis = TRY(normal_axis(call, call.attributes().integer("gather_axis"), data->size()));
  TRY(normal_axis(call, call.attributes().integer("quantize_axis", 1), data->size()));
  // Packing goes along the last axis: an index there would have to address a part of a byte.
  if (axis + 1 == data->size() && call.element(0) == DType::u8)
    return call.bad("bytes are gathered along an axis before the last");
  Shape shape(data->begin(), data->begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), indices->begin(), indices->end());
  shape.insert(shape.end(), data->begin() + static_cast<std::ptrdiff_t>(axis) + 1, data->end());
  if (axis + 1 < data->size()) shape.back() = shape.back() * Expr(per_byte(call.attributes(), call.element(0)));
  call.set_output(0, call.element(2), std::move(shape));
  return {};
}

// Unpacks bytes along the last axis: element i of a byte is (byte >> i * bits) & mask. `rank` is that of `bytes`.
// [..., n] becomes [..., n, 8 / bits] and then [..., n * 8 / bits]: the elements of a byte are next to each other. In
// the Reshape, 0 copies a size and -1 stands for the last one, which need not be known.
Result<Value*> apart(Rewrite& to, Value* bytes, std::int64_t bits, std::size_t rank) {
  if (bits == 8) return bytes;
  auto byte = [&](std::int64_t value) { return to.number(DType::u8, static_cast<double>(value)); };
  std::vector<Value*> elements;
  for (std::int64_t first = 0; first < 8; first += bits) {
    Value* moved = TRY(to.add("BitShift", {bytes, byte(first)}, {{"direction", std::string("RIGHT")}}));
    Value* element = TRY(to.add("BitwiseAnd", {moved, byte((1 << bits) - 1)}));
    elements.push_back(TRY(to.add("Unsqueeze", {element, to.ints({-1})})));
  }
  Value* all = TRY(to.add("Concat", std::move(elements), {{"axis", std::int64_t{-1}}}));
  std::vector<std::int64_t> sizes(rank - 1, 0);
  sizes.push_back(-1);
  return to.add("Reshape", {all, to.ints(std::move(sizes))});
}

// If the blocks lie along the gathered axis, a gathered row is only a part of a block: the whole table is dequantized
// before. Else table, scales and zero points are gathered alike, and the axis of the blocks shifts by the index axes.
Result<void> decompose(Node& node) {
  Rewrite to(node);
  Value *data = node.input(0), *scales = node.input(2), *zeros = node.input(3);
  if (!data->type.shape || !node.input(1)->type.shape) return to.bad("the rank of the data or the indices is unknown");
  auto rank = static_cast<std::int64_t>(data->type.shape->size());
  std::int64_t gathered = node.attributes.integer("gather_axis"), axis = node.attributes.integer("quantize_axis", 1);
  gathered += gathered < 0 ? rank : 0;
  axis += axis < 0 ? rank : 0;
  auto gather = [&](Value* value) -> Result<Value*> {
    if (value == nullptr) return value;
    return to.add("Gather", {value, node.input(1)}, {{"axis", gathered}});
  };
  Attributes blocks{{"block_size", node.attributes.integer("block_size", 128)}};
  const bool bytes = data->type.element == DType::u8;
  if (gathered == axis) {
    // Of i4 and u4 DequantizeLinear takes the whole table as it is; one of packed bytes would have to be unpacked as a
    // whole before.
    if (bytes) return to.bad("data of bytes cannot be gathered along the axis of its blocks");
    blocks.set("axis", axis);
    to.finish({TRY(gather(TRY(to.add("DequantizeLinear", {data, scales, zeros}, std::move(blocks)))))});
    return {};
  }
  // Gather replaces one axis by those of the indices; a scalar index removes it, and `more` is then -1.
  auto more = static_cast<std::int64_t>(node.input(1)->type.shape->size()) - 1;
  blocks.set("axis", axis > gathered ? axis + more : axis);
  data = TRY(gather(data));
  scales = TRY(gather(scales));
  zeros = TRY(gather(zeros));
  // DequantizeLinear takes i4 and u4 as they are, with the zero point 0 if none is given. Packed bytes become one
  // element to a byte first, and have another default.
  if (bytes) {
    std::int64_t bits = node.attributes.integer("bits", 4);
    auto rows = static_cast<std::size_t>(rank + more);
    data = TRY(apart(to, data, bits, rows));
    if (zeros == nullptr) {  // the default is the middle of the range
      Value* middle = to.number(DType::u8, static_cast<double>(1 << (bits - 1)));
      zeros = TRY(to.add("Expand", {middle, TRY(to.add("Shape", {scales}))}));
    } else if (bits != 8) {  // the last byte of a row may have more elements than there are scales
      zeros = TRY(apart(to, zeros, bits, rows));
      zeros = TRY(to.add("Slice", {zeros, to.ints({0}), TRY(to.size(scales, rank + more - 1)), to.ints({-1})}));
    }
  }
  to.finish({TRY(to.add("DequantizeLinear", {data, scales, zeros}, std::move(blocks)))});
  return {};
}

constexpr AttributeDef attributes[] = {
    {"bits", AttributeType::integer, "of an element of u8 data: 2, 4 or 8; 4 if absent"},
    {"block_size", AttributeType::integer, "elements to a scale; 128 if absent"},
    {"gather_axis", AttributeType::integer, "the axis that the indices speak of; 0 if absent"},
    {"quantize_axis", AttributeType::integer, "the axis that is cut into blocks; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "GatherBlockQuantized",
        .since = 1,
        .summary = "Rows of a table that is quantized in blocks, as numbers.",
        .inputs = "data indices:i32,i64 scales:f32,f16,bf16 zero_points?:data",
        .outputs = "output",
        .types = "i4 u4 u8",
        .attributes = attributes,
        .infer = infer,
        .decompose = decompose,
        .examples =
            [] {
              Attributes blocks{{"block_size", std::int64_t{16}}};
              auto row = [](std::uint8_t first, std::uint8_t second) {
                std::vector<std::uint8_t> bytes(8, first);
                bytes.insert(bytes.end(), 8, second);
                Tensor table(DType::u8, {2, 8});
                std::copy(bytes.begin(), bytes.end(), table.mutable_view().as<std::uint8_t>().begin());
                return table;
              };
              auto filled = [](std::initializer_list<std::pair<float, float>> rows) {
                Tensor all(DType::f32, {static_cast<std::int64_t>(rows.size()), 16});
                auto to = all.mutable_view().as<float>().begin();
                for (auto [even, odd] : rows) {
                  for (int i = 0; i < 8; ++i) *to++ = even, *to++ = odd;
                }
                return all;
              };
              return Examples{{"two elements to a byte, the lower one first, from the middle",
                               {row(0x98, 0x7a), i64({2}, {1, 0}), f32({2, 1}, {1, 0.5f})},
                               blocks,
                               {filled({{1, -0.5f}, {0, 1}})},
                               0},
                              {"zero points, which share a byte with nothing",
                               {row(0x98, 0x7a), i64({1}, {1}), f32({2, 1}, {1, 0.5f}), u8({2, 1}, {0, 7})},
                               blocks,
                               {filled({{1.5f, 0}})},
                               0}};
            },
    },
};

}  // namespace

std::span<const OpDef> gather_block_quantized_ops() { return defs; }
std::span<const OpRun> gather_block_quantized_runs() { return {}; }

}  // namespace modelctl::ops
