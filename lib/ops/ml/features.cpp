// ai.onnx.ml: Imputer, Binarizer and FeatureVectorizer, which prepare columns of numbers for a model. The first two
// keep the element type; the last one joins inputs of any types into one f32 table.
#include "ops/reference/element.hpp"
#include "ops/reference/scores.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using Types = TypeList<float, double, std::int64_t, std::int32_t>;

// Replaces each element that equals the marker of missing values, by column. NaN as the marker finds every NaN,
// although NaN equals nothing. Floats and integers have attributes of their own.
Result<void> impute(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  const auto& numbers = call.attributes.numbers("imputed_value_floats");
  const auto& whole = call.attributes.integers("imputed_value_int64s");
  // The list for the other kind of number may be there as well, and is not read.
  std::size_t given = is_float(x.type) ? numbers.size() : whole.size();
  // Columns are the last axis: a row [C] has as many as a table [N, C], and a scalar has one.
  std::int64_t columns = x.dims.empty() ? 1 : x.dims.back();
  if (given != 1 && static_cast<std::int64_t>(given) != columns) {
    return refuse("there must be one value to impute, or one for each column");
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  return for_type<Types>(x.type, [&]<class T>() -> Result<void> {
    auto replaced = static_cast<T>(std::is_integral_v<T> ? call.attributes.integer("replaced_value_int64") : 0);
    if constexpr (!std::is_integral_v<T>) replaced = static_cast<T>(call.attributes.number("replaced_value_float"));
    for (std::size_t i = 0; i < x.as<T>().size(); ++i) {
      T value = x.as<T>()[i];
      // value != value is true of NaN alone; for integers the second part is never true.
      if (value == replaced || (value != value && replaced != replaced)) {
        std::size_t column = given == 1 ? 0 : i % static_cast<std::size_t>(columns);
        if constexpr (std::is_integral_v<T>) value = static_cast<T>(whole[column]);
        else value = static_cast<T>(numbers[column]);
      }
      y.as<T>()[i] = value;
    }
    return {};
  });
}

// 1 for what is greater than the threshold, else 0; NaN gives 0. The comparison is in f64, so that an i64 does not
// wrap.
Result<void> binarize(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  double threshold = static_cast<double>(call.attributes.number("threshold"));
  // The threshold is an f32, so that an i64 which f64 rounds, one beyond 2^53, is misjudged at most right beside it.
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  return for_type<Types>(x.type, [&]<class T>() -> Result<void> {
    std::transform(x.as<T>().begin(), x.as<T>().end(), y.as<T>().begin(),
                   [&](T value) { return static_cast<T>(static_cast<double>(value) > threshold ? 1 : 0); });
    return {};
  });
}

// FeatureVectorizer's output has the sum of inputdimensions as columns, whatever the inputs' own widths are.
Result<void> infer_join(Inference& call) {
  const auto& sizes = call.attributes().integers("inputdimensions");
  if (sizes.size() != call.inputs()) return call.bad("inputdimensions must have one number for each input");
  std::int64_t columns = 0;
  for (std::int64_t size : sizes) {
    if (size < 0 || size > std::int64_t{1} << 31) return call.bad("inputdimensions are out of range");
    columns += size;
  }
  const Shape* x = call.shape(0);
  Expr rows = x == nullptr ? call.fresh_symbol() : x->size() == 2 ? (*x)[0] : Expr(1);
  call.set_output(0, DType::f32, Shape{std::move(rows), Expr(columns)});
  return {};
}

// Concatenates the rows of all inputs. An input with fewer columns than inputdimensions says is filled up with zeros,
// one with more is cut: the specification fixes the output's width, not the inputs'.
Result<void> join(const Call& call, Outputs& outputs) {
  const auto& sizes = call.attributes.integers("inputdimensions");
  if (sizes.size() != call.inputs.size() || sizes.empty()) {
    return refuse("inputdimensions must have one number for each input");
  }
  // Every input may have a type of its own: each becomes a table of f64, and its numbers are rounded to f32 once.
  std::vector<Table> tables;
  std::int64_t columns = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    tables.push_back(TRY(read_table(call.inputs[i])));
    if (tables.back().rows != tables[0].rows) return refuse("the inputs have different numbers of rows");
    if (sizes[i] < 0) return refuse("inputdimensions are out of range");
    columns = TRY(checked_add(columns, sizes[i]));
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, Dims{tables[0].rows, columns}));
  float* out = y.as<float>().data();
  for (std::int64_t row = 0; row < tables[0].rows; ++row) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      for (std::int64_t column = 0; column < sizes[i]; ++column) {
        *out++ =
            column < tables[i].columns ? static_cast<float>(tables[i].row(row)[static_cast<std::size_t>(column)]) : 0;
      }
    }
  }
  return {};
}

constexpr AttributeDef of_imputer[] = {
    {"imputed_value_floats", AttributeType::numbers, "what replaces: one number, or one for each column"},
    {"imputed_value_int64s", AttributeType::integers, "the same for columns of whole numbers"},
    {"replaced_value_float", AttributeType::number, "what is replaced, NaN included; 0 if absent"},
    {"replaced_value_int64", AttributeType::integer, "the same for columns of whole numbers"}};
constexpr AttributeDef of_binarizer[] = {
    {"threshold", AttributeType::number, "what is above it becomes 1; 0 if absent"}};
constexpr AttributeDef of_vectorizer[] = {{"inputdimensions", AttributeType::integers, "each input's columns"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.ml",
        .name = "Imputer",
        .since = 1,
        .summary = "Replaces one value, which stands for what is missing.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_imputer,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"NaN, by column",
                               {f32({2, 2}, {1, NAN, NAN, 4})},
                               {{"imputed_value_floats", std::vector<float>{7, 8}}, {"replaced_value_float", NAN}},
                               {f32({2, 2}, {1, 8, 7, 4})}},
                              {"a whole number",
                               {i64({1, 3}, {-1, 2, -1})},
                               {{"imputed_value_int64s", Ints{5}}, {"replaced_value_int64", std::int64_t{-1}}},
                               {i64({1, 3}, {5, 2, 5})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "Binarizer",
        .since = 1,
        .summary = "1 above the threshold, 0 up to it.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_binarizer,
        .infer = infer_same,
        .examples =
            [] {
              return Examples{{"a half", {f32({3}, {0, 0.5f, 1})}, {{"threshold", 0.5f}}, {f32({3}, {0, 0, 1})}},
                              {"whole numbers", {i64({2}, {-1, 2})}, {}, {i64({2}, {0, 1})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "FeatureVectorizer",
        .since = 1,
        .summary = "Columns of several inputs side by side.",
        .inputs = "X*:X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_vectorizer,
        .infer = infer_join,
        .examples =
            [] {
              return Examples{{"two inputs, the second filled up with zeros",
                               {f32({2, 1}, {1, 2}), f32({2, 1}, {3, 4})},
                               {{"inputdimensions", Ints{1, 2}}},
                               {f32({2, 3}, {1, 3, 0, 2, 4, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"ai.onnx.ml", "Imputer", impute},
                          {"ai.onnx.ml", "Binarizer", binarize},
                          {"ai.onnx.ml", "FeatureVectorizer", join}};

}  // namespace

std::span<const OpDef> features_ops() { return defs; }
std::span<const OpRun> features_runs() { return runs; }

}  // namespace modelctl::ops
