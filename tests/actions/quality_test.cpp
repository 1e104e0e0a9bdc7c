// Which task is recognized from outputs and labels, how classes are named, and what is refused. The metrics themselves
// are tested in tests/statistics.
#include "actions/quality.hpp"

#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

Labels texts(std::vector<std::string> values) {
  Labels labels;
  labels.rows = values.size();
  labels.texts = std::move(values);
  labels.where = "labels";
  return labels;
}

Labels figures(std::vector<double> values, std::size_t columns = 1) {
  Labels labels;
  labels.rows = values.size() / columns;
  labels.columns = columns;
  labels.numbers = std::move(values);
  labels.where = "labels";
  return labels;
}

artifact::Signature signature_of(std::size_t outputs) {
  artifact::Signature signature;
  for (std::size_t i = 0; i < outputs; ++i) signature.outputs.push_back({"y" + std::to_string(i), DType::f32, {}});
  return signature;
}

Result<Quality> measure(const std::vector<Tensor>& outputs, const Labels& labels, std::vector<std::string> classes = {},
                        std::optional<Task> task = std::nullopt) {
  QualityMeter meter(task, std::move(classes), "classes.txt");
  TRY(meter.add(signature_of(outputs.size()), {}, outputs, labels));
  auto quality = TRY(std::move(meter).finish());
  REQUIRE(quality);
  return std::move(*quality);
}

Tensor scores() { return Tensor::of<float>(DType::f32, {3, 2}, {0.1F, 0.9F, 0.8F, 0.2F, 0.3F, 0.7F}); }

std::string code_of(const Result<Quality>& quality) { return quality ? "" : quality.error().code; }

}  // namespace

TEST_CASE("of several numbers per row the index of the largest is the class") {
  auto quality = measure({scores()}, figures({1, 0, 0}));
  REQUIRE(quality);
  CHECK(quality->task == Task::classification);
  CHECK(quality->scores.right == 2);
  CHECK(quality->classes == std::vector<std::string>{"0", "1"});
  CHECK(quality->confusion.count(0, 1) == 1);
}

TEST_CASE("labels of text name the classes of a file") {
  auto quality = measure({scores()}, texts({"dog", "cat", "cat"}), {"cat", "dog"});
  REQUIRE(quality);
  CHECK(quality->scores.right == 2);
  CHECK(quality->classes == std::vector<std::string>{"cat", "dog"});
  CHECK(code_of(measure({scores()}, texts({"dog", "cat", "cat"}))) == "no-classes");
  auto unknown = measure({scores()}, texts({"dgo", "cat", "cat"}), {"cat", "dog"});
  CHECK(code_of(unknown) == "no-such-class");
  CHECK(unknown.error().hint == "did you mean 'dog'?");
}

TEST_CASE("labels of text are compared with the output of text, wherever it stands") {
  Tensor names = Tensor::of_strings({3}, {"dog", "cat", "dog"});
  auto quality = measure({scores(), names}, texts({"dog", "cat", "cat"}));
  REQUIRE(quality);
  CHECK(quality->output == "y1");
  CHECK(quality->scores.right == 2);
}

TEST_CASE("numbers as labels are compared with an output of text as they are written") {
  auto quality = measure({Tensor::of_strings({2}, {"3", "10"})}, figures({3, 9}));
  REQUIRE(quality);
  CHECK(quality->scores.right == 1);
  CHECK(quality->classes == std::vector<std::string>{"3", "9", "10"});
}

TEST_CASE("numbers as labels are refused if the output of text has none, unless the classes are named") {
  Tensor names = Tensor::of_strings({2}, {"cat", "dog"});
  CHECK(code_of(measure({names}, figures({0, 1}))) == "no-classes");
  auto quality = measure({names}, figures({0, 1}), {"cat", "dog"});
  REQUIRE(quality);
  CHECK(quality->scores.right == 2);
}

TEST_CASE("an integer per row is the class, also a negative one") {
  auto quality = measure({Tensor::of<std::int64_t>(DType::i64, {3}, {-1, 1, 1})}, figures({-1, 1, -1}));
  REQUIRE(quality);
  CHECK(quality->task == Task::classification);
  CHECK(quality->scores.right == 2);
}

TEST_CASE("one float per row is the probability of class 1 if the labels are 0 and 1, else a number") {
  Tensor output = Tensor::of<float>(DType::f32, {3, 1}, {0.9F, 0.2F, 0.6F});
  auto binary = measure({output}, figures({1, 0, 0}));
  REQUIRE(binary);
  CHECK(binary->task == Task::classification);
  CHECK(binary->scores.right == 2);
  auto numbers = measure({output}, figures({1, 0, 0.5}));
  REQUIRE(numbers);
  CHECK(numbers->task == Task::regression);
  CHECK(numbers->find("mae")->estimate.value == doctest::Approx(0.4 / 3));
  CHECK(numbers->find("accuracy") == nullptr);
  auto stated = measure({output}, figures({1, 0, 0}), {}, Task::regression);
  REQUIRE(stated);
  CHECK(stated->task == Task::regression);
}

TEST_CASE("labels that are numbers are names of classes if each is one, which is reported if they may be indices") {
  Tensor three = Tensor::of<float>(DType::f32, {2, 3}, {1, 0, 0, 0, 0, 1});
  auto quality = measure({three}, figures({10, 30}), {"10", "20", "30"});
  REQUIRE(quality);
  CHECK(quality->scores.right == 2);
  CHECK(quality->warnings.empty());
  quality = measure({three}, figures({2, 0}), {"2", "1", "0"});
  REQUIRE(quality);
  CHECK(quality->scores.right == 2);
  REQUIRE(quality->warnings.size() == 1);
  CHECK(quality->warnings[0].what == "took the labels of 'labels' for names of classes");
  quality = measure({three}, figures({0, 2}), {"2", "1", "5"});
  REQUIRE(quality);
  CHECK(quality->scores.right == 2);
  REQUIRE(quality->warnings.size() == 1);
  CHECK(quality->warnings[0].what == "took the labels of 'labels' for indices of classes");
  CHECK(measure({three}, figures({0, 2}), {"0", "1", "2"})->warnings.empty());
  CHECK(measure({three}, figures({0, 2}), {"a", "b", "c"})->warnings.empty());
  CHECK(code_of(measure({three}, figures({0, 30}), {"10", "20", "30"})) == "no-such-class");
  auto integers = measure({Tensor::of<std::int64_t>(DType::i64, {2}, {10, 30})}, figures({10, 20}), {"10", "20", "30"});
  REQUIRE(integers);
  CHECK(integers->scores.right == 1);
}

TEST_CASE("numbers that are not a text of the model are reported") {
  auto quality = measure({Tensor::of_strings({2}, {"10", "20"})}, figures({0, 1}));
  REQUIRE(quality);
  CHECK(quality->scores.right == 0);
  REQUIRE(quality->warnings.size() == 1);
  CHECK(quality->warnings[0].what == "no label is a text that 'y0' has");
  CHECK(measure({Tensor::of_strings({2}, {"10", "20"})}, figures({20, 10}))->warnings.empty());
}

TEST_CASE("a float that is neither a class nor a probability is not taken for a class") {
  Tensor output = Tensor::of<float>(DType::f32, {2}, {0.5F, 3.5F});
  CHECK(code_of(measure({output}, figures({1, 0}))) == "no-class");
}

TEST_CASE("several labels per row are a regression of several columns") {
  auto quality = measure({scores()}, figures({0.1, 0.9, 0.8, 0.2, 0.3, 0.7}, 2));
  REQUIRE(quality);
  CHECK(quality->task == Task::regression);
  CHECK(quality->samples == 3);
  CHECK(code_of(measure({scores()}, figures({0.1, 0.9, 0.8, 0.2, 0.3, 0.7}, 2), {}, Task::classification)) ==
        "wrong-task");
}

TEST_CASE("as many values as labels in another layout are refused") {
  // 6 values are 3 per label, but the rows are others.
  CHECK(code_of(measure({scores()}, figures({1, 0}))) == "wrong-shape");
  CHECK(code_of(measure({scores()}, figures({1, 0, 1, 0}))) == "wrong-shape");
}

TEST_CASE("as many labels as values and not as rows are refused, with the shapes") {
  Tensor one_row = Tensor::of<float>(DType::f32, {1, 3}, {1, 2, 3});
  auto refused = measure({one_row}, figures({1, 2, 3}));
  CHECK(code_of(refused) == "wrong-shape");
  CHECK(refused.error().what == "cannot compare 'y0' with 3 labels");
  CHECK(refused.error().why[0] == "the model returns f32[1,3], and its first dimension is the rows");
  CHECK(refused.error().hint == "give one label for each row; for a regression of several numbers, rows of 3 labels");
  CHECK(code_of(measure({scores()}, figures({1, 0, 1, 0, 1, 0}))) == "wrong-shape");
  CHECK(code_of(measure({scores()}, figures({1}))) == "wrong-shape");
  auto columns = measure({one_row}, figures({1, 2, 4}, 3));
  REQUIRE(columns);
  CHECK(columns->task == Task::regression);
}

TEST_CASE("the scores of one row may be all that a model returns") {
  auto rows = [](std::int64_t size) {
    artifact::Signature signature = signature_of(1);
    signature.outputs[0].dims = {{size, size < 0 ? "n" : ""}};
    std::vector<Tensor> outputs;
    outputs.push_back(Tensor::of<float>(DType::f32, {3}, {0, 1, 0}));
    QualityMeter meter(std::nullopt, {}, "");
    return meter.add(signature, {}, outputs, figures({1})).has_value();
  };
  CHECK(rows(3));
  CHECK(!rows(-1));
}

TEST_CASE("a label that is not a class, and NaN, are refused") {
  CHECK(code_of(measure({scores()}, figures({1, 0, 2}))) == "no-such-class");
  CHECK(code_of(measure({scores()}, figures({1, 0, 0.5}))) == "no-such-class");
  CHECK(code_of(measure({scores()}, texts({"a", "a", "a"}), {"a", "b", "c"})) == "no-such-class");
  Tensor output = Tensor::of<float>(DType::f32, {1, 2}, {1.0F, std::nanf("")});
  CHECK(code_of(measure({output}, figures({1}))) == "nan-output");
}

TEST_CASE("samples are measured together, and must have one form") {
  QualityMeter meter(std::nullopt, {}, "");
  std::vector<Tensor> outputs;
  outputs.push_back(scores());
  auto signature = signature_of(1);
  CHECK(meter.add(signature, {}, outputs, figures({1, 0, 0})));
  CHECK(meter.add(signature, {}, outputs, figures({1, 0, 1})));
  auto mixed = meter.add(signature, {}, outputs, figures({1, 0, 0, 1, 1, 0}, 2));
  REQUIRE(!mixed);
  CHECK(mixed.error().code == "mixed-labels");
  auto quality = std::move(meter).finish();
  REQUIRE(quality);
  CHECK((*quality)->samples == 6);
  CHECK((*quality)->scores.right == 5);
}

TEST_CASE("labels are read from lines, lists and tables") {
  test::Scratch scratch;
  auto write = [&](const char* name, const char* text) {
    std::ofstream(scratch / name) << text;
    return scratch / name;
  };
  auto lines = read_labels(write("labels.txt", "cat, black\r\ndog"));
  REQUIRE(lines);
  CHECK(lines->texts == std::vector<std::string>{"cat, black", "dog"});
  auto numbers = read_labels(write("numbers.txt", "1\n-2\n"));
  REQUIRE(numbers);
  CHECK(numbers->numbers == std::vector<double>{1, -2});
  auto list = read_labels(write("labels.json", R"(["cat", "dog", "cat"])"));
  REQUIRE(list);
  CHECK(list->texts.size() == 3);
  auto table = read_labels(write("targets.csv", "1.5,2\n3,4\n5,6\n"));
  REQUIRE(table);
  CHECK(table->rows == 3);
  CHECK(table->columns == 2);
  CHECK(read_labels(write("empty.txt", "")).error().code == "no-labels");
  CHECK(read_classes(write("classes.txt", "a\nb\na\n")).error().code == "repeated-class");
}
