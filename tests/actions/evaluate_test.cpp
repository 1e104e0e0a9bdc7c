// The action `evaluate`, with small artifacts whose outputs are known: tolerance, accuracy, and invalid expectations.
#include "actions/evaluate.hpp"

#include "support/hosts.hpp"
#include "support/plans.hpp"
#include "tensor/collection.hpp"
#include "tensor/files.hpp"
#include "tensor/half.hpp"
#include "tensor/small.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

// An artifact that computes y = relu(x) for x[n,2], and files of samples beside it.
struct Samples {
  test::Scratch scratch;
  test::FakeHost fake;

  Samples() {
    test::PlanMaker maker;
    auto x = maker.input("x", DType::f32, {"n", 2});
    auto y = maker.like("y", x);
    maker.step("op::Relu", {x}, {y});
    maker.output("y", y);
    REQUIRE(maker.writer.write(maker.plan, scratch / "relu.artifact"));
    write("x.json", "[[-1, 2], [3, -4], [5, 6]]");
    write("y.json", "[[0, 2], [3, 0], [5, 6]]");
    write("labels.json", "[1, 0, 0]");
  }
  void write(const char* name, const char* text) { std::ofstream(scratch / name) << text; }
  EvaluateRequest request() {
    EvaluateRequest request;
    request.model = scratch / "relu.artifact";
    request.inputs = {"x=" + (scratch / "x.json").string()};
    request.threads = 1;
    return request;
  }
};

}  // namespace

TEST_CASE("outputs as expected are good") {
  Samples samples;
  auto request = samples.request();
  request.expected = {"y=" + (samples.scratch / "y.json").string()};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
  CHECK(report->good);
  CHECK(report->outputs.at(0).values == 6);
  CHECK(report->outputs.at(0).different == 0);
}

TEST_CASE("an expected .npy file of bf16, which NumPy writes as raw bytes, is read as the output's type") {
  Samples samples;
  test::PlanMaker maker;
  auto x = maker.input("x", DType::bf16, {2});
  auto y = maker.like("y", x);
  maker.step("op::Relu", {x}, {y});
  maker.output("y", y);
  REQUIRE(maker.writer.write(maker.plan, samples.scratch / "relu.artifact"));
  auto file = [&](const char* name, float second) {
    Tensor tensor = Tensor::of<BFloat16>(DType::bf16, {2}, {BFloat16(1.5f), BFloat16(second)});
    REQUIRE(formats::save_outputs(samples.scratch / name, std::vector{formats::NamedTensor{"", tensor}}));
    return (samples.scratch / name).string();
  };
  auto request = samples.request();
  request.inputs = {file("x.npy", -2)};
  request.expected = {file("y.npy", 0)};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
  CHECK(report->good);
  CHECK(report->outputs.at(0).values == 2);
}

TEST_CASE("the labels may be a column of the file that several inputs are from") {
  Samples samples;
  test::PlanMaker maker;
  auto a = maker.input("a", DType::f32, {"n", 1}), b = maker.input("b", DType::f32, {"n", 1});
  auto y = maker.like("y", a);
  maker.step("op::Add", {a, b}, {y});
  maker.output("y", y);
  REQUIRE(maker.writer.write(maker.plan, samples.scratch / "sum.artifact"));
  samples.write("table.csv", "a,b,sum\n1,2,3\n3,4,7.5\n");
  auto request = samples.request();
  request.model = samples.scratch / "sum.artifact";
  std::string file = (samples.scratch / "table.csv").string();
  request.label_column = "sum";
  for (auto inputs : {std::vector{"a=" + file, "b=" + file}, std::vector{file}}) {
    request.inputs = inputs;
    auto report = evaluate(request, samples.fake.host);
    REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
    REQUIRE(report->quality);
    CHECK(report->quality->find("mae")->estimate.value == doctest::Approx(0.25));
  }
}

TEST_CASE("a file is compared with the outputs that it names, texts exactly and maps by their keys") {
  Samples samples;
  test::PlanMaker maker;
  auto x = maker.input("names", DType::string, {"n"});
  auto y = maker.like("same", x);
  maker.step("op::Identity", {x}, {y});
  maker.output("same", y);
  REQUIRE(maker.writer.write(maker.plan, samples.scratch / "same.artifact"));
  auto request = samples.request();
  request.model = samples.scratch / "same.artifact";
  request.inputs = {R"(["a","b"])"};
  request.expected = {R"({"same":["a","c"]})"};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
  CHECK(report->outputs.at(0).text);
  CHECK(report->outputs.at(0).different == 1);
  request.expected = {R"({"sam":["a","c"],"other":[1]})"};
  report = evaluate(request, samples.fake.host);
  REQUIRE(!report);
  CHECK(report.error().code == "no-such-output");
  CHECK(report.error().hint == "did you mean 'same'?");

  auto maps = [](std::vector<std::string> keys, std::vector<float> values) {
    Dims dims{static_cast<std::int64_t>(keys.size())};
    Map map{Tensor::of_strings(dims, std::move(keys)), Tensor(DType::f32, dims)};
    std::copy(values.begin(), values.end(), map.values.mutable_view().as<float>().begin());
    return tensor_of(Sequence{DType::map, {tensor_of(std::move(map))}});
  };
  auto found = compare("p", maps({"a", "b"}, {0.25F, 0.75F}), maps({"b", "a"}, {0.75F, 0.5F}), 1e-3);
  REQUIRE(found);
  CHECK(found->values == 2);
  CHECK(found->different == 1);
  auto other = compare("p", maps({"a", "b"}, {0.25F, 0.75F}), maps({"a", "c"}, {0.25F, 0.75F}), 1e-3);
  REQUIRE(!other);
  CHECK(other.error().code == "wrong-shape");
}

TEST_CASE("outputs of small types are compared by their values") {
  Tensor four(DType::i4, {2});
  set_small_element(DType::i4, four.mutable_view().data, 0, -3);
  set_small_element(DType::i4, four.mutable_view().data, 1, 5);
  auto found = compare("q", four, Tensor::of_ints(Dims{-3, 6}), 0);
  REQUIRE(found);
  CHECK(found->different == 1);
  CHECK(found->largest == doctest::Approx(1.0 / 6));
}

TEST_CASE("an expectation of another shape with the same values is refused with the way to reshape it") {
  auto refused = compare("y", Tensor(DType::f32, {442, 1}), Tensor(DType::f64, {442}), std::nullopt);
  REQUIRE(!refused);
  CHECK(refused.error().why[0] == "the model returns f32[442,1], but f64[442] is expected");
  CHECK(refused.error().hint == "reshape what is expected with NumPy: y.reshape(442, 1)");
  CHECK(compare("y", Tensor(DType::f32, {3, 2}), Tensor(DType::f32, {2, 3}), std::nullopt).error().hint.empty());
}

TEST_CASE("integers and bools are compared exactly, unless a tolerance is given") {
  auto different = [](const Tensor& value, const Tensor& expected, std::optional<double> tolerance = {}) {
    auto found = compare("y", value, expected, tolerance);
    REQUIRE(found);
    return found->different;
  };
  auto ints = [](std::int64_t value) { return Tensor::of_ints(Dims{value}); };
  CHECK(different(ints(30020), ints(30000)) == 1);
  CHECK(different(ints(30020), ints(30000), 1e-3) == 0);
  CHECK(different(ints(30000), ints(30000)) == 0);
  constexpr std::int64_t large = std::int64_t{1} << 60;
  CHECK(different(ints(large + 1), ints(large)) == 1);  // equal as f64
  CHECK(different(ints(large), ints(large)) == 0);
  auto one = [](DType type, auto value) {
    Tensor tensor(type, Dims{1});
    tensor.mutable_view().as<decltype(value)>()[0] = value;
    return tensor;
  };
  CHECK(different(one(DType::f32, 30020.0F), one(DType::f32, 30000.0F)) == 0);
  CHECK(different(one(DType::f32, 30020.0F), ints(30000)) == 0);
  CHECK(different(ints(30000), one(DType::f64, 30000.5)) == 1);
  CHECK(different(one(DType::boolean, true), one(DType::boolean, false)) == 1);
}

TEST_CASE("expected files without names belong to the outputs in order, and one too many is refused") {
  Samples samples;
  test::PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 2});
  auto y = maker.like("y", x), z = maker.like("z", x);
  maker.step("op::Relu", {x}, {y});
  maker.step("op::Neg", {x}, {z});
  maker.output("y", y);
  maker.output("z", z);
  REQUIRE(maker.writer.write(maker.plan, samples.scratch / "relu.artifact"));
  samples.write("z.json", "[[1, -2], [-3, 4], [-5, -6]]");
  std::string y_file = (samples.scratch / "y.json").string(), z_file = (samples.scratch / "z.json").string();
  auto request = samples.request();
  for (const std::vector<std::string>& expected : {std::vector{y_file, z_file}, std::vector{z_file, "y=" + y_file}}) {
    request.expected = expected;
    auto report = evaluate(request, samples.fake.host);
    REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().what));
    CHECK(report->good);
    CHECK(report->outputs.size() == 2);
  }
  request.expected = {y_file, z_file, z_file};
  auto refused = evaluate(request, samples.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().code == "wrong-count");
}

TEST_CASE("one value beyond the tolerance is not good, and is counted") {
  Samples samples;
  samples.write("y.json", "[[0, 2], [3, 0.5], [5, 6]]");
  auto request = samples.request();
  request.expected = {(samples.scratch / "y.json").string()};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE(report);
  CHECK(!report->good);
  CHECK(report->outputs.at(0).different == 1);
  CHECK(report->outputs.at(0).largest == doctest::Approx(0.5));
}

TEST_CASE("the accuracy is the share of rows whose largest value is at the index of the label") {
  Samples samples;
  auto request = samples.request();
  request.labels = samples.scratch / "labels.json";
  request.bounds = {{"accuracy", 0.9}};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE(report);
  REQUIRE(report->quality);
  CHECK(report->quality->scores.right == 2);
  CHECK(report->quality->scores.accuracy.value == doctest::Approx(2.0 / 3));
  CHECK(report->missed.size() == 1);
  CHECK(!report->good);
}

TEST_CASE("an evaluation without anything to compare is refused") {
  Samples samples;
  auto report = evaluate(samples.request(), samples.fake.host);
  REQUIRE(!report);
  CHECK(report.error().kind == Kind::usage);
}

TEST_CASE("an expectation for an output that the model does not have is refused by name") {
  Samples samples;
  auto request = samples.request();
  request.expected = {"z=" + (samples.scratch / "y.json").string()};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE(!report);
  CHECK(report.error().what == "cannot find the output 'z'");
}

TEST_CASE("an expectation of another shape is refused") {
  Samples samples;
  samples.write("y.json", "[[0, 2]]");
  auto request = samples.request();
  request.expected = {(samples.scratch / "y.json").string()};
  auto report = evaluate(request, samples.fake.host);
  REQUIRE(!report);
  CHECK(report.error().code == "wrong-shape");
}
