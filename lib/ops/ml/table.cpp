// ai.onnx.ml: Normalizer, Scaler and ArrayFeatureExtractor, on tables [N,C] or single rows [C]. The first two convert
// every number type to f32, as the specification says; only the extractor keeps the type, and takes strings.
#include "ops/reference/scores.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// Output 0 is f32 of input 0's shape, whatever its element type.
Result<void> infer_f32(Inference& call) {
  const Shape* x = call.shape(0);
  call.set_output(0, DType::f32, x == nullptr ? std::nullopt : std::optional(*x));
  return {};
}

// Divides each row by its norm. MAX is the largest element, not the largest magnitude: ONNX Runtime does the same, and
// scikit-learn's Normalizer differs for rows of negative numbers. A norm of 0 leaves the row unchanged.
//   MAX: max of x_i     L1: sum of |x_i|     L2: sqrt(sum of x_i²)
// In f64, where the square of an f32 neither overflows nor becomes 0.
Result<void> normalize(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  std::string_view norm = call.attributes.text("norm", "MAX");
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, call.input(0).dims));
  float* out = y.as<float>().data();
  for (std::int64_t index = 0; index < x.rows; ++index) {
    auto row = x.row(index);
    double size = norm == "MAX" && !row.empty() ? *std::max_element(row.begin(), row.end()) : 0;
    for (double value : row) {
      if (norm == "L1") size += std::fabs(value);
      if (norm == "L2") size += value * value;
    }
    if (norm == "L2") size = std::sqrt(size);
    for (double value : row) *out++ = static_cast<float>(size == 0 ? value : value / size);
  }
  return {};
}

// (x - offset) * scale, column by column.
// One rounding to f32, after both operations: x - offset of close numbers keeps its digits.
Result<void> scale(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  const auto &offset = call.attributes.numbers("offset"), &factor = call.attributes.numbers("scale");
  for (const auto* list : {&offset, &factor}) {
    if (list->size() != 1 && static_cast<std::int64_t>(list->size()) != x.columns) {
      return refuse("offset and scale must have one number, or one for each column");
    }
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, call.input(0).dims));
  auto out = y.as<float>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::size_t column = i % static_cast<std::size_t>(x.columns);
    double shift = static_cast<double>(offset[offset.size() == 1 ? 0 : column]);
    out[i] = static_cast<float>((x.values[i] - shift) * static_cast<double>(factor[factor.size() == 1 ? 0 : column]));
  }
  return {};
}

// X [..., C] and indices of any shape, counted through: [..., number of indices]; a row [C] becomes [1, ...].
Result<void> infer_extract(Inference& call) {
  TRY(need_rank(call, 0, 1));
  const Shape *x = call.shape(0), *y = call.shape(1);
  std::optional<Shape> shape;
  if (x != nullptr) {
    shape = x->size() == 1 ? Shape{Expr(1), Expr(1)} : *x;
    shape->back() = y == nullptr ? call.fresh_symbol() : product(*y);
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

// Picks columns by index. Repeated indices are allowed; negative ones count from the end.
Result<void> extract(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 1, "X"));
  Dims picks = TRY(indices(call.input(1), x.dims.back()));
  Dims dims(x.dims.begin(), x.dims.end());
  if (dims.size() == 1) dims.insert(dims.begin(), 1);
  dims.back() = static_cast<std::int64_t>(picks.size());
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (y.elements() == 0) return {};
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    // The last axis is not 0 here: an empty one has an empty output, or an index that `indices` has refused.
    for (std::int64_t row = 0; row < x.elements() / x.dims.back(); ++row) {
      for (std::int64_t pick : picks) *out++ = in[row * x.dims.back() + pick];
    }
    return {};
  });
}

constexpr AttributeDef of_normalizer[] = {text_choice("norm", "MAX L1 L2", "what each row is divided by")};
constexpr AttributeDef of_scaler[] = {
    {"offset", AttributeType::numbers, "what is subtracted: one number, or one for each column"},
    {"scale", AttributeType::numbers, "what then multiplies: one number, or one for each column"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.ml",
        .name = "Normalizer",
        .since = 1,
        .summary = "Each row over its norm; a row of zeros stays.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_normalizer,
        .infer = infer_f32,
        .examples =
            [] {
              return Examples{
                  {"L1",
                   {f32({2, 2}, {1, -3, 0, 0})},
                   {{"norm", std::string("L1")}},
                   {f32({2, 2}, {0.25f, -0.75f, 0, 0})}},
                  {"MAX", {f32({2}, {1, 4})}, {}, {f32({2}, {0.25f, 1})}},
                  {"L2", {i64({1, 2}, {3, 4})}, {{"norm", std::string("L2")}}, {f32({1, 2}, {0.6f, 0.8f})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "Scaler",
        .since = 1,
        .summary = "Each column shifted and scaled.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_scaler,
        .infer = infer_f32,
        .examples =
            [] {
              return Examples{{"two columns",
                               {f32({1, 2}, {1, 2})},
                               {{"offset", std::vector<float>{1, 0}}, {"scale", std::vector<float>{0.5f}}},
                               {f32({1, 2}, {0, 1})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "ArrayFeatureExtractor",
        .since = 1,
        .summary = "Picks columns by index.",
        .inputs = "X Y:i64",
        .outputs = "Z",
        .types = any_type,
        .infer = infer_extract,
        .examples =
            [] {
              return Examples{{"two columns",
                               {f32({2, 3}, {1, 2, 3, 4, 5, 6}), i64({2}, {2, 0})},
                               {},
                               {f32({2, 2}, {3, 1, 6, 4})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"ai.onnx.ml", "Normalizer", normalize},
                          {"ai.onnx.ml", "Scaler", scale},
                          {"ai.onnx.ml", "ArrayFeatureExtractor", extract}};

}  // namespace

std::span<const OpDef> table_ops() { return defs; }
std::span<const OpRun> table_runs() { return runs; }

}  // namespace modelctl::ops
