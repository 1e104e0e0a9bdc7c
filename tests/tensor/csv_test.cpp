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

std::vector<Expected> columns(std::int64_t count, DType type = DType::f32) {
  return {expect("x", type, Dims{-1, count})};
}

// What the reader decided, as the option says: the tensor's shape, and the codes and texts of its warnings.
struct Decision {
  std::string shape;
  std::vector<std::string> warnings;
  bool operator==(const Decision&) const = default;
};
Decision decided(std::string_view text, std::vector<Expected> expected, CsvHeader header = CsvHeader::automatic) {
  Decision decision;
  ReadOptions options{header, [&](const Error& warning) { decision.warnings.push_back(warning.what); }};
  const Format* format = *format_of(".csv");
  auto read = format->read({as_bytes(text), "f", expected, expected.empty() ? nullptr : &expected.front(), options});
  if (!read) return {read.error().why.back() + " (" + read.error().hint + ")", decision.warnings};
  const Tensor& tensor = read->front().tensor;
  return {describe(tensor.type(), tensor.dims()), decision.warnings};
}

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

TEST_CASE("numbers in quotes are a header only above numbers without quotes") {
  CHECK(read("\"1\",\"2\"\n3,4\n", floats).dims() == Dims{1, 2});
  CHECK(read("\"1\",\"2\"\n\"3\",\"4\"\n", floats).dims() == Dims{2, 2});
  CHECK(read("\"a\",\"b\"\n\"3\",\"4\"\n", floats).dims() == Dims{1, 2});
}

TEST_CASE("a first row of 0, 1, 2 … is a header, with a warning") {
  const std::string header = "took the first row of 'f', 0, 1, …, 3, for a header";
  CHECK(decided("0,1,2,3\n5.1,3.5,1.4,0.2\n", columns(4)) == Decision{"f32[1,4]", {header}});
  CHECK(decided("0,1,2,3\n7,7,7,7\n", columns(4, DType::i64)) == Decision{"i64[1,4]", {header}});
  CHECK(decided("\"0\",\"1\",\"2\",\"3\"\n\"7\",\"7\",\"7\",\"7\"\n", columns(4)) == Decision{"f32[1,4]", {header}});
  CHECK(decided("0,1,2,3\n5,5,5,5\n", {}) == Decision{"i64[1,4]", {header}});
  CHECK(decided("0,1\n0.5,1.5\n", columns(2)) ==
        Decision{"f32[1,2]", {"took the first row of 'f', 0, 1, for a header"}});
  CHECK(decided("0\n0.5\n", columns(1)) == Decision{"f32[1,1]", {"took the first row of 'f', 0, for a header"}});
}

TEST_CASE("a first row of 0, 1, 2 … is data if it is as likely, with a warning") {
  CHECK(decided("0,1\n1,0\n", columns(2)) == Decision{"f32[2,2]", {"took the first row of 'f', 0, 1, for data"}});
  CHECK(decided("0\n2\n1\n", {}) == Decision{"i64[3,1]", {"took the first row of 'f', 0, for data"}});
  CHECK(decided("0,1,2\n0,1,2\n", columns(3)) == Decision{"f32[2,3]", {}});  // positions
  CHECK(decided("0,1,2\n", columns(3)) == Decision{"f32[1,3]", {}});
  CHECK(decided("1,2,3\n4,5,6\n", columns(3)) == Decision{"f32[2,3]", {}});
  CHECK(decided("0.0,1.0,2.0\n4.5,5,6\n", columns(3)) == Decision{"f32[2,3]", {}});
}

TEST_CASE("a fixed number of rows decides whether 0, 1, 2 … is a header") {
  CHECK(decided("0,1,2\n4.5,5,6\n", {expect("x", DType::f32, Dims{2, 3})}) == Decision{"f32[2,3]", {}});
  CHECK(decided("0,1,2\n4,5,6\n", {expect("x", DType::f32, Dims{1, 3})}) == Decision{"f32[1,3]", {}});
}

TEST_CASE("the option decides whether the first row is a header") {
  CHECK(decided("0,1,2\n4.5,5,6\n", columns(3), CsvHeader::no) == Decision{"f32[2,3]", {}});
  CHECK(decided("0,1,2\n4.5,5,6\n", columns(3), CsvHeader::yes) == Decision{"f32[1,3]", {}});
  CHECK(decided("2019,2020\n4,5\n", columns(2), CsvHeader::yes) == Decision{"f32[1,2]", {}});
  CHECK(decided("name\nann\n", {expect("x", DType::string)}, CsvHeader::yes) == Decision{"string[1,1]", {}});
  CHECK(decided("a,b\n4,5\n", columns(2), CsvHeader::no) == Decision{"line 1: column 1: 'a' is not a number ()", {}});
  CHECK(decided("id,2020\n4,5\n", columns(2)) ==
        Decision{"line 1: column 1: 'id' is not a number (if this line is a header, give --header yes)", {}});
}

TEST_CASE("an index that the header shows is left out if the other columns are what the model expects") {
  const std::string left_out = "left out the first column of 'f'";
  CHECK(decided(",0,1\n0,5.1,3.5\n1,4.9,3.0\n", columns(2)) == Decision{"f32[2,2]", {left_out}});
  CHECK(decided(",width,height\n17,5.1,3.5\n4,4.9,3.0\n", columns(2)) == Decision{"f32[2,2]", {left_out}});
  CHECK(decided("Unnamed: 0,a,b\n0,5.1,3.5\n", columns(2)) == Decision{"f32[1,2]", {left_out}});
  CHECK(decided("\"\",\"a\"\n\"row 1\",5.1\n", {expect("x", DType::f32, Dims{-1})}) == Decision{"f32[1]", {left_out}});
  CHECK(decided(",0\n0,2\n1,1\n", {}) == Decision{"i64[2,1]", {left_out}});
  CHECK(decided(",a\n0,2\n", columns(2)) == Decision{"f32[1,2]", {"took the first column of 'f' for data"}});
  CHECK(decided(",a,b\n0,2,3\n", columns(5)) == Decision{"f32[1,3]", {}});
}

TEST_CASE("an index that no header shows is named if it is one column too many") {
  const std::string refused =
      "it has 3 columns, and the model expects 2: the first one counts the rows, as an index does "
      "(write it without the index: index=False in pandas)";
  CHECK(decided("0,5.1,3.5\n1,4.9,3.0\n", columns(2)) == Decision{refused, {}});
  CHECK(decided("row,a,b\n1,5.1,3.5\n2,4.9,3.0\n", columns(2)) == Decision{refused, {}});
  CHECK(decided("row,a,b\n1,5.1,3.5\n", columns(2)) == Decision{"f32[1,3]", {}});
  CHECK(decided("0,5.1,3.5\n3,4.9,3.0\n", columns(2)) == Decision{"f32[2,3]", {}});
}

TEST_CASE("a column whose name is that of an identifier is named if it is one column too many") {
  for (const char* name : {"id", "ID", "user_id", "index", "uuid"}) {
    CAPTURE(name);
    const std::string column(name);
    Decision refused{"it has 3 columns, and the model expects 2: '" + column +
                         "' seems to identify the rows (leave out that column: drop(columns=\"" + column +
                         "\") in pandas)",
                     {}};
    CHECK(decided(column + ",a,b\n7,5.1,3.5\n4,4.9,3.0\n", columns(2)) == refused);
    CHECK(decided("a," + column + ",b\n5.1,x7,3.5\n", columns(2)) == refused);
    CHECK(decided(column + ",a\n7,5.1\n", columns(2)) == Decision{"f32[1,2]", {}});
  }
  CHECK(decided("width,a,b\n7,5.1,3.5\n4,4.9,3.0\n", columns(2)) == Decision{"f32[2,3]", {}});
}

TEST_CASE("a separator that is not a comma is named") {
  CHECK(fault("1;2\n3;4\n", floats) == "line 1: its cells are separated by semicolons, not by commas");
  CHECK(fault("a;b\n3;4\n", floats) == "line 2: its cells are separated by semicolons, not by commas");
  CHECK(fault("1,5;2,5\n3,5;4\n", floats) == "line 1: its cells are separated by semicolons, not by commas");
  CHECK(fault("1\t2\n", floats) == "line 1: its cells are separated by tabs, not by commas");
  CHECK(fault("1|2|\n", floats) == "line 1: its cells are separated by vertical bars, not by commas");
  CHECK(fault("1.0e+00  2.0e+00\n", floats) == "line 1: its cells are separated by spaces, not by commas");
  CHECK(fault("1;2\n3;4\n") == "line 1: its cells are separated by semicolons, not by commas");
  CHECK(read("1 2\n").type() == DType::string);
  CHECK(read("1;2\n", {expect("x", DType::string)}).dims() == Dims{1, 1});
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

TEST_CASE("a first row of texts is a header if it is the input's name in any case, and reported if it may be one") {
  const std::vector<Expected> text{expect("s", DType::string, Dims{-1, 1})};
  CHECK(decided("s\na b\nc\n", text) == Decision{"string[2,1]", {}});
  CHECK(decided("S\na b\nc\n", text) == Decision{"string[2,1]", {"took the first row of 'f', S, for a header"}});
  CHECK(decided("S\na b\n", text, CsvHeader::no) == Decision{"string[2,1]", {}});
  CHECK(decided("text\n\"hello, world\"\nfoo\n", text) ==
        Decision{"string[3,1]", {"took the first row of 'f', text, for data"}});
  CHECK(decided("text\n\"hello, world\"\nfoo\n", text, CsvHeader::yes) == Decision{"string[2,1]", {}});
  CHECK(decided("text\nfoo\n", text, CsvHeader::no) == Decision{"string[2,1]", {}});
  CHECK(decided("\"hello, world\"\nfoo\n", text) == Decision{"string[2,1]", {}});
  CHECK(decided("foo\n", text) == Decision{"string[1,1]", {}});
  CHECK(decided("color,size\nred,2\n", {expect("s", DType::string, Dims{-1, 2})}) ==
        Decision{"string[2,2]", {"took the first row of 'f', color, size, for data"}});
}

TEST_CASE("blank lines at the end are not rows") {
  CHECK(read("1,2\n3,4\n\n", floats).dims() == Dims{2, 2});
  CHECK(read("1,2\r\n3,4\r\n\r\n\r\n", floats).dims() == Dims{2, 2});
  CHECK(read("a b\n\n\n", {expect("x", DType::string)}).dims() == Dims{1, 1});
  CHECK(read("a b\n\"\"\n\n", {expect("x", DType::string)}).dims() == Dims{2, 1});
  CHECK(read("\"a\n\n\"\n\n", {expect("x", DType::string)}).dims() == Dims{1, 1});
  CHECK(!fault("\n\n", floats).empty());
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
  CHECK(fault("1\n2:3\n", floats) == "line 2: column 1: '2:3' is not a number");
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

TEST_CASE("a row has a limit of cells, so that commas take no memory") {
  CHECK(fault(std::string(8 << 20, ',')) == "line 1: it has more than 1,048,576 cells");
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
