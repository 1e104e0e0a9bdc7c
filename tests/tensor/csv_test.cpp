// The CSV format.
#include "formats_support.hpp"

#include <cmath>

using namespace modelctl;
using namespace modelctl::formats;
using namespace std::string_literals;

namespace {

Tensor read(std::string_view text, std::vector<Expected> expected = {}) {
  return tensor_of(".csv", text, std::move(expected));
}
std::string fault(std::string_view text, std::vector<Expected> expected = {}) {
  return fault_of(".csv", text, std::move(expected));
}
const std::vector<Expected> floats = {expect("x", DType::f32)};

}  // namespace

TEST_CASE("a table of numbers has rows and columns") {
  Tensor wanted = Tensor::of<float>(DType::f32, {2, 2}, {1, 2, 3, -4.5f});
  CHECK(same(read("1,2\n3,-4.5\n", floats), wanted));
  CHECK(same(read("1,2\n3,-4.5", floats), wanted));
  CHECK(same(read("\xef\xbb\xbf"
                  "1 , 2\r\n+3,\t-4.5\r\n",
                  floats),
             wanted));
  CHECK(same(read("\"1\",2\n3,\"-4.5\"\n", floats), wanted));
}

TEST_CASE("a first row without any number is a header if numbers are wanted") {
  CHECK(read("width,height\n1,2\n", floats).dims() == Dims{1, 2});
  CHECK(read("\"a,b\",c\n1,2\n").dims() == Dims{1, 2});
  CHECK(read("nan,inf\n1,2\n", floats).dims() == Dims{2, 2});
  CHECK(read("yes\ntrue\n", {expect("x", DType::boolean)}).dims() == Dims{1, 1});
  CHECK(read("x\na\n", {expect("x", DType::string, Dims{-1})}).dims() == Dims{1});
  CHECK(read("y\na\n", {expect("x", DType::string, Dims{-1})}).dims() == Dims{2});
  CHECK(read("a\nb\n").type() == DType::string);
  CHECK(fault("a,1\n1,2\n", floats) == "line 1: column 1: 'a' is not a number");
}

TEST_CASE("a table that nothing is expected of takes the type that it shows") {
  CHECK(read("1,2\n").type() == DType::i64);
  CHECK(read("1,2.5\n").type() == DType::f64);
  CHECK(read("1,b\n").type() == DType::string);
  CHECK(read("a\n1\n").type() == DType::i64);
}

TEST_CASE("a row fills one element of the first dimension that is expected") {
  CHECK(read("1,2,3,4\n5,6,7,8\n", {expect("x", DType::f32, Dims{-1, 1, 2, 2})}).dims() == Dims{2, 1, 2, 2});
  CHECK(read("1\n2\n", {expect("x", DType::f32, Dims{-1})}).dims() == Dims{2});
  CHECK(read("1,2\n", {expect("x", DType::f32, Dims{2})}).dims() == Dims{2});
  CHECK(read("1\n", {expect("x", DType::f32, Dims{})}).dims() == Dims{});
  CHECK(read("1,2,3\n", {expect("x", DType::f32, Dims{-1, 2, 2})}).dims() == Dims{1, 3});
}

TEST_CASE("strings may be quoted, and hold quotes, commas and lines") {
  Tensor tensor = read("\"a \"\"b\"\"\",\"c,\nd\"\n,e\n", {expect("x", DType::string)});
  CHECK(same(tensor, Tensor::of_strings({2, 2}, {"a \"b\"", "c,\nd", "", "e"})));
}

TEST_CASE("NaN and infinity are words in any case") {
  Tensor tensor = read("NaN,-inf\nInfinity,+INF\n", floats);
  CHECK(std::isnan(tensor.as<float>()[0]));
  CHECK(tensor.as<float>()[1] == -INFINITY);
  CHECK(tensor.as<float>()[2] == INFINITY);
  CHECK(tensor.as<float>()[3] == INFINITY);
}

TEST_CASE("an invalid table is refused with the line") {
  CHECK(fault("") == "it is empty");
  CHECK(fault("1,2\n3\n") == "line 2: it has 1 cells, but the first line has 2");
  CHECK(fault("1,2\n\n3,4\n") == "line 2: it has 1 cells, but the first line has 2");
  CHECK(fault("1\n\n2\n", floats) == "line 2: column 1: it is empty");
  CHECK(fault("1,\n", floats) == "line 1: column 2: it is empty");
  CHECK(fault("1\n2;3\n", floats) == "line 2: column 1: '2;3' is not a number");
  CHECK(fault("1\n+-2\n", floats) == "line 2: column 1: '+-2' is not a number");
  CHECK(fault("1\n1e39\n", floats) == "line 2: column 1: '1e39' is out of the range of f32");
  CHECK(fault("1\n2.5\n", {expect("x", DType::i32)}) == "line 2: column 1: '2.5' is not an integer, as i32 requires");
  CHECK(fault("0\n2\n", {expect("x", DType::boolean)}) == "line 2: column 1: '2' is not a bool");
  CHECK(fault("\"a\n") == "line 1: a quote is not closed");
  CHECK(fault("\"a\nb\"\n\"c\"d\n") == "line 3: something follows a closing quote");
  CHECK(fault("a\"b\n") == "line 1: a cell without quotes contains a quote");
  CHECK(fault("\xff\n") == "it is not UTF-8 text");
  CHECK(fault("1\n", {expect("x", DType::c64)}) == "c64 has no form in CSV");
}

TEST_CASE("a tensor is written as a table, which comes back") {
  CHECK(written(".csv", {{"", Tensor::of<float>(DType::f32, {2, 2}, {0.1f, 1, NAN, -INFINITY})}}) ==
        "0.1,1.0\nnan,-inf\n");
  CHECK(written(".csv", {{"", Tensor::of<std::int64_t>(DType::i64, {2}, {1, 2})}}) == "1\n2\n");
  CHECK(written(".csv", {{"", Tensor::scalar<bool>(DType::boolean, true)}}) == "true\n");
  CHECK(written(".csv", {{"", Tensor(DType::u8, {2, 1, 2})}}) == "0,0\n0,0\n");
  Tensor strings = Tensor::of_strings({2, 2}, {"a \"b\"", "c,\nd", "", " e"});
  CHECK(written(".csv", {{"", strings}}) == "\"a \"\"b\"\"\",\"c,\nd\"\n\"\",\" e\"\n");
  CHECK(same(read(written(".csv", {{"", strings}}), {expect("x", DType::string)}), strings));
}

TEST_CASE("a string that looks like a byte order mark comes back") {
  Tensor mark = Tensor::of_strings({1, 1}, {"\xef\xbb\xbf"});
  CHECK(same(read(written(".csv", {{"", mark}}), {expect("x", DType::string)}), mark));
}

TEST_CASE("values without a form in CSV are not written") {
  CHECK(written(".csv", {{"", Tensor(DType::f32, {0, 2})}}) ==
        "cannot write f32[0,2] to a .csv file: it has no elements");
  CHECK(written(".csv", {{"", Tensor(DType::c64, {1})}}) == "cannot write c64 to a .csv file");
}
