// The JSON format of tensors.
#include "formats_support.hpp"
#include "tensor/collection.hpp"
#include "tensor/half.hpp"
#include "tensor/small.hpp"

#include <cmath>

using namespace modelctl;
using namespace modelctl::formats;

namespace {

Tensor read(std::string_view text, std::vector<Expected> expected = {}) {
  return tensor_of(".json", text, std::move(expected));
}
std::string fault(std::string_view text, std::vector<Expected> expected = {}) {
  return fault_of(".json", text, std::move(expected));
}

}  // namespace

TEST_CASE("a list takes the type that the model expects") {
  CHECK(same(read("[[1, 2], [3, 4]]", {expect("x", DType::f32)}), Tensor::of<float>(DType::f32, {2, 2}, {1, 2, 3, 4})));
  CHECK(same(read(" 7 ", {expect("x", DType::i64)}), Tensor::scalar<std::int64_t>(DType::i64, 7)));
  CHECK(
      same(read("[true,false]", {expect("x", DType::boolean)}), Tensor::of<bool>(DType::boolean, {2}, {true, false})));
  CHECK(same(read(R"(["a\u00e9\ud83d\ude00\n"])", {expect("x", DType::string)}),
             Tensor::of_strings({1}, {"a\xc3\xa9\xf0\x9f\x98\x80\n"})));
}

TEST_CASE("a list that nothing is expected of takes the type that it shows") {
  CHECK(read("[1, 2]").type() == DType::i64);
  CHECK(read("[1, 2.5]").type() == DType::f64);
  CHECK(read("[1e3]").type() == DType::f64);
  CHECK(read("[true]").type() == DType::boolean);
  CHECK(read(R"("a")").type() == DType::string);
  CHECK(read(R"([1, "NaN", "-Infinity"])").type() == DType::f64);
  CHECK(read(R"(["NaN", "Infinity"])").type() == DType::string);
  CHECK(fault(R"([1, "NaN", "a"])") == "line 1, column 1: the list mixes numbers, bools and strings");
  CHECK(fault("[1, true]") == "line 1, column 1: the list mixes numbers, bools and strings");
}

TEST_CASE("an empty list has the shape that it shows") {
  CHECK(read("[]").dims() == Dims{0});
  CHECK(read("[[], []]").dims() == Dims{2, 0});
}

TEST_CASE("a tensor object has its type and shape; its data may be flat or nested, in any order of keys") {
  Tensor wanted = Tensor::of<float>(DType::f32, {2, 2}, {1, 2, 3, 4});
  CHECK(same(read(R"({"datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]})"), wanted));
  CHECK(same(read(R"({"data": [[1, 2], [3, 4]], "shape": [2, 2], "datatype": "f32"})"), wanted));
  CHECK(read(R"({"datatype": "FP32", "shape": [0, 3], "data": []})").dims() == Dims{0, 3});
  CHECK(read(R"({"datatype": "INT8", "data": [-128]})").as<std::int8_t>()[0] == -128);
}

TEST_CASE("an object is a map if the model expects one: alone, by its input's name, and as it is written") {
  Expected input = expect("x", DType::map);
  input.key = DType::string;
  input.value = DType::f32;
  for (std::string text : {R"({"a": 1, "x": 2.5})", R"({"x": {"a": 1, "x": 2.5}})", R"({"map": {"a": 1, "x": 2.5}})",
                           R"({"x": {"map": {"a": 1, "x": 2.5}}})"}) {
    Tensor read_back = read(text, {input});
    REQUIRE(read_back.type() == DType::map);
    CHECK(same(map_in(read_back.view()).keys, Tensor::of_strings({2}, {"a", "x"})));
    CHECK(same(map_in(read_back.view()).values, Tensor::of<float>(DType::f32, {2}, {1, 2.5})));
  }
  CHECK(map_in(read("{}", {input}).view()).keys.elements() == 0);
  CHECK(fault(R"({"a": [1]})", {input}) == "line 1, column 7: a number or a string is expected");
  input.key = DType::i64;
  input.value = DType::string;
  CHECK(same(map_in(read(R"({"-3": "b"})", {input}).view()).keys, Tensor::of_ints(Dims{-3})));
  CHECK(fault(R"({"b": "b"})", {input}) == "line 1, column 7: the key 'b' is not a whole number");
}

TEST_CASE("several tensors are read by name") {
  auto read = read_as(".json", R"({"a": [1], "b": {"datatype": "FP64", "shape": [], "data": 2}})",
                      {expect("a", DType::f32), expect("b", DType::f64)});
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].name == "a");
  CHECK((*read)[0].tensor.type() == DType::f32);
  CHECK((*read)[1].name == "b");
  CHECK((*read)[1].tensor.as<double>()[0] == 2);
}

TEST_CASE("requests and responses of the Open Inference Protocol are read") {
  auto read = read_as(".json", R"({"id": "1", "parameters": {"a": null}, "inputs": [
      {"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {}, "data": [1.5, 2]},
      {"name": "y", "shape": [1], "datatype": "BYTES", "data": ["b"]}], "outputs": [{"name": "z"}]})");
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].name == "x");
  CHECK((*read)[1].tensor.as<std::string>()[0] == "b");
  read = read_as(
      ".json", R"({"model_name": "m", "outputs": [{"name": "z", "shape": [1], "datatype": "BOOL", "data": [true]}]})");
  REQUIRE(read);
  CHECK((*read)[0].name == "z");
  // An input may well be called "inputs".
  CHECK(tensor_of(".json", R"({"inputs": [1, 2]})").dims() == Dims{2});
}

TEST_CASE("values that JSON has no number for are strings") {
  Tensor tensor = read(R"(["NaN", "Infinity", "-Infinity"])", {expect("x", DType::f32)});
  CHECK(std::isnan(tensor.as<float>()[0]));
  CHECK(tensor.as<float>()[1] == INFINITY);
  CHECK(tensor.as<float>()[2] == -INFINITY);
  CHECK(fault("[NaN]") == R"(line 1, column 2: JSON has no NaN; write it as a string, "NaN")");
  CHECK(fault("[-Infinity]") == R"(line 1, column 2: JSON has no -Infinity; write it as a string, "-Infinity")");
  CHECK(fault(R"(["NaN"])", {expect("x", DType::i64)}) == "line 1, column 2: 'NaN' is not a number");
  CHECK(fault(R"(["1"])", {expect("x", DType::f32)}) == "line 1, column 2: '1' is not a number");
}

TEST_CASE("a number that its type cannot hold is refused") {
  CHECK(fault("[1.5]", {expect("x", DType::i64)}) == "line 1, column 2: '1.5' is not an integer, as i64 requires");
  CHECK(fault("[1,\n 300]", {expect("x", DType::u8)}) == "line 2, column 2: '300' is out of the range of u8");
  CHECK(fault("[1e39]", {expect("x", DType::f32)}) == "line 1, column 2: '1e39' is out of the range of f32");
  CHECK(fault("[1]", {expect("x", DType::boolean)}) == "line 1, column 2: true or false is expected");
  CHECK(fault("[1]", {expect("x", DType::string)}) == "line 1, column 2: a string is expected");
  CHECK(fault("[true]", {expect("x", DType::f32)}) == "line 1, column 2: a number is expected");
  CHECK(fault("[1]", {expect("x", DType::c64)}) == "line 1, column 1: c64 has no form in JSON");
}

TEST_CASE("ragged lists are refused where they differ") {
  CHECK(fault("[[1, 2], [3]]") ==
        "line 1, column 10: the list is ragged: it has 1 elements, but the first list at this depth has 2");
  CHECK(fault("[1, [2]]") == "line 1, column 5: the list is ragged: there is a list, but an element is expected");
  CHECK(fault("[[1], 2]") == "line 1, column 7: the list is ragged: there is an element, but a list is expected");
  CHECK(fault("[[], [[]]]") == "line 1, column 7: the list is ragged: there is a list, but an element is expected");
  CHECK(fault("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]") == "line 1, column 17: the list nests deeper than 16");
  CHECK(fault("[null]") == "line 1, column 2: a number, string, bool or list is expected");
}

TEST_CASE("a shape that the data do not fill is refused, whatever it claims") {
  CHECK(fault(R"({"datatype": "FP32", "shape": [3], "data": [1, 2]})") ==
        "line 1, column 44: the data are f32[2], and the shape says f32[3]");
  CHECK(fault(R"({"datatype": "FP32", "shape": [4611686018427387904, 4], "data": [1]})") ==
        "line 1, column 65: the data are f32[1], and the shape says f32[4611686018427387904,4]");
  CHECK(fault(R"({"datatype": "FP32", "shape": [-1], "data": [1]})") == "line 1, column 32: '-1' is not a size");
  CHECK(fault(R"({"datatype": "FP32", "shape": [1.5], "data": [1]})") == "line 1, column 32: '1.5' is not a size");
  CHECK(fault(R"({"datatype": "FP32", "shape": 2, "data": [1]})") == "line 1, column 31: the shape is not a list");
  CHECK(fault(R"({"datatype": "FP8", "data": [1]})") == "line 1, column 14: the datatype 'FP8' is unknown");
}

TEST_CASE("objects with keys too many, too few or twice are refused") {
  CHECK(fault(R"({"a": {"color": 1, "data": [1]}})") == "line 1, column 17: the key 'color' is unknown");
  CHECK(fault(R"({"a": {"shape": [1]}})") == R"(line 1, column 21: a tensor has no "data")");
  CHECK(fault(R"({"inputs": [{"data": [1]}]})") == R"(line 1, column 26: a tensor has no "name")");
  CHECK(fault(R"({"a": 1, "a": 2})") == "line 1, column 13: the key 'a' stands twice");
  CHECK(fault(R"({"inputs": [{"name": "x", "data": [1]}, 7]})") == "line 1, column 41: an object is expected");
}

TEST_CASE("what is not JSON is refused with its place") {
  CHECK(fault("") == "line 1, column 1: a number is expected");
  CHECK(fault("[1, 2") == "line 1, column 6: a ',' or ']' is expected");
  CHECK(fault("[1, 2] x") == "line 1, column 8: it goes on after the document's end");
  CHECK(fault(std::string_view("[1]\0", 4)) == "line 1, column 4: it goes on after the document's end");
  CHECK(fault("[1,\n\n  2 3]") == "line 3, column 5: a ',' or ']' is expected");
  CHECK(fault("[01]") == "line 1, column 3: a ',' or ']' is expected");
  CHECK(fault("[+1]") == "line 1, column 2: a number is expected");
  CHECK(fault("[1,]") == "line 1, column 4: a number is expected");
  CHECK(fault("[.5]") == "line 1, column 2: a number is expected");
  CHECK(fault("{1: 2}") == "line 1, column 2: a key is expected");
  CHECK(fault(R"({"a" 1})") == "line 1, column 6: a ':' is expected");
  CHECK(fault(R"(["a)") == "line 1, column 4: it ends within a string");
  CHECK(fault(R"(["\x"])") == "line 1, column 4: an unknown escape stands in a string");
  CHECK(fault(R"(["\ud800"])") == "line 1, column 9: half a surrogate pair stands in a string");
  CHECK(fault("[\"\xff\"]") == "line 1, column 4: a string is not UTF-8");
  CHECK(fault("[\"\n\"]") == "line 1, column 3: a control character stands in a string");
  std::string deep = R"({"a": )" + std::string(200, '[') + std::string(200, ']') + "}";
  CHECK(fault(deep) == "line 1, column 107: it nests deeper than 100");
}

TEST_CASE("tensors are written by name, one row a line, and come back the same") {
  std::vector<NamedTensor> tensors = {
      {"scores", Tensor::of<float>(DType::f32, {2, 2}, {0.1f, 1, -2.5f, NAN})},
      {"label \"x\"", Tensor::of_strings({1}, {"a\\b\n"})},
      {"none", Tensor(DType::i64, {0, 2})},
      {"half", Tensor::of<Half>(DType::f16, {1}, {Half(0.1f)})},
      {"one", Tensor::scalar<bool>(DType::boolean, true)},
  };
  std::string text = written(".json", tensors);
  CHECK(text == R"({
"scores": {"datatype": "FP32", "shape": [2, 2], "data":
[[0.1, 1.0],
[-2.5, "NaN"]]},
"label \"x\"": {"datatype": "BYTES", "shape": [1], "data":
["a\\b\u000a"]},
"none": {"datatype": "INT64", "shape": [0, 2], "data":
[]},
"half": {"datatype": "FP16", "shape": [1], "data":
[0.1]},
"one": {"datatype": "BOOL", "shape": [], "data":
true}
}
)");
  auto back = read_as(".json", text);
  REQUIRE(back);
  REQUIRE(back->size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    CHECK((*back)[i].name == tensors[i].name);
    CHECK(same((*back)[i].tensor, tensors[i].tensor));
  }
}

TEST_CASE("values without a form in JSON are not written") {
  CHECK(written(".json", {{"x", Tensor(DType::c64, {1})}}) == "cannot write c64 to a .json file");
  CHECK(written(".json", {{"x", Tensor::of_strings({1}, {"\xff"})}}) ==
        "cannot write a string that is not UTF-8 to a .json file");
}

TEST_CASE("small types are written with our names of them, and come back the same") {
  for (DType type : {DType::f8e4m3fn, DType::f8e5m2fnuz, DType::f8e8m0, DType::f4e2m1, DType::i4, DType::u2}) {
    INFO(name(type));
    Tensor tensor(type, {2});
    std::int64_t at = 0;
    for (double value : {1.0, 2.0}) REQUIRE(set_small_element(type, tensor.mutable_view().data, at++, value));
    std::string text = written(".json", {{"x", tensor}});
    CHECK(same(read(text), tensor));
  }
  Tensor tensor(DType::i4, {2});
  set_small_element(DType::i4, tensor.mutable_view().data, 0, -8);
  set_small_element(DType::i4, tensor.mutable_view().data, 1, 7);
  CHECK(written(".json", {{"x", tensor}}) ==
        "{\n\"x\": {\"datatype\": \"i4\", \"shape\": [2], \"data\":\n[-8, 7]}\n}\n");
  CHECK(fault("[8]", {{"x", DType::i4}}) == "line 1, column 1: element 0, 8, is not a value of i4");
  CHECK(fault("[1e9]", {{"x", DType::f8e4m3fn}}) ==
        "line 1, column 1: element 0, 1000000000, is not a value of f8e4m3fn");
  CHECK(fault(R"(["NaN"])", {{"x", DType::f4e2m1}}) == "line 1, column 1: element 0, nan, is not a value of f4e2m1");
}

TEST_CASE("sequences, optionals and maps are read in the form in which they are written") {
  const Expected shares{
      .name = "shares", .type = DType::sequence, .dims = Dims(), .key = DType::i64, .value = DType::f32};
  for (
      const char* text :
      {R"({"shares": {"sequence": [{"map": {"0": 0.25, "7": 0.75}}]}})",
       R"({"sequence": [{"map": {"0": 0.25, "7": 0.75}}]})", R"([{"0": 0.25, "7": 0.75}])",
       R"({"shares": [{"0": 0.25, "7": 0.75}]})",
       R"({"outputs": [{"name": "shares", "dims": [], "type": "sequence", "data": {"sequence": [{"0": 0.25, "7": 0.75}]}}]})"}) {
    INFO(text);
    Tensor sequence = read(text, {shares});
    REQUIRE(sequence.type() == DType::sequence);
    REQUIRE(sequence_in(sequence.view()).items.size() == 1);
    const Map& map = map_in(sequence_in(sequence.view()).items[0].view());
    CHECK(map.keys.as<std::int64_t>()[1] == 7);
    CHECK(map.values.as<float>()[1] == 0.75F);
  }
  const Expected optional{.name = "x", .type = DType::optional, .dims = Dims(), .value = DType::f32};
  CHECK(!optional_in(read(R"({"x": {"optional": null}})", {optional}).view()).value.present());
  Tensor held = read(R"({"x": {"optional": {"sequence": [[1], [2, 3]]}}})", {optional});
  CHECK(sequence_in(optional_in(held.view()).value.view()).items[1].dims() == Dims{2});
  CHECK(fault(R"({"sequence": [{"a": 1}]})", {shares}).ends_with("the key 'a' is not a whole number"));
  CHECK(fault(R"({"sequence": 3})", {shares}) != "");
  CHECK(fault(R"({"optional": {"optional": {"optional": {"optional": {"optional": 1}}}}})", {optional})
            .ends_with("it nests too deep"));
}

TEST_CASE("sequences, optionals and maps are written in a form of their own") {
  Tensor keys = Tensor::of_ints(Dims{0, 7}), shares = Tensor::of<float>(DType::f32, {2}, {0.25f, 0.75f});
  Tensor names = Tensor::of_strings({1}, {"a\"b"}), count = Tensor::of_ints(Dims{3});
  auto map = [](Tensor of, Tensor values) { return modelctl::tensor_of(Map{std::move(of), std::move(values)}); };
  Tensor none = modelctl::tensor_of(Optional{}),
         one = modelctl::tensor_of(Optional{Tensor::scalar<float>(DType::f32, 1)});
  Tensor maps = modelctl::tensor_of(Sequence{DType::map, {map(keys, shares), map(names, count)}});
  CHECK(written(".json", {{"maps", maps}, {"none", none}, {"one", one}}) == R"({
"maps": {"sequence": [
{"map": {"0": 0.25, "7": 0.75}},
{"map": {"a\"b": 3}}]},
"none": {"optional": null},
"one": {"optional": {"datatype": "FP32", "shape": [], "data":
1.0}}
}
)");
  CHECK(written(".npy", {{"maps", maps}}) == "cannot write sequence to a .npy file: NumPy has no such type");
}
