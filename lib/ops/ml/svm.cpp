// ai.onnx.ml: SVMClassifier and SVMRegressor, in libsvm's layout: support vectors with a kernel, or linear functions if
// there are none. A classifier of k labels holds k(k-1)/2 decision functions, one for each pair of labels, in the order
// (0,1), (0,2), …, (1,2), …; rho, prob_a and prob_b have one number for each of them.
//
// Smallest runner: regular, since classical models seldom use support vectors.
#include "ops/family/scores.hpp"
#include "ops/reference/scores.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using Row = std::span<const double>;

// Theory. A support vector machine decides by the sign of
//   f(x) = sum over support vectors v of c_v * K(v, x) + rho,
// where K is a scalar product in a space that is never computed (Cortes and Vapnik, 1995) and c_v is the vector's
// weight with the sign of its class. libsvm subtracts its rho; the operator's has the other sign and is added. A linear
// K lets the sum over v be done once, to one vector of coefficients: the form without support vectors.

// The kernel function of two rows: linear a·b, poly (gamma a·b + c)^degree, rbf exp(-gamma |a-b|²), sigmoid
// tanh(gamma a·b + c).
constexpr std::string_view kernel_types = "LINEAR POLY RBF SIGMOID";
struct Kernel {
  enum Kind { linear, poly, rbf, sigmoid } kind = linear;
  double gamma = 0, constant = 0, degree = 0;

  // Small whole degrees, the usual ones, are multiplied out; a negative base then needs no care.
  double power(double base) const {
    if (degree != std::floor(degree) || degree < 0 || degree > 16) return std::pow(base, degree);
    double value = 1;
    for (int i = 0; i < static_cast<int>(degree); ++i) value *= base;
    return value;
  }

  double operator()(Row a, const float* b) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      auto other = static_cast<double>(b[i]);
      sum += kind == rbf ? (a[i] - other) * (a[i] - other) : a[i] * other;
    }
    switch (kind) {
      case linear: return sum;
      case poly: return power(gamma * sum + constant);
      case rbf: return std::exp(-gamma * sum);
      case sigmoid: return std::tanh(gamma * sum + constant);
    }
    return sum;
  }
};

// kernel_params may be absent for a linear kernel, which has none.
Result<Kernel> read_kernel(const Attributes& attributes) {
  Kernel kernel;
  kernel.kind = choice_of<Kernel::Kind>(attributes, "kernel_type", kernel_types);
  const auto& parameters = attributes.numbers("kernel_params");
  if (parameters.empty()) return kernel;
  if (parameters.size() != 3) return refuse("kernel_params must be gamma, the constant and the degree");
  kernel.gamma = static_cast<double>(parameters[0]);
  kernel.constant = static_cast<double>(parameters[1]);
  kernel.degree = static_cast<double>(parameters[2]);
  return kernel;
}

// The attributes of a classifier. read_classifier checks every length that the loops below rely on.
struct Classifier {
  ClassLabels labels;
  Kernel kernel;
  const std::vector<float>&vectors, &coefficients, &rho, &prob_a, &prob_b;
  const std::vector<std::int64_t>& per_class;
  std::size_t count = 0;  // of support vectors, sorted by class; 0: one linear function for each class

  std::size_t classes() const { return labels.size(); }
  std::size_t pairs() const { return classes() * (classes() - 1) / 2; }
  bool has_probabilities() const { return count > 0 && !prob_a.empty(); }
  // The columns of the scores: one for each label if they are probabilities or linear, else one for each pair, of which
  // a single one is written twice, with both signs.
  std::size_t columns() const {
    if (count == 0 || has_probabilities()) return classes();
    return pairs() == 1 ? 2 : pairs();
  }
};

// `coefficients` are [classes - 1, count]: row r of a vector of class c weighs it against class r, or r + 1 if r >= c.
// For three classes, row 0 has the weights of class 0 against 1, of 1 against 0 and of 2 against 0; row 1 those of
// class 0 against 2, of 1 against 2 and of 2 against 1. Within a row the vectors of class 0 come first.
Result<Classifier> read_classifier(const Attributes& attributes) {
  ClassLabels labels = TRY(read_labels(attributes, "classlabels_strings", "classlabels_ints"));
  Kernel kernel = TRY(read_kernel(attributes));
  Classifier svm{labels,
                 kernel,
                 attributes.numbers("support_vectors"),
                 attributes.numbers("coefficients"),
                 attributes.numbers("rho"),
                 attributes.numbers("prob_a"),
                 attributes.numbers("prob_b"),
                 attributes.integers("vectors_per_class")};
  // Bounded, so that their sum does not wrap and the products below are comparable with lengths of lists.
  for (std::int64_t count : svm.per_class) {
    if (count < 0 || count > std::int64_t{1} << 31) return refuse("vectors_per_class is out of range");
    svm.count += static_cast<std::size_t>(count);
  }
  if (svm.coefficients.empty() || svm.rho.empty()) return refuse("it must have coefficients and rho");
  if (svm.count == 0) {
    // Linear functions are scalar products, whatever kernel_type says.
    svm.kernel = {};
    if (svm.coefficients.size() % svm.classes() != 0)
      return refuse("there are not as many coefficients for each label");
    return svm;
  }
  if (svm.classes() < 2 || svm.per_class.size() != svm.classes()) {
    return refuse("vectors_per_class must have one number for each label");
  }
  if (svm.vectors.size() % svm.count != 0 || svm.coefficients.size() != svm.count * (svm.classes() - 1)) {
    return refuse("the support vectors and coefficients do not fit vectors_per_class");
  }
  if (svm.rho.size() < svm.pairs()) return refuse("rho must have one number for each pair of labels");
  if (svm.prob_a.size() != svm.prob_b.size() || (!svm.prob_a.empty() && svm.prob_a.size() < svm.pairs())) {
    return refuse("prob_a and prob_b must have one number for each pair of labels");
  }
  return svm;
}

// One-against-one: evaluates each pair's decision function and gives a vote to the winner. Returns the decision values
// in the order of pairs.
// The kernel of each support vector is computed once, though classes - 1 pairs use it: it is the expensive part. Equal
// decision values, f = 0, are a vote for the second label of the pair.
std::vector<double> decide(const Classifier& svm, Row row, std::vector<double>& votes) {
  std::vector<double> products(svm.count), scores;
  for (std::size_t i = 0; i < svm.count; ++i) products[i] = svm.kernel(row, svm.vectors.data() + i * row.size());
  std::vector<std::size_t> starts{0};
  for (std::int64_t count : svm.per_class) starts.push_back(starts.back() + static_cast<std::size_t>(count));
  votes.assign(svm.classes(), 0.0);
  for (std::size_t a = 0; a < svm.classes(); ++a) {
    for (std::size_t b = a + 1; b < svm.classes(); ++b) {
      auto sum = static_cast<double>(svm.rho[scores.size()]);
      // A class has no coefficients against itself, so that rows from its own index on are shifted by one.
      auto add = [&](std::size_t of, std::size_t against) {
        const float* coefficients = svm.coefficients.data() + against * svm.count;
        for (std::size_t i = starts[of]; i < starts[of + 1]; ++i) {
          sum += static_cast<double>(coefficients[i]) * products[i];
        }
      };
      add(a, b - 1);
      add(b, a);
      votes[sum > 0 ? a : b] += 1;
      scores.push_back(sum);
    }
  }
  return scores;
}

// Probabilities of all classes that agree best with those of each pair, by fixed-point iteration (Wu, Lin and Weng,
// "Probability estimates for multi-class classification by pairwise coupling", algorithm 2).
// Q is k x k with Q[t][t] = sum of r(j,t)² and Q[t][j] = -r(j,t) r(t,j); p minimizes pᵀQp with sum 1. The bounds of
// precision and of rounds are libsvm's, so that results agree with it.
std::vector<double> couple(const std::vector<double>& pairwise, std::size_t k) {
  auto r = [&](std::size_t i, std::size_t j) { return pairwise[i * k + j]; };
  std::vector<double> q(k * k, 0.0), p(k, 1.0 / static_cast<double>(k)), qp(k);
  for (std::size_t t = 0; t < k; ++t) {
    for (std::size_t j = 0; j < k; ++j) {
      if (j == t) continue;
      q[t * k + t] += r(j, t) * r(j, t);
      q[t * k + j] = -r(j, t) * r(t, j);
    }
  }
  double enough = 0.005 / static_cast<double>(k);
  for (std::size_t round = 0; round < std::max<std::size_t>(100, k); ++round) {
    double pqp = 0, worst = 0;
    for (std::size_t t = 0; t < k; ++t) {
      qp[t] = 0;
      for (std::size_t j = 0; j < k; ++j) qp[t] += q[t * k + j] * p[j];
      pqp += p[t] * qp[t];
    }
    for (double value : qp) worst = std::max(worst, std::fabs(value - pqp));
    if (worst < enough) break;
    for (std::size_t t = 0; t < k; ++t) {
      // Changes p_t so that (Qp)_t takes the value pᵀQp, which all of them have at the optimum, and scales p back to
      // the sum 1. Qp and pᵀQp are updated with it: a step costs k and a round k², where recomputing them would take
      // k³.
      double step = (pqp - qp[t]) / q[t * k + t], scale = 1 + step;
      p[t] += step;
      pqp = (pqp + step * (step * q[t * k + t] + 2 * qp[t])) / (scale * scale);
      for (std::size_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + step * q[t * k + j]) / scale;
        p[j] /= scale;
      }
    }
  }
  return p;
}

// Platt scaling: a pair's decision value x gives the probability 1 / (1 + exp(A x + B)); the coupling makes those of
// all classes from them. They are kept off 0 and 1, as libsvm does, so that Q stays regular.
std::vector<double> probabilities(const Classifier& svm, const std::vector<double>& scores) {
  std::size_t k = svm.classes(), pair = 0;
  std::vector<double> pairwise(k * k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = i + 1; j < k; ++j, ++pair) {
      double x = scores[pair] * static_cast<double>(svm.prob_a[pair]) + static_cast<double>(svm.prob_b[pair]);
      double p = std::clamp(1 / (1 + std::exp(x)), 1e-7, 1 - 1e-7);
      pairwise[i * k + j] = p;
      pairwise[j * k + i] = 1 - p;
    }
  }
  return couple(pairwise, k);
}

// Like infer_classifier, but with as many scores as Classifier::columns.
Result<void> infer_classifier_of_vectors(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  auto svm = read_classifier(call.attributes());
  if (!svm) return call.bad(svm.error().what);
  Expr rows = rows_of(call);
  call.set_output(0, svm->labels.type(), Shape{rows});
  call.set_output(1, DType::f32, Shape{rows, Expr(static_cast<std::int64_t>(svm->columns()))});
  return {};
}

// The label is that with most votes, the first of equals, even if the model has probabilities that would choose another
// one.
Result<void> classify(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  Classifier svm = TRY(read_classifier(call.attributes));
  // How long a row must be follows from the lists alone: no attribute says it.
  std::size_t width = svm.count == 0 ? svm.coefficients.size() / svm.classes() : svm.vectors.size() / svm.count;
  if (static_cast<std::int64_t>(width) != x.columns) {
    return refuse("rows must have " + std::to_string(width) + " numbers, not " + std::to_string(x.columns));
  }
  const auto transform = choice_of<PostTransform>(call.attributes, "post_transform", post_transforms);
  std::optional<MutableTensorView> label, answers;
  if (outputs.wanted(0)) label = TRY(outputs.allocate(0, svm.labels.type(), Dims{x.rows}));
  if (outputs.wanted(1)) {
    answers = TRY(outputs.allocate(1, DType::f32, Dims{x.rows, static_cast<std::int64_t>(svm.columns())}));
  }
  float* out = answers ? answers->as<float>().data() : nullptr;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    if (call.interrupted()) return {};
    std::vector<double> votes, scores;
    if (svm.count > 0) {
      scores = decide(svm, x.row(row), votes);
      if (svm.has_probabilities()) scores = probabilities(svm, scores);
    } else {
      for (std::size_t i = 0; i < svm.classes(); ++i) {
        scores.push_back(svm.kernel(x.row(row), svm.coefficients.data() + i * width) + static_cast<double>(svm.rho[0]));
      }
      // Each function is one label against the rest: the greatest score decides instead of votes.
      votes = scores;
    }
    auto best = static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
    if (label) svm.labels.write(*label, static_cast<std::size_t>(row), best);
    if (out == nullptr) continue;
    // A single decision value is the second column, and its negation the first, although a positive value is a vote for
    // the first label.
    if (scores.size() == 1 && svm.columns() == 2) scores = {-scores[0], scores[0]};
    post_transform(scores, transform);
    for (double value : scores) *out++ = static_cast<float>(value);
  }
  return {};
}

Result<void> infer_regressor(Inference& call) {
  TRY(need_rank(call, 0, 1, 2));
  call.set_output(0, DType::f32, Shape{rows_of(call), Expr(1)});
  return {};
}

// A one-class machine (Schölkopf et al., "Estimating the support of a high-dimensional distribution", 2001) separates
// data from the origin: its sign says whether a row is like those of the training.
// rho plus the weighted kernels of all support vectors; with one_class, its sign: 1 inside of the support, -1 outside.
Result<void> regress(const Call& call, Outputs& outputs) {
  Table x = TRY(read_table(call.input(0)));
  const auto &vectors = call.attributes.numbers("support_vectors"),
             &coefficients = call.attributes.numbers("coefficients"), &rho = call.attributes.numbers("rho");
  std::int64_t count = call.attributes.integer("n_supports");
  bool one_class = call.attributes.integer("one_class") != 0;
  if (count < 0 || rho.empty()) return refuse("it must have rho, and n_supports of 0 or more");
  Kernel kernel = count > 0 ? TRY(read_kernel(call.attributes)) : Kernel{};
  auto columns = static_cast<std::size_t>(x.columns), supports = static_cast<std::size_t>(count);
  // The order matters: without support vectors there is no quotient by their number.
  if (count == 0
          ? coefficients.size() != columns
          : coefficients.size() != supports || vectors.size() / supports != columns || vectors.size() % supports != 0) {
    return refuse("the coefficients and support vectors do not fit rows of " + std::to_string(columns) + " numbers");
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, Dims{x.rows, 1}));
  for (std::int64_t row = 0; row < x.rows; ++row) {
    if (call.interrupted()) return {};
    auto sum = static_cast<double>(rho[0]);
    if (count == 0) sum += kernel(x.row(row), coefficients.data());
    for (std::size_t i = 0; i < supports; ++i) {
      sum += static_cast<double>(coefficients[i]) * kernel(x.row(row), vectors.data() + i * columns);
    }
    y.as<float>()[static_cast<std::size_t>(row)] = static_cast<float>(!one_class ? sum : sum > 0 ? 1 : -1);
  }
  return {};
}

constexpr AttributeDef coefficients = {"coefficients", AttributeType::numbers,
                                       "of the support vectors, or of the linear functions"};
constexpr AttributeDef kernel_params = {"kernel_params", AttributeType::numbers, "gamma, the constant and the degree"};
constexpr AttributeDef kernel_type = text_choice("kernel_type", kernel_types, "the kernel function of two rows");
constexpr AttributeDef rho = {"rho", AttributeType::numbers,
                              "what is added to the sums; of linear functions, the first number counts for all"};
constexpr AttributeDef support_vectors = {"support_vectors", AttributeType::numbers, "one row for each"};
constexpr AttributeDef of_classifier[] = {
    {"classlabels_ints", AttributeType::integers, "the labels, if they are numbers"},
    {"classlabels_strings", AttributeType::texts, "the labels, if they are strings"},
    coefficients,
    kernel_params,
    kernel_type,
    post_transform_attribute,
    {"prob_a", AttributeType::numbers, "for each pair of labels, what its score is multiplied with"},
    {"prob_b", AttributeType::numbers, "and what is added, to give the logarithm of the odds"},
    rho,
    support_vectors,
    {"vectors_per_class", AttributeType::integers, "how many support vectors each label has"}};
constexpr AttributeDef of_regressor[] = {
    coefficients,
    kernel_params,
    kernel_type,
    {"n_supports", AttributeType::integer, "how many support vectors there are; 0: a linear function"},
    {"one_class", AttributeType::integer, "1: only the sign is answered; 0 if absent"},
    {"post_transform", AttributeType::text, "has no effect"},
    rho,
    support_vectors};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.ml",
        .name = "SVMClassifier",
        .since = 1,
        .summary = "The label that most pairs vote for, and the pairs' scores or probabilities.",
        .inputs = "X",
        .outputs = "Y Z",
        .types = "f32 f64 i64 i32",
        .attributes = of_classifier,
        .infer = infer_classifier_of_vectors,
        .examples =
            [] {
              return Examples{{"two labels with a support vector each",
                               {f32({2, 1}, {2, -1})},
                               {{"classlabels_ints", Ints{3, 7}},
                                {"support_vectors", std::vector<float>{1, -1}},
                                {"vectors_per_class", Ints{1, 1}},
                                {"coefficients", std::vector<float>{1, -1}},
                                {"rho", std::vector<float>{0.5f}}},
                               {i64({2}, {3, 7}), f32({2, 2}, {-4.5f, 4.5f, 1.5f, -1.5f})}},
                              {"linear functions of three labels",
                               {f32({1, 2}, {1, 2})},
                               {{"classlabels_strings", std::vector<std::string>{"a", "b", "c"}},
                                {"coefficients", std::vector<float>{1, 0, 0, 1, -1, 0}},
                                {"rho", std::vector<float>{0, 0, 0}}},
                               {strings({1}, {"b"}), f32({1, 3}, {1, 2, -1})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "SVMRegressor",
        .since = 1,
        .summary = "A weighted sum of kernels with the support vectors.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32",
        .attributes = of_regressor,
        .infer = infer_regressor,
        .examples =
            [] {
              return Examples{{"radial, two support vectors",
                               {f32({1, 1}, {0})},
                               {{"support_vectors", std::vector<float>{0, 1}},
                                {"n_supports", std::int64_t{2}},
                                {"coefficients", std::vector<float>{1, 2}},
                                {"kernel_type", std::string("RBF")},
                                {"kernel_params", std::vector<float>{1, 0, 0}},
                                {"rho", std::vector<float>{-1}}},
                               {f32({1, 1}, {0.7357589f})}}};
            },
    },
};
constexpr OpRun runs[] = {{"ai.onnx.ml", "SVMClassifier", classify}, {"ai.onnx.ml", "SVMRegressor", regress}};

}  // namespace

std::span<const OpDef> svm_ops() { return defs; }
std::span<const OpRun> svm_runs() { return runs; }

}  // namespace modelctl::ops
