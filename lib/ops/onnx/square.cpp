// Det and EyeLike: determinants of square matrices, and matrices with ones on a diagonal.
//
// Smallest runner: regular, since hardly any model has determinants.
#include "ops/reference/element.hpp"
#include "ops/reference/generated.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

Result<void> infer_det(Inference& call) {
  TRY(need_rank(call, 0, 2));
  std::optional<Shape> shape;
  if (const Shape* x = call.shape(0); x != nullptr) {
    TRY(same_size(call, (*x)[x->size() - 2], x->back()));
    shape = Shape(x->begin(), x->end() - 2);
  }
  call.set_output(0, call.element(0), shape);
  return {};
}

// Gaussian elimination with the largest pivot of each column, O(n^3): the determinant is the product of the pivots, and
// each exchange of rows negates it. Partial pivoting keeps the factors at or below 1, so that rounding errors do not
// grow with them. A matrix of size 0 has determinant 1, the empty product. A column without a pivot makes the matrix
// singular.
double determinant(std::vector<double> m, std::int64_t n, const Call& call) {
  auto at = [&](std::int64_t row, std::int64_t column) -> double& {
    return m[static_cast<std::size_t>(row * n + column)];
  };
  double result = 1;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t row = k + 1; row < n; ++row) {
      const double size = std::fabs(at(row, k));
      // NaN is greater than nothing, so that it would never be chosen; as the pivot it reaches the result.
      if (size > std::fabs(at(pivot, k)) || std::isnan(size)) pivot = row;
    }
    if (call.interrupted() || at(pivot, k) == 0) return 0;
    // Columns before k are not read again.
    for (std::int64_t column = k; pivot != k && column < n; ++column) std::swap(at(k, column), at(pivot, column));
    result *= pivot != k ? -at(k, k) : at(k, k);
    for (std::int64_t row = k + 1; row < n; ++row) {
      double factor = at(row, k) / at(k, k);
      for (std::int64_t column = k + 1; column < n; ++column) at(row, column) -= factor * at(k, column);
    }
  }
  return result;
}

// Each matrix of the batch on its own, in f64. A NaN that elimination meets in a column gives NaN.
Result<void> det(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 2, "X"));
  std::int64_t n = x.dims.back();
  if (x.dim(x.rank() - 2) != n) return refuse("matrices of " + describe(x.type, x.dims) + " are not square");
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims.first(x.rank() - 2)));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::int64_t count = y.elements(), from = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<double> matrix(static_cast<std::size_t>(n * n));
    for (double& value : matrix) value = load(x.data, from++);
    store(y.data, i, determinant(std::move(matrix), n, call));
  }
  return {};
}

// The input gives the shape, and the element type unless dtype does. Its elements are not read.
Result<void> infer_eye(Inference& call) {
  TRY(need_rank(call, 0, 2, 2));
  auto type = numbered_type(call.attributes(), "dtype", call.element(0));
  if (!type) return call.bad(type.error().what);
  const Shape* x = call.shape(0);
  call.set_output(0, *type, x == nullptr ? std::nullopt : std::optional(*x));
  return {};
}

Result<void> eye(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.rank() != 2) return refuse("the input must be a matrix");
  DType type = TRY(numbered_type(call.attributes, "dtype", x.type));
  if (!with_type<NumbersAndBool>(type, []<class T>() {})) return refuse_type(type);
  std::int64_t columns = x.dim(1), k = call.attributes.integer("k");
  return generate(outputs, type, x.dims, [&](std::int64_t i) { return i % columns - i / columns == k ? 1 : 0; });
}

constexpr AttributeDef of_eye[] = {
    {"dtype", AttributeType::integer, "the element type, as ONNX numbers them; the input's if absent"},
    {"k", AttributeType::integer, "which diagonal; 0 if absent, positive ones above it"}};

constexpr OpDef defs[] = {
    {
        .name = "Det",
        .since = 22,
        .summary = "The determinant of each square matrix.",
        .inputs = "X",
        .outputs = "Y",
        .types = float_types,
        .infer = infer_det,
        .examples =
            [] {
              return Examples{{"one matrix", {f32({2, 2}, {0, 2, 3, 4})}, {}, {f32({}, {-6})}},
                              {"two, one of them singular",
                               {f32({2, 3, 3}, {2, 0, 1, 1, 3, 2, 1, 1, 2, 1, 2, 3, 2, 4, 6, 0, 1, 1})},
                               {},
                               {f32({2}, {6, 0})}},
                              {"what is not a number makes none", {f32({2, 2}, {0, -1, NAN, 0})}, {}, {f32({}, {NAN})}},
                              {"a batch", {f64({2, 2, 2}, {1, 2, 3, 4, 5, 0, 0, 5})}, {}, {f64({2}, {-2, 25})}}};
            },
    },
    {
        .name = "EyeLike",
        .since = 22,
        .summary = "A matrix of the input's size with ones on one diagonal and zeros elsewhere.",
        .inputs = "input",
        .outputs = "output",
        .types = "f32 f64 f16 bf16 i8 i16 i32 i64 u8 u16 u32 u64 bool",
        .attributes = of_eye,
        .infer = infer_eye,
        .examples =
            [] {
              return Examples{{"above the main diagonal",
                               {i32({2, 3}, {9, 9, 9, 9, 9, 9})},
                               {{"k", std::int64_t{1}}, {"dtype", std::int64_t{1}}},
                               {f32({2, 3}, {0, 1, 0, 0, 0, 1})},
                               0},
                              {"the main diagonal", {i32({2, 2}, {5, 5, 5, 5})}, {}, {i32({2, 2}, {1, 0, 0, 1})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Det", det}, {"", "EyeLike", eye}};

}  // namespace

std::span<const OpDef> square_ops() { return defs; }
std::span<const OpRun> square_runs() { return runs; }

}  // namespace modelctl::ops
