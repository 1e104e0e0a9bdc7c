// Columns of tables and keys of records as the inputs of their names: order, surplus, types, and what is refused.
#include "tensor/records.hpp"

#include "support/scratch.hpp"
#include "tensor/files.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

using namespace modelctl;
using namespace modelctl::formats;

namespace {

const std::vector<Expected> person{{"age", DType::f32, Dims{-1, 1}}, {"city", DType::string, Dims{-1, 1}}};
const std::vector<Expected> flower{{"x", DType::f32, Dims{-1, 2}}};

struct Loaded {
  Result<std::vector<Tensor>> inputs;
  std::vector<std::string> warnings;

  std::string failure() const {
    return inputs ? "" : inputs.error().why.empty() ? inputs.error().code : inputs.error().why[0];
  }
};

// `names`: the inputs that the file is given to, as NAME=FILE; to all of them, as FILE, if there are none.
Loaded load(const char* name, const char* text, const std::vector<Expected>& expected, const std::string& label = "",
            const std::vector<std::string>& names = {}) {
  test::Scratch scratch;
  std::ofstream(scratch / name) << text;
  Loaded loaded{std::vector<Tensor>(), {}};
  ReadOptions options;
  options.warn = [&](const Error& warning) {
    loaded.warnings.push_back(warning.what.substr(warning.what.find("':") + 3));
  };
  options.records = [&](const Format& format, const Source& source) { return read_records(format, source, label); };
  std::vector<std::string> arguments;
  for (const std::string& input : names) arguments.push_back(input + "=" + (scratch / name).string());
  if (names.empty()) arguments.push_back((scratch / name).string());
  loaded.inputs = load_inputs(arguments, expected, options);
  return loaded;
}

void check_person(const Loaded& loaded) {
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  const auto& inputs = *loaded.inputs;
  CHECK(inputs[0].dims() == Dims{2, 1});
  CHECK(inputs[0].view().as<float>()[0] == 3);
  CHECK(inputs[0].view().as<float>()[1] == 4.5F);
  CHECK(inputs[1].dims() == Dims{2, 1});
  CHECK(inputs[1].view().as<std::string>()[1] == "New York, NY");
}

}  // namespace

TEST_CASE("the columns of a .csv file are the inputs of their names, in any order") {
  auto loaded = load("a.csv", "city,age\nParis,3\n\"New York, NY\",4.5\n", person);
  check_person(loaded);
  CHECK(loaded.warnings.empty());
}

TEST_CASE("surplus columns are left out and named, an index and the label are left out silently") {
  auto loaded = load("a.csv", ",id,age,city,income\n0,7,3,Paris,1\n1,8,4.5,\"New York, NY\",2\n", person, "income");
  check_person(loaded);
  CHECK(loaded.warnings == std::vector<std::string>{"id"});
}

TEST_CASE("a column that another input takes from the same file is not surplus") {
  auto check_warning = [](const char* file, const char* text) {
    INFO(file);
    auto loaded = load(file, text, person, "", {"age", "city"});
    check_person(loaded);
    CHECK(loaded.warnings == std::vector<std::string>{"id"});
  };
  check_warning("a.csv", "id,age,city\n7,3,Paris\n8,4.5,\"New York, NY\"\n");
  check_warning("a.jsonl",
                "{\"id\": 7, \"age\": 3, \"city\": \"Paris\"}\n"
                "{\"id\": 8, \"age\": 4.5, \"city\": \"New York, NY\"}\n");
  CHECK(load("a.csv", "age,city\n3,Paris\n", person, "", {"city"}).warnings == std::vector<std::string>{"age"});
}

TEST_CASE("content that is not a table is read for each input that it is given to") {
  auto loaded = load("a.csv", "1\n2\n", {{"x", DType::f32, Dims{-1}}, {"n", DType::i64, Dims{-1, 1}}}, "", {"x", "n"});
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  CHECK((*loaded.inputs)[0].dims() == Dims{2});
  CHECK((*loaded.inputs)[1].view().as<std::int64_t>()[1] == 2);
}

TEST_CASE("an input without a column is missing") {
  CHECK(load("a.csv", "age\n3\n", person).failure() == "missing-input");
}

TEST_CASE("without the label, the other columns are one input of several values") {
  auto loaded = load("a.csv", "w,species,h\n1,setosa,2\n3,virginica,4\n", flower, "species");
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  CHECK((*loaded.inputs)[0].dims() == Dims{2, 2});
  CHECK((*loaded.inputs)[0].view().as<float>()[1] == 2);
}

TEST_CASE("the other keys of records are one input in the same way") {
  auto loaded = load("a.jsonl", "{\"w\": 1, \"species\": \"a\", \"h\": 2}\n{\"h\": 4, \"species\": \"b\", \"w\": 3}\n",
                     flower, "species");
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  CHECK((*loaded.inputs)[0].dims() == Dims{2, 2});
  auto values = (*loaded.inputs)[0].view().as<float>();
  CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{1, 2, 3, 4});
  auto text = load("a.json", R"([{"w": 1, "h": "tall", "species": "a"}])", flower, "species");
  CHECK(text.failure() == "the values of 'h': 'tall' is not a number");
  auto list = load("a.json", R"([{"w": 1, "h": [2, 3], "species": "a"}])", flower, "species");
  CHECK(list.failure().starts_with("the values of 'h': "));
}

TEST_CASE("a column of an input of several values is not matched by its name") {
  auto loaded = load("a.csv", "x,y\n1,2\n", flower);
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  CHECK((*loaded.inputs)[0].dims() == Dims{1, 2});
}

TEST_CASE("faults of a table are named with line and column") {
  CHECK(load("a.csv", "age,city\n3,Paris\nold,Rome\n", person).failure() == "line 3: column 1: 'old' is not a number");
  CHECK(load("a.csv", "age,city\n3\n", person).failure() == "line 2: it has 1 cells, but the first line has 2");
  CHECK(load("a.csv", "age,age\n3,4\n", person).failure() == "line 1: two columns have the name 'age'");
  CHECK(load("a.csv", "age,city\n", person).failure() == "it has a header, but no rows");
}

TEST_CASE("records in JSON are inputs by their keys, in each of their forms") {
  const char* first = R"({"city": "Paris", "age": 3})";
  const char* second = R"({"age": 4.5, "city": "New York, NY"})";
  for (const std::string& text :
       {fmt::format("[{}, {}]", first, second), fmt::format(R"({{"instances": [{}, {}]}})", first, second),
        fmt::format("{}\n{}\n", first, second)}) {
    INFO(text);
    check_person(load("a.json", text.c_str(), person));
  }
}

TEST_CASE("JSON lines are records, also a single one") {
  const char* lines = "{\"city\": \"Paris\", \"age\": 3}\n\n{\"age\": 4.5, \"city\": \"New York, NY\"}\n";
  check_person(load("a.jsonl", lines, person));
  check_person(load("a.ndjson", lines, person));
  CHECK(load("a.jsonl", R"({"age": 3, "city": "Rome"})", person).inputs.has_value());
}

TEST_CASE("JSON lines that are lists or single values are the rows of one input") {
  auto loaded = load("a.jsonl", "[1, 2]\n[3, 4]\n[5, 6]\n", flower);
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  CHECK((*loaded.inputs)[0].dims() == Dims{3, 2});
  CHECK((*loaded.inputs)[0].view().as<float>()[5] == 6);
  CHECK(load("a.jsonl", "1\n2\n", {{"x", DType::f32, Dims{-1}}}).inputs.has_value());
}

TEST_CASE("a fault in JSON lines has its line") {
  CHECK(load("a.jsonl", "[1, 2]\n[3,\n", flower).failure().starts_with("line 3, column 1: "));
  CHECK(load("a.jsonl", "[1, 2]\n[3, true]\n", flower).failure().starts_with("line 2, "));
  CHECK(load("a.jsonl", " \n", flower).failure() == "it is empty");
}

TEST_CASE("a value of a record may be a list") {
  auto loaded = load("a.json", R"([{"x": [1, 2]}, {"x": [3, 4]}])", flower);
  REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  CHECK((*loaded.inputs)[0].dims() == Dims{2, 2});
}

TEST_CASE("each record is one row, also of an input whose number of values is not known") {
  const std::vector<Expected> any{{"x", DType::f32, Dims{-1, -1}}, {"y", DType::f32, Dims{-1, -1, 2}}};
  auto dims = [&](const char* name, const char* text) {
    auto loaded = load(name, text, {any[0]});
    REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
    return (*loaded.inputs)[0].dims();
  };
  CHECK(dims("a.json", R"([{"x":1},{"x":2},{"x":3}])") == Dims{3, 1});
  CHECK(dims("a.jsonl", "{\"x\":1}\n{\"x\":2}\n{\"x\":3}\n") == Dims{3, 1});
  CHECK(dims("a.json", R"({"x":{"0":1,"1":2,"2":3}})") == Dims{3, 1});
  CHECK(dims("a.json", R"({"columns":["x"],"data":[[1],[2],[3]]})") == Dims{3, 1});
  CHECK(dims("a.json", R"({"x":5})") == Dims{1, 1});
  CHECK(dims("a.json", R"([{"x":[1,2]},{"x":[3,4]}])") == Dims{2, 2});
  CHECK(dims("a.json", R"({"x":[[1,2,3]]})") == Dims{1, 3});  // a tensor
  CHECK(dims("a.jsonl", "1\n2\n3\n") == Dims{3, 1});
  CHECK(dims("a.jsonl", "[1,2,3]\n") == Dims{1, 3});
  auto both = load("a.json", R"([{"x":1,"y":[1,2]},{"x":2,"y":[3,4]},{"x":3,"y":[5,6]}])", any);
  REQUIRE_MESSAGE(both.inputs.has_value(), both.failure());
  CHECK((*both.inputs)[0].dims() == Dims{3, 1});
  CHECK((*both.inputs)[1].dims() == Dims{3, 1, 2});
  CHECK(!load("a.json", R"([{"x":1},{"x":2},{"x":3}])", {{"x", DType::f32, Dims{1, 3}}}).inputs);
}

TEST_CASE("keys that are not inputs are left out and named, unless none is an input") {
  auto loaded = load("a.json", R"([{"age": 3, "city": "Rome", "id": 1}])", person);
  CHECK(loaded.inputs.has_value());
  CHECK(loaded.warnings == std::vector<std::string>{"id"});
  auto misspelled = load("a.json", R"([{"agee": 3}])", person);
  REQUIRE(!misspelled.inputs);
  CHECK(misspelled.inputs.error().code == "no-input-named");
  CHECK(misspelled.inputs.error().hint == "did you mean 'age' and not 'agee'?");
}

TEST_CASE("records and tables of pandas that name no input are the columns of the only input") {
  for (const char* text :
       {R"([{"w": 1, "h": 2}, {"h": 4, "w": 3}])", R"({"w": {"0": 1, "7": 3}, "h": {"0": 2, "7": 4}})",
        R"({"0": {"w": 1, "h": 2}, "7": {"w": 3, "h": 4}})",
        R"({"columns": ["w", "h"], "index": [0, 7], "data": [[1, 2], [3, 4]]})",
        R"({"0": {"0": 1, "1": 3}, "1": {"0": 2, "1": 4}})", R"({"columns": [0, 1], "data": [[1, 2], [3, 4]]})"}) {
    INFO(text);
    auto loaded = load("a.json", text, flower);
    REQUIRE_MESSAGE(loaded.inputs.has_value(), loaded.failure());
    auto values = (*loaded.inputs)[0].view().as<float>();
    CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{1, 2, 3, 4});
  }
  auto one = load("a.json", R"({"w": 1, "h": 2})", flower);
  REQUIRE_MESSAGE(one.inputs.has_value(), one.failure());
  CHECK((*one.inputs)[0].dims() == Dims{1, 2});
}

TEST_CASE("tables of pandas are inputs by the names of their columns") {
  for (const char* text : {R"({"city": {"0": "Paris", "1": "New York, NY"}, "age": {"0": 3, "1": 4.5}})",
                           R"({"a": {"city": "Paris", "age": 3}, "b": {"city": "New York, NY", "age": 4.5}})",
                           R"({"columns": ["city", "age"], "data": [["Paris", 3], ["New York, NY", 4.5]]})"}) {
    INFO(text);
    check_person(load("a.json", text, person));
  }
  auto one = load("a.json", R"({"city": "Paris", "age": 3})", person);
  REQUIRE_MESSAGE(one.inputs.has_value(), one.failure());
  CHECK((*one.inputs)[0].dims() == Dims{1, 1});
}

TEST_CASE("columns that fit no input are refused with their names") {
  auto refusal = [](const char* file, const char* text, const std::vector<Expected>& expected) {
    auto loaded = load(file, text, expected);
    REQUIRE(!loaded.inputs);
    CHECK(loaded.inputs.error().code == "no-input-named");
    return loaded.inputs.error().hint;
  };
  CHECK(refusal("a.json", R"([{"w": 1, "h": 2, "d": 3}])", flower) ==
        "if one of them is the label, give --label-column NAME");
  CHECK(refusal("a.json", R"([{"AGE": 1, "h": 2}])", person) == "did you mean 'age' and not 'AGE'?");
  CHECK(refusal("a.csv", "AGE,CITY\n1,Rome\n", person) == "did you mean 'age' and not 'AGE'?");
  CHECK(refusal("a.csv", "w,h\n1,2\n", person) == "name them as the inputs: 'age', 'city'");
}

TEST_CASE("tables of pandas that are not whole are refused") {
  CHECK(load("a.json", R"({"w": {"0": 1}, "h": {"1": 2}})", flower)
            .failure()
            .ends_with("the column 'h' has other rows than the first one"));
  CHECK(load("a.json", R"({"columns": ["w", "h"], "data": [[1]]})", flower)
            .failure()
            .ends_with("the row does not have 2 values"));
  CHECK(load("a.json", R"({"schema": {"fields": []}, "data": [{"w": 1, "h": 2}]})", flower).failure() ==
        "it is a table that pandas wrote with its schema");
}

TEST_CASE("records with other keys or invalid values are refused") {
  CHECK(load("a.json", R"([{"age": 3, "city": "Rome"}, {"age": 3}])", person)
            .failure()
            .ends_with("record 2 has other keys than those before it"));
  CHECK(load("a.json", R"([{"age": "old", "city": "Rome"}])", person).failure() ==
        "the values of 'age': 'old' is not a number");
  CHECK(load("a.json", R"([{"age": 3, "city": "Rome"})", person).failure() ==
        "line 1, column 28: a ',' or ']' is expected after a record");
}

TEST_CASE("tensors in JSON are read as before") {
  for (const char* text : {"[[1, 2]]", R"({"x": [[1, 2]]})", R"({"datatype": "FP32", "shape": [1, 2], "data": [1, 2]})",
                           R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})"}) {
    INFO(text);
    auto loaded = load("a.json", text, flower);
    CHECK_MESSAGE(loaded.inputs.has_value(), loaded.failure());
  }
}

namespace {

// A table that names two images of the sizes given.
Result<std::vector<Tensor>> load_images(const char* second_size) {
  using namespace std::string_literals;
  test::Scratch scratch;
  std::ofstream(scratch / "a.ppm") << "P5\n2 1\n255\n\1\2"s;
  std::ofstream(scratch / "b.ppm") << "P5\n"s + second_size + "\n255\n\3\4"s;
  std::ofstream(scratch / "list.csv") << "image,kind\na.ppm,bolt\nb.ppm,nut\n";
  const std::vector<Expected> image{{"image", DType::u8, Dims{-1, -1, -1, 1}}};
  ReadOptions options;
  options.records = [](const Format& format, const Source& source) { return read_records(format, source, "kind"); };
  return load_inputs(std::vector{(scratch / "list.csv").string()}, image, options);
}

}  // namespace

TEST_CASE("a column may name files, each of which is a row") {
  auto images = load_images("2 1");
  REQUIRE(images);
  CHECK(images->at(0).dims() == Dims{2, 1, 2, 1});
  auto bytes = images->at(0).view().as<std::uint8_t>();
  CHECK(std::vector<int>(bytes.begin(), bytes.end()) == std::vector{1, 2, 3, 4});
}

TEST_CASE("files of different sizes cannot be rows of one tensor") {
  auto images = load_images("1 2");
  REQUIRE(!images);
  CHECK(images.error().why.front().find("it is u8[1,2,1,1], but '") == 0);
}
