// The samples of a package, which are run before it is served.
#include "actions/check_samples.hpp"

#include "ops/run_table.hpp"
#include "package/support.hpp"
#include "support/plans.hpp"
#include "tensor/formats.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::package::test;
using package::Content;
using package::Role;

namespace {

std::shared_ptr<const runtime::Model> twice() {
  modelctl::test::PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 2});
  auto y = maker.like("y", x);
  maker.step("op::Add", {x, x}, {y});
  maker.output("y", y);
  auto artifact = maker.artifact();
  REQUIRE(artifact);
  auto model = runtime::Model::load(std::move(*artifact), ops::run_table(), kernels::Cpu{});
  REQUIRE(model);
  return *model;
}

// [[1, 2], [3, 4]] as NumPy writes it by default.
std::string f64_numbers() {
  formats::NamedTensor numbers{"", Tensor::of<double>(DType::f64, {2, 2}, {1, 2, 3, 4})};
  auto bytes = (*formats::format_of("x.npy"))->write({&numbers, 1});
  REQUIRE(bytes);
  return std::string(as_text(*bytes));
}

// What comes of a package with this list of samples; beside it lie x.json, y.json (twice x) and z.json (something
// else).
Result<std::size_t> check(const std::string& list, std::string_view path = "samples/samples.json") {
  Scratch scratch;
  FakeHost fake;
  auto sample = [](std::string_view name, std::string text) {
    return package::Payload{std::string(name), Role::sample, false, Content::of_bytes(std::move(text))};
  };
  auto written = package::write_package(
      draft(),
      {sample(path, list), sample("samples/x.json", "[[1, 2], [3, 4]]"), sample("samples/y.json", "[[2, 4], [6, 8]]"),
       sample("samples/z.json", "[[2, 4], [6, 9]]"), sample("samples/short.json", "[[2, 4]]"),
       sample("samples/table.csv", "a,b,species\n1,2,setosa\n3,4,virginica\n"),
       sample("samples/records.json",
              R"([{"b": 1, "a": 2, "species": "setosa"}, {"b": 3, "a": 4, "species": "other"}])"),
       sample("samples/numbers.npy", f64_numbers())},
      key_of(p256_pem), scratch / "a.tar", fake.reporter, fake.stop);
  REQUIRE(written);
  auto opened = package::Package::open(scratch / "a.tar");
  REQUIRE(opened);
  return actions::check_samples(*opened, twice(), 1 << 20, fake.host);
}

std::string listed(const std::string& samples) {
  return R"({"format": "modelctl.samples/1", "samples": [)" + samples + "]}";
}

Error refused(const std::string& samples) {
  auto checked = check(listed(samples));
  REQUIRE_FALSE(checked);
  return std::move(checked).error();
}

}  // namespace

TEST_CASE("samples with outputs as expected pass, and samples without outputs check nothing") {
  CHECK(check(listed(R"({"inputs": {"x": "samples/x.json"}, "outputs": {"y": "samples/y.json"}},
                        {"inputs": {"x": "samples/x.json"}})")) == 1u);
  CHECK(check(listed("")) == 0u);
  CHECK(check("nobody's list", "samples/other.json") == 0u);
}

TEST_CASE("an unexpected output is reported with sample, output and difference") {
  Error error = refused(R"({"name": "four", "inputs": {"x": "samples/x.json"}, "outputs": {"y": "samples/z.json"}})");
  CHECK(error.code == "wrong-answers");
  CHECK(error.where == "the sample 'four', output 'y'");
  CHECK(error.why == std::vector<std::string>{"1 of 4 values differ, the largest difference is 0.11"});
}

TEST_CASE("an expectation of another shape is refused") {
  CHECK(refused(R"({"inputs": {"x": "samples/x.json"}, "outputs": {"y": "samples/short.json"}})").code ==
        "wrong-shape");
}

TEST_CASE("a list that does not fit the model or the package is refused") {
  CHECK(refused(R"({"inputs": {"q": "samples/x.json"}, "outputs": {"y": "samples/y.json"}})").why ==
        std::vector<std::string>{"the model has no input 'q'"});
  CHECK(refused(R"({"inputs": {}, "outputs": {"y": "samples/y.json"}})").why ==
        std::vector<std::string>{"the input 'x' is missing"});
  CHECK(refused(R"({"inputs": {"x": "samples/x.json"}, "outputs": {"z": "samples/y.json"}})").hint ==
        "its outputs are: y");
  CHECK(refused(R"({"outputs": {"y": "samples/y.json"}})").why == std::vector<std::string>{"it has no inputs"});
  CHECK(refused(R"({"inputs": {"x": "samples/x.json"}, "outputs": []})").why ==
        std::vector<std::string>{"its outputs are not an object"});
  CHECK(refused(R"({"inputs": {"x": "samples/none.json"}, "outputs": {}})").kind == Kind::not_found);
  CHECK(refused("42").why == std::vector<std::string>{"it has no inputs"});
  auto newer = check(R"({"format": "modelctl.samples/2", "samples": []})");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().kind == Kind::unsupported);
}

TEST_CASE("samples are read as evaluate reads them: tables, records without the column of the labels, f64") {
  for (const char* file : {"table.csv", "records.json", "numbers.npy"}) {
    CAPTURE(file);
    std::string list = R"({"format": "modelctl.samples/1", "label_column": "species", "samples": [{"inputs": {"x": )";
    list += std::string("\"samples/") + file + R"("}, "outputs": {"y": "samples/y.json"}}]})";
    CHECK(check(list) == 1u);
  }
}

TEST_CASE("what a list names is a file of the package, and never another one, standard input or a literal") {
  for (const char* file : {"/etc/hostname", "-", "[[1, 2], [3, 4]]", "samples/../../x.json"}) {
    CAPTURE(file);
    std::string list = R"({"inputs": {"x": ")" + std::string(file) + R"("}, "outputs": {"y": "samples/y.json"}})";
    Error error = refused(list);
    bool refused_by_name =
        error.kind == Kind::not_found || error.code == "unknown-format" || error.code == "bad-sample";
    CHECK(refused_by_name);
  }
}
