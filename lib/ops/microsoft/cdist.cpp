// CDist: the distance of each row of A to each row of B, as nearest-neighbor models of scikit-learn are exported. It
// sums squared differences in f64. ONNX Runtime expands them to a² - 2ab + b², which is a matrix product but loses
// digits if rows are close to each other: the distance of a row to itself is then not 0.
//
// Smallest runner: regular, since it belongs to classical models.
#include "ops/family/cost.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Shape;

enum class Metric : std::uint8_t { euclidean, squared };
constexpr std::string_view metrics = "euclidean sqeuclidean";

Result<void> infer(Inference& call) {
  for (std::size_t index : {0u, 1u}) TRY(need_rank(call, index, 2, 2));
  DType element = TRY(common_element(call));
  const Shape *a = call.shape(0), *b = call.shape(1);
  std::optional<Shape> distances;
  if (a != nullptr && b != nullptr) {
    TRY(same_size(call, (*a)[1], (*b)[1]));
    distances = Shape{(*a)[0], (*b)[0]};
  }
  call.set_output(0, element, std::move(distances));
  return {};
}

// sum over i of (a_i - b_i)². The difference of equal elements is exactly 0, and no square of f32 overflows in f64: the
// greatest is about 1e77. A NaN in either row makes the distance NaN. Rows of 0 columns are 0 apart.
template <class T>
double squared_distance(const T* a, const T* b, std::int64_t columns) {
  double sum = 0;
  for (std::int64_t i = 0; i < columns; ++i) {
    double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

// Takes rows(A) * rows(B) * columns steps and no scratch memory: the expanded form would keep the norms of all rows.
// The rounding to the element type comes last, after the root, so that only a distance that is itself too large becomes
// infinite.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1);
  TRY(same_type(a, b));
  if (a.rank() != 2 || b.rank() != 2 || a.dim(1) != b.dim(1)) {
    return refuse("A and B must be rows of one length, not " + describe(a.type, a.dims) + " and " +
                  describe(b.type, b.dims));
  }
  auto metric = choice_of<Metric>(call.attributes, "metric", metrics);
  const std::int64_t columns = a.dim(1);
  MutableTensorView y = TRY(outputs.allocate(0, a.type, Dims{a.dim(0), b.dim(0)}));
  return for_type<TypeList<float, double>>(a.type, [&]<class T>() -> Result<void> {
    const T *left = a.as<T>().data(), *right = b.as<T>().data();
    T* out = y.as<T>().data();
    for (std::int64_t i = 0; i < a.dim(0); ++i) {
      for (std::int64_t j = 0; j < b.dim(0); ++j) {
        if (j % 64 == 0 && call.interrupted()) return {};
        double squared = squared_distance(left + i * columns, right + j * columns, columns);
        *out++ = static_cast<T>(metric == Metric::squared ? squared : std::sqrt(squared));
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {text_choice("metric", metrics, "the distance of two rows, or its square", true)};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "CDist",
        .since = 1,
        .summary = "The distance of each row of A to each row of B.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = "f32 f64",
        .attributes = attributes,
        .traits = {.multiplications = product_of_operands},
        .infer = infer,
        .examples =
            [] {
              return Examples{{"euclidean, of a row to itself too",
                               {f32({2, 2}, {0, 0, 3, 4}), f32({3, 2}, {0, 0, 3, 4, 0, 1})},
                               {{"metric", std::string("euclidean")}},
                               {f32({2, 3}, {0, 5, 1, 5, 0, 4.2426407f})}},
                              {"squares, of f64",
                               {f64({1, 1}, {1.5}), f64({2, 1}, {-0.5, 1e9})},
                               {{"metric", std::string("sqeuclidean")}},
                               {f64({1, 2}, {4, 999999997000000002.25})}}};
            },
    },
};
constexpr OpRun runs[] = {{"com.microsoft", "CDist", evaluate}};

}  // namespace

std::span<const OpDef> cdist_ops() { return defs; }
std::span<const OpRun> cdist_runs() { return runs; }

}  // namespace modelctl::ops
