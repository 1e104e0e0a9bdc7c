// Tables: an input [batch, features] is made from the columns of a table, each an input of its own: f32[batch,1] of
// numbers, string[batch,1] of categories. So a row of a CSV file and a record {"age": 3, "color": "red"} are inputs
// (tensor/records.hpp).
//
//   number    -> FillMissing -> Sub (mean) -> Div (std)           one feature
//   category  -> CategoryIndex -> OneHot, or Cast                 one feature for each category, or one
//
// Concat puts them next to each other, in the order of the list.
#include "processing/kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace modelctl::processing {
namespace {

using graph::Expr;
using graph::Shape;
using graph::Value;

constexpr std::string_view encodings[] = {"one_hot", "index"};
constexpr std::string_view unknowns[] = {"refuse", "ignore"};

constexpr Key column_keys[] = {
    {.name = "name", .type = KeyType::text, .meaning = "Name of the column, and of the input", .required = true},
    {"categories", KeyType::labels, "",
     "The values of a column of text: a list, or a file with one per line; without it, the column is numbers"},
    {"encoding", KeyType::text, "one_hot",
     "Of categories: `one_hot`, a feature for each, which is 1 for the value's; `index`, one feature", encodings},
    {"unknown", KeyType::text, "refuse",
     "Of a value that is not a category: `refuse` it, or `ignore` it: one_hot gives zeros, index -1", unknowns},
    {"missing", KeyType::text, "",
     "What takes the place of a missing value, such as the mean; without it, such rows are refused"},
    {"mean", KeyType::number, "0", "Subtracted from numbers"},
    {"std", KeyType::number, "1", "Divides numbers, after `mean`"}};

constexpr Key keys[] = {{.name = "columns",
                         .type = KeyType::rows,
                         .meaning = "The columns, in the order of the model's features",
                         .required = true,
                         .columns = column_keys}};

Error bad_column(const InputCall& call, const Settings& column, std::string why, std::string_view key) {
  return Error(Kind::bad_config, "bad-processing",
               fmt::format("cannot make the column '{}' of the input '{}'", column.text("name"), call.name))
      .at(column.where(key))
      .because(std::move(why));
}

struct Feature {
  Value* value;
  std::int64_t count;
};

Result<Feature> categories(InputCall& call, const Settings& column, const Expr& batch) {
  const std::vector<std::string>& names = column.texts("categories");
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
    return bad_column(call, column, "a category stands twice", "categories");
  for (std::string_view key : {"mean", "std"}) {
    if (column.has(key)) return bad_column(call, column, fmt::format("only numbers have '{}'", key), key);
  }
  bool one_hot = column.text("encoding") == "one_hot", ignores = column.text("unknown") == "ignore";
  auto count = static_cast<std::int64_t>(names.size());
  Attributes attributes{{"column", column.text("name")}, {"categories", names}};
  if (column.has("missing")) attributes.set("missing", column.text("missing"));
  // An index beyond the depth gives zeros; a negative one would count from the end.
  if (ignores) attributes.set("unknown", one_hot ? count : std::int64_t{-1});
  if (column.has("missing") && !ignores && std::find(names.begin(), names.end(), column.text("missing")) == names.end())
    return bad_column(call, column, fmt::format("'{}' is none of the categories", column.text("missing")), "missing");
  Value* input = call.add_input(column.text("name"), {DType::string, Shape{batch, Expr(1)}, {}},
                                {Content::column, fmt::format("one of {}", listed(names))});
  auto index = TRY(call.nodes.add_node("modelctl", "CategoryIndex", {input}, std::move(attributes), 1))->output(0);
  if (!one_hot) return Feature{TRY(call.nodes.cast(index, DType::f32)), 1};
  index = TRY(call.nodes.add("Squeeze", {index, call.nodes.ints({1})}));
  Value* spread = TRY(call.nodes.add("OneHot", {index, call.nodes.ints({count}), call.nodes.floats({0, 1}, {2})}));
  return Feature{spread, count};
}

Result<Feature> numbers(InputCall& call, const Settings& column, const Expr& batch) {
  for (std::string_view key : {"encoding", "unknown"}) {
    if (column.has(key)) return bad_column(call, column, fmt::format("only categories have '{}'", key), key);
  }
  if (column.number("std") == 0) return bad_column(call, column, "nothing can be divided by 0", "std");
  Attributes attributes{{"column", column.text("name")}};
  std::string description = "a number";
  if (column.has("missing")) {
    const std::vector<double>& given = column.numbers("missing");
    if (given.empty())
      return bad_column(call, column, fmt::format("'{}' is not a number", column.text("missing")), "missing");
    attributes.set("value", static_cast<float>(given[0]));
    description += fmt::format("; {} if it is missing", column.text("missing"));
  }
  Value* input =
      call.add_input(column.text("name"), {DType::f32, Shape{batch, Expr(1)}, {}}, {Content::column, description});
  Value* value = TRY(call.nodes.add_node("modelctl", "FillMissing", {input}, std::move(attributes), 1))->output(0);
  if (column.has("mean")) value = TRY(call.nodes.add("Sub", {value, call.nodes.floats({column.number("mean")})}));
  if (column.has("std")) value = TRY(call.nodes.add("Div", {value, call.nodes.floats({column.number("std")})}));
  return Feature{value, 1};
}

Result<Value*> build(InputCall& call) {
  const graph::Type& type = call.tensor.type;
  if (!is_float(type.element) || !type.shape || type.shape->size() != 2) {
    return call.bad(
        fmt::format("the model takes {}, and columns make [batch,features] of floats", graph::describe(type)));
  }
  const Expr batch = (*type.shape)[0];
  std::vector<Value*> features;
  std::int64_t count = 0;
  std::set<std::string> names;
  for (const Settings& column : call.settings.rows("columns")) {
    std::string name = column.text("name");
    bool taken = !names.insert(name).second || std::any_of(call.graph.inputs.begin(), call.graph.inputs.end(),
                                                           [&](const Value* input) { return input->name == name; });
    if (taken) return bad_column(call, column, "there is another input of that name", "name");
    auto feature = TRY(column.has("categories") ? categories(call, column, batch) : numbers(call, column, batch));
    features.push_back(feature.value);
    count += feature.count;
  }
  auto wanted = (*type.shape)[1].constant();
  if (wanted && *wanted != count)
    return call.bad(fmt::format("the columns make {} features, and the model takes {}", count, *wanted), "columns");
  Value* value = features[0];
  if (features.size() > 1) value = TRY(call.nodes.add("Concat", features, {{"axis", std::int64_t{1}}}));
  return call.nodes.cast(value, type.element);
}

constexpr InputKind kind[] = {
    {"table", "Columns of a table: numbers and categories, some of which may be missing", keys, build}};

}  // namespace

std::span<const InputKind> table_input() { return kind; }

}  // namespace modelctl::processing
