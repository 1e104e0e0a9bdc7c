// Softmax, LogSoftmax and Hardmax along one axis. The greatest element is subtracted first, so the exponentials lie in
// (0, 1] and their sum is at least 1: nothing overflows and nothing divides by zero.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"

namespace modelctl::ops {
namespace {

Result<void> infer(Inference& call) {
  if (const graph::Shape* in = call.shape(0)) TRY(normal_axis(call, call.attributes().integer("axis", -1), in->size()));
  return infer_same(call);
}

// Each row is converted to f64 and replaced in place. The tensor is seen as [outer, length, inner]: row `at` begins at
// at / inner * length * inner + at % inner and its elements are `inner` apart.
template <void (*row)(std::span<double>)>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "0"));
  std::size_t axis = TRY(axis_index(call.attributes.integer("axis", -1), x.rank()));
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::int64_t length = x.dim(axis), inner = product(x.dims.subspan(axis + 1));
  std::int64_t outer = product(x.dims.first(axis));
  std::vector<double> values(static_cast<std::size_t>(length));
  for (std::int64_t at = 0; at < outer * inner && length > 0; ++at) {
    std::int64_t base = at / inner * length * inner + at % inner;
    for (std::int64_t i = 0; i < length; ++i) values[static_cast<std::size_t>(i)] = load(x.data, base + i * inner);
    row(values);
    for (std::int64_t i = 0; i < length; ++i) store(y.data, base + i * inner, values[static_cast<std::size_t>(i)]);
  }
  return {};
}

// exp(x - max) / sum of exp(x - max). A row of minus infinities only, or with plus infinity or NaN, is NaN everywhere:
// the difference of two infinities is NaN, and then so is the sum.
void softmax(std::span<double> row) {
  double most = *std::max_element(row.begin(), row.end()), sum = 0;
  for (double& x : row) sum += x = std::exp(x - most);
  for (double& x : row) x /= sum;
}

// x - max - log(sum of exp(x - max)): the logarithm of softmax would be minus infinity where the exponential
// underflows.
void log_softmax(std::span<double> row) {
  double most = *std::max_element(row.begin(), row.end()), sum = 0;
  for (double x : row) sum += std::exp(x - most);
  double shift = most + std::log(sum);
  for (double& x : row) x -= shift;
}

// 1 at the first greatest element, and 0 at ones that equal it, as the specification says.
void hardmax(std::span<double> row) {
  auto most = std::max_element(row.begin(), row.end()) - row.begin();
  std::fill(row.begin(), row.end(), 0.0);
  row[static_cast<std::size_t>(most)] = 1;
}

// Until opset 12 the input was taken as a matrix, split before `axis` (1 if absent), and its rows were the groups: all
// axes from `axis` on together. That is the newer form for the last axis; otherwise the node becomes Flatten, itself on
// a matrix, and Reshape to the sizes that Shape gives.
Result<void> upgrade(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  if (upgrade.opset >= 13) return {};
  std::int64_t axis = node.attributes.integer("axis", 1);
  node.attributes.set("axis", std::int64_t{-1});
  const auto& shape = node.input(0)->type.shape;
  bool last = axis == -1 || (shape && axis == static_cast<std::int64_t>(shape->size()) - 1);
  if (last) return {};
  graph::Value* x = node.input(0);
  graph::Value* matrix = upgrade.insert("Flatten", {x}, {{"axis", axis}});
  graph::Value* result = upgrade.insert(node.op, {matrix}, node.attributes);
  node.set_input(1, upgrade.insert("Shape", {x}));
  node.set_input(0, result);
  node.op = "Reshape";
  node.attributes = {{"allowzero", std::int64_t{1}}};  // an empty axis stays empty
  return {};
}

constexpr AttributeDef attributes[] = {{"axis", AttributeType::integer, "the axis of a group; the last if absent"}};

constexpr char softmax_kernel[] = "softmax_f32", log_softmax_kernel[] = "log_softmax_f32";

// The kernel works along the last axis, where the elements of a group are contiguous. Each element of the output
// depends on its own row alone, so that the kernel may write over its input.
template <const char* kernel>
Result<bool> lower(Lowering& call) {
  if (!call.plain_f32(0)) return false;
  auto rank = static_cast<std::int64_t>(call.shape(0)->size());
  std::int64_t axis = call.attributes().integer("axis", -1);
  if (axis != -1 && axis != rank - 1) return false;
  call.emit(kernel, {call.node().input(0)}, {{"axis", std::int64_t{-1}}}, 0);
  return true;
}

constexpr OpDef defs[] = {
    {
        .name = "Softmax",
        .since = 13,
        .summary = "Exponentials that add up to 1 along an axis.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = attributes,
        .traits = {.axis_attribute = AxisAttribute::last},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade,
        .lower = lower<softmax_kernel>,
        .examples =
            [] {
              return Examples{
                  {"each row",
                   {f32({2, 2}, {0, 0, 1000, 1001})},
                   {},
                   {f32({2, 2}, {0.5f, 0.5f, 0.26894143f, 0.7310586f})}},
                  {"each column", {f32({2, 1}, {0, 0})}, {{"axis", std::int64_t{0}}}, {f32({2, 1}, {0.5f, 0.5f})}}};
            },
    },
    {
        .name = "LogSoftmax",
        .since = 13,
        .summary = "The logarithm of Softmax.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = attributes,
        .traits = {.axis_attribute = AxisAttribute::last},
        .infer = infer,
        .short_floats = ShortFloats::widen,
        .upgrade = upgrade,
        .lower = lower<log_softmax_kernel>,
        .examples =
            [] {
              return Examples{{"one row", {f32({1, 2}, {0, 0})}, {}, {f32({1, 2}, {-0.6931472f, -0.6931472f})}}};
            },
    },
    {
        .name = "Hardmax",
        .since = 13,
        .summary = "1 at the first greatest element along an axis, else 0.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = attributes,
        .traits = {.axis_attribute = AxisAttribute::last},
        .infer = infer,
        .upgrade = upgrade,
        .examples =
            [] {
              return Examples{{"one row", {f32({1, 3}, {1, 3, 3})}, {}, {f32({1, 3}, {0, 1, 0})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {
    {"", "Softmax", evaluate<softmax>}, {"", "LogSoftmax", evaluate<log_softmax>}, {"", "Hardmax", evaluate<hardmax>}};

}  // namespace

std::span<const OpDef> softmax_ops() { return defs; }
std::span<const OpRun> softmax_runs() { return runs; }

}  // namespace modelctl::ops
