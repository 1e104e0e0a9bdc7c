// Attributes that contradict each other or the input, as in a damaged or hostile file: each is refused by name before
// anything is read through it.
#include "ops/calls.hpp"
#include "ops/schema/example.hpp"

#include <doctest/doctest.h>

namespace modelctl::ops {
namespace {

// The error of an operator if one attribute of an example is replaced; "nothing" if there is none.
std::string refusal(std::string_view op, const std::string& name, AttributeValue bad,
                    std::string_view domain = "ai.onnx.ml", std::size_t which = 0) {
  const OpDef& def = *find(domain, op);
  Example example = def.examples()[which];
  example.attributes.set(name, std::move(bad));
  if (def.decompose != nullptr) {
    auto made = test::node_of(def, example, test::Known::shapes);
    auto done = def.decompose(*made.node);
    return done ? "nothing" : done.error().what;
  }
  std::vector<TensorView> views;
  for (const Tensor& input : example.inputs) views.push_back(input.view());
  auto done = evaluate(domain, op, example.attributes, views, example.outputs.size());
  return done ? "nothing" : done.error().what;
}

using Texts = std::vector<std::string>;
using Floats = std::vector<float>;

TEST_CASE("trees with inconsistent indices are refused") {
  auto tree_refusal = [](const std::string& name, AttributeValue value) {
    return refusal("TreeEnsembleRegressor", name, std::move(value));
  };
  CHECK(tree_refusal("nodes_truenodeids", Ints{7, 0, 0}) == "a node has no such child");
  CHECK(tree_refusal("nodes_truenodeids", Ints{2, 0, 0}) == "a tree has two roots");
  CHECK(tree_refusal("nodes_featureids", Ints{-1, 0, 0}) == "a node asks for column -1");
  CHECK(tree_refusal("nodes_featureids", Ints{0, 0}) == "the lists of nodes are of different lengths");
  CHECK(tree_refusal("nodes_nodeids", Ints{0, 1, 1}) == "two nodes have the same id");
  CHECK(tree_refusal("nodes_modes", Texts{"BRANCH_LEQ", "LEAF", "TWIG"}) ==
        "nodes_modes has 'TWIG', which is not a mode");
  CHECK(tree_refusal("target_ids", Ints{0, 1}) == "a weight is for target 1 of 1");
  CHECK(tree_refusal("target_nodeids", Ints{1, 9}) == "a weight belongs to no node");
  CHECK(tree_refusal("target_weights", Floats{1}) == "the lists of weights are of different lengths");
  CHECK(tree_refusal("base_values", Floats{1, 2}) == "there must be one base value for each target");
  CHECK(tree_refusal("n_targets", std::int64_t{1} << 40) == "n_targets cannot be 1099511627776");
}

TEST_CASE("support vectors, encoders and pools whose numbers do not fit are refused") {
  CHECK(refusal("SVMClassifier", "vectors_per_class", Ints{1, std::int64_t{1} << 40}) ==
        "vectors_per_class is out of range");
  CHECK(refusal("SVMClassifier", "coefficients", Floats{1}) ==
        "the support vectors and coefficients do not fit vectors_per_class");
  CHECK(refusal("SVMClassifier", "rho", Floats{}) == "it must have coefficients and rho");
  CHECK(refusal("SVMRegressor", "coefficients", Floats{1, 2, 3, 4, 5, 6, 7}) ==
        "the coefficients and support vectors do not fit rows of 1 numbers");
  CHECK(refusal("SVMRegressor", "n_supports", std::int64_t{-1}) == "it must have rho, and n_supports of 0 or more");
  CHECK(refusal("LabelEncoder", "values_strings", Texts{"one"}) == "there must be one value for each key");
  CHECK(refusal("CategoryMapper", "cats_int64s", Ints{1}) == "cats_strings and cats_int64s must be of one length");
  CHECK(refusal("LinearClassifier", "coefficients", Floats{1}) ==
        "there are 1 coefficients for 3 targets of 2 columns");
  CHECK(refusal("TfIdfVectorizer", "ngram_counts", Ints{0, 999}, "") ==
        "ngram_counts do not divide the pool into n-grams");
  CHECK(refusal("TfIdfVectorizer", "ngram_counts", Ints{3, 0}, "") ==
        "ngram_counts do not divide the pool into n-grams");
  CHECK(refusal("TfIdfVectorizer", "ngram_indexes", Ints{0}, "") ==
        "ngram_indexes must have one number for each n-gram of the pool");
  CHECK(refusal("TfIdfVectorizer", "ngram_indexes", Ints{-1}, "") ==
        "ngram_indexes must have one number for each n-gram of the pool");
  CHECK(refusal("TfIdfVectorizer", "max_skip_count", std::int64_t{-1}, "") == "max_skip_count cannot be -1");
}

TEST_CASE("a perm that is not a permutation is refused before a pass believes it") {
  auto perm_refusal = [](const std::string& type, const std::string& perm) {
    auto graph = graph::parse_text("graph \"g\" {\n  input x: " + type + "\n  y = Transpose(x) {perm: " + perm +
                                   "}\n  output y\n}\n");
    REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
    auto done = infer(**graph);
    return done ? "nothing" : done.error().what;
  };
  CHECK(perm_refusal("f32[2,3]", "[1, 0]") == "nothing");
  CHECK(perm_refusal("f32[2,3]", "[0, -1]") == "cannot use Transpose: perm is not a permutation of 2 axes");
  CHECK(perm_refusal("f32[?]", "[0, -1]") == "cannot use Transpose: perm is not a permutation of 2 axes");
  CHECK(perm_refusal("f32[?]", "[0, 7]") == "cannot use Transpose: perm is not a permutation of 2 axes");
  CHECK(perm_refusal("f32[2,3]", "[0]") == "cannot use Transpose: perm is not a permutation of 2 axes");
}

// What inference and lowering say of a graph.
std::string built(const std::string& text) {
  auto graph = graph::parse_text(text);
  REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
  auto done = infer(**graph);
  return done ? "nothing" : done.error().what;
}

TEST_CASE("constants of the wrong length are refused before a kernel's weights are made of them") {
  auto resize = [](const std::string& inputs) {
    return built(
        "graph \"g\" {\n  input x: f32[n,c,h,w]\n  const scales: f32[2] = [1.0, 2.0]\n"
        "  const sizes: i64[2] = [1, 2]\n  y = Resize(" +
        inputs + ")\n  output y\n}\n");
  };
  CHECK(resize("x, _, scales") == "cannot use Resize: there must be one scale for each axis");
  CHECK(resize("x, _, _, sizes") == "cannot use Resize: there must be one size for each axis");
  CHECK(built(R"(graph "g" {
  input x: f32[?]
  const w: f32[4,1,1,1] = [1.0, 2.0, 3.0, 4.0]
  const b: f32[1] = [1.0]
  y = Conv(x, w, b)
  output y
})")
            .starts_with("cannot use Conv: "));
  CHECK(built(R"(graph "g" {
  input x: f32[n,1,2]
  const w: f32[1,1,2] = [1.0, 2.0]
  const r: f32[1,1,1] = [1.0]
  const b: f32[1,1] = [1.0]
  y = RNN(x, w, r, b) {hidden_size: 1}
  output y
})")
            .starts_with("cannot use RNN: "));
}

TEST_CASE("sizes that no integer holds are refused") {
  const Dims dims{1, 4'000'000'000};
  Tensor sizes = Tensor::of_ints(Dims{3'900'000'000, 1});
  const TensorView inputs[] = {TensorView{DType::f32, dims, nullptr}, {}, {}, sizes.view()};
  auto done = evaluate("", "Resize", {{"keep_aspect_ratio_policy", std::string("not_smaller")}}, inputs, 1);
  REQUIRE_FALSE(done);
  CHECK(done.error().what == "an output size is out of range");
  Tensor upper = Tensor::scalar(DType::f32, 3e38f), lower = Tensor::scalar(DType::f32, 0.0f);
  Tensor bands = Tensor::scalar<std::int64_t>(DType::i64, 2), rate = Tensor::scalar<std::int64_t>(DType::i64, 1);
  const TensorView edges[] = {bands.view(), bands.view(), rate.view(), lower.view(), upper.view()};
  CHECK(evaluate("", "MelWeightMatrix", {}, edges, 1).error().what == "a band ends beyond the spectrum");
  upper = Tensor::scalar(DType::f32, HUGE_VALF);
  const TensorView endless[] = {bands.view(), bands.view(), rate.view(), lower.view(), upper.view()};
  CHECK(evaluate("", "MelWeightMatrix", {}, endless, 1).error().what ==
        "the edges or the sample rate are not valid frequencies");
}

// As refusal, but of inference, as when the model is built.
std::string refusal_at_build(std::string_view op, const std::string& name, AttributeValue bad,
                             std::string_view domain = "", std::size_t which = 0) {
  const OpDef& def = *find(domain, op);
  Example example = def.examples()[which];
  example.attributes.set(name, std::move(bad));
  auto made = test::node_of(def, example, test::Known::shapes);
  auto done = infer(*made.node);
  return done ? "nothing" : done.error().what;
}

TEST_CASE("a norm of an order below 1 is refused") {
  for (std::string op : {"LpPool", "GlobalLpPool"}) {
    for (std::int64_t order : {0, -1})
      CHECK(refusal_at_build(op, "p", order) == "cannot use " + op + ": p must be 1 or more");
    CHECK(refusal_at_build(op, "p", std::int64_t{1}) == "nothing");
  }
  CHECK(refusal_at_build("LpNormalization", "p", std::int64_t{3}) == "cannot use LpNormalization: p cannot be 3");
}

TEST_CASE("a key that is there twice is refused, of texts and of numbers") {
  auto twice = [](std::string_view op, const std::string& name, AttributeValue keys, std::size_t which) {
    return refusal_at_build(op, name, std::move(keys), "ai.onnx.ml", which).ends_with(": a key is there twice");
  };
  CHECK(twice("LabelEncoder", "keys_strings", Texts{"a", "a"}, 0));
  CHECK(twice("LabelEncoder", "keys_floats", Floats{NAN, NAN}, 1));
  CHECK(twice("CategoryMapper", "cats_strings", Texts{"cat", "cat"}, 0));
  CHECK(twice("CategoryMapper", "cats_int64s", Ints{3, 3}, 1));
  CHECK(twice("OneHotEncoder", "cats_int64s", Ints{3, 4, 3}, 1));
  CHECK_FALSE(twice("OneHotEncoder", "cats_int64s", Ints{3, 4, 5}, 1));
}

TEST_CASE("sizes and values of experimental operators that make no sense are refused") {
  CHECK(refusal("Crop", "border", Ints{1, 0, 1}, "") == "border must be 4 sizes, and scale, if it is there, 2");
  CHECK(refusal("Crop", "border", Ints{0, 0, -1, 0}, "") == "border must be 4 sizes, and scale, if it is there, 2");
  CHECK(refusal("Crop", "border", Ints{0, 2, 0, 1}, "") == "the images are smaller than what is cut from them");
  CHECK(refusal("Crop", "scale", Ints{2, 2}, "", 1) == "the images are smaller than what is cut from them");
  CHECK(refusal("ConstantFill", "dtype", std::int64_t{8}, "") ==
        "cannot use ConstantFill: its value does not fit dtype, or that is not FLOAT, INT32, INT64 or BOOL");
  CHECK(refusal("ConstantFill", "value", 1e20f, "", 1) ==
        "cannot use ConstantFill: its value does not fit dtype, or that is not FLOAT, INT32, INT64 or BOOL");
  CHECK(refusal("Embedding", "weights", std::int64_t{0}, "") == "cannot use Embedding: its weights must be a matrix");
}

}  // namespace
}  // namespace modelctl::ops
