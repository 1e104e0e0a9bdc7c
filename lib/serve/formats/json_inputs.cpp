// Rows become columns as text: the values of one feature are collected as a JSON list, which the one reader of JSON
// tensors reads. So types, bounds and messages are the same for every form.
#include "serve/formats/json_inputs.hpp"

#include "runtime/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace modelctl::serve {
namespace {

Error bad_request(std::string what) { return Error(Kind::bad_input, "bad-request", std::move(what)); }

bool is_input(const artifact::Signature& signature, std::string_view name) {
  return std::any_of(signature.inputs.begin(), signature.inputs.end(),
                     [&](const artifact::Port& port) { return port.name == name; });
}

std::byte* start_of(Tensor& tensor) { return static_cast<std::byte*>(tensor.mutable_view().data); }

// The values of one feature: "[1,2,3" while rows are added.
struct Column {
  std::string name, list;
  std::int64_t values = 0;

  void add(std::string_view value) {
    list += list.empty() ? '[' : ',';
    list += value;
    ++values;
  }
};

// A table of named columns, as text.
class Features {
 public:
  Features(json::Cursor& in, std::string_view text) : in_(in), text_(text) {}

  // Each returns false on a fault, which the cursor reports.
  bool add_object() {
    ++rows_;
    bool same = true;
    bool good = in_.object([&](const std::string& key) {
      std::string_view value;
      if (!take(value)) return false;
      auto [found, added] = index_.try_emplace(key, columns_.size());
      if (added) columns_.push_back({key, "", 0});
      columns_[found->second].add(value);
      same = same && columns_[found->second].values == rows_;
      return true;
    });
    for (const Column& column : columns_) same = same && column.values == rows_;
    if (good && !same) return in_.fail(fmt::format("row {} has other names than those before it", rows_));
    return good;
  }

  // What the to_json() of pandas writes by default, {"column": {"row": value, …}, …}.
  bool add_columns() {
    std::vector<std::string> index;
    return in_.object([&](const std::string& name) {
      columns_.push_back({name, "", 0});
      Column& column = columns_.back();
      bool same = true;
      bool good = in_.object([&](const std::string& row) {
        std::string_view value;
        auto at = static_cast<std::size_t>(column.values);
        if (columns_.size() == 1) index.push_back(row);
        else same = same && at < index.size() && index[at] == row;
        if (!take(value)) return false;
        column.add(value);
        return true;
      });
      rows_ = static_cast<std::int64_t>(index.size());
      same = same && column.values == rows_;
      return good && (same || in_.fail(fmt::format("the column '{}' has other rows than the first one", name)));
    });
  }

  // And with orient="index", {"row": {"column": value, …}, …}.
  bool add_named_rows() {
    return in_.object([&](const std::string&) { return add_object(); });
  }

  bool set_names() {
    if (!in_.eat('[')) return in_.fail("a list of names is expected");
    if (in_.eat(']')) return true;
    do {
      std::string name;
      std::string_view text;
      if (in_.peek() == '"' ? !in_.string(name) : !take(text)) return false;
      if (text.data() != nullptr) name = text;  // pandas numbers columns that have no names
      if (columns_.size() == most_columns) return in_.fail(fmt::format("there are more than {} names", most_columns));
      if (!index_.try_emplace(name, columns_.size()).second)
        return in_.fail(fmt::format("the name '{}' stands twice", name));
      columns_.push_back({name, "", 0});
    } while (in_.eat(','));
    return in_.eat(']') || in_.fail("a ',' or ']' is expected");
  }

  // The rows of a table whose columns have their names.
  bool add_rows() {
    if (!in_.eat('[')) return in_.fail("a list of rows is expected");
    if (in_.eat(']')) return true;
    do {
      ++rows_;
      if (!in_.eat('[')) return in_.fail("a row, a list, is expected");
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::string_view value;
        if (i > 0 && !in_.eat(',')) return in_.fail(fmt::format("the row has not {} values", columns_.size()));
        if (!take(value)) return false;
        columns_[i].add(value);
      }
      if (!in_.eat(']')) return in_.fail(fmt::format("the row has not {} values", columns_.size()));
    } while (in_.eat(','));
    return in_.eat(']') || in_.fail("a ',' or ']' is expected");
  }

  Result<std::vector<Tensor>> inputs(const LoadedModel& model) {
    const artifact::Signature& signature = model.signature();
    if (columns_.empty() && rows_ == 0) return no_rows(signature);
    bool any = std::any_of(columns_.begin(), columns_.end(),
                           [&](const Column& column) { return is_input(signature, column.name); });
    if (!any && signature.inputs.size() == 1) {
      auto dims = shape_of_rows(signature.inputs[0], rows_, static_cast<std::int64_t>(columns_.size()));
      if (dims) {
        std::vector<Tensor> all;
        all.push_back(TRY(matrix(signature.inputs[0], std::move(*dims), model)));
        return all;
      }
      if (columns_.size() != 1) return no_columns_of(signature.inputs[0]);
    }
    std::map<std::string, Tensor> named;
    for (Column& column : columns_) {
      const artifact::Port* port = TRY(find_input(signature, column.name));
      bool nested = column.list.size() > 1 && column.list[1] == '[';
      std::optional<Dims> shape;
      if (!nested) shape = shape_of_rows(*port, rows_, 1);
      named.emplace(column.name, TRY(read(column, *port, std::move(shape), model)));
    }
    return in_order(signature, std::move(named));
  }

 private:
  Error no_columns_of(const artifact::Port& port) const {
    constexpr std::size_t most = 10;
    std::string list;
    for (std::size_t i = 0; i < std::min(columns_.size(), most); ++i)
      list += fmt::format("{}'{:.40}'", i > 0 ? ", " : "", columns_[i].name);
    if (columns_.size() > most) list += ", …";
    return Error(
        Kind::bad_input, "unknown-input",
        fmt::format("the model has no input of the name of a column, and as columns of '{}', {}, they are {}: {}",
                    port.name, runtime::describe(port), columns_.size(), list));
  }

  static constexpr std::size_t most_columns = 10'000;  // as many as an object has keys

  // Of a table without rows, which names no columns.
  static Result<std::vector<Tensor>> no_rows(const artifact::Signature& signature) {
    std::vector<Tensor> all;
    for (const artifact::Port& port : signature.inputs) {
      Dims dims;
      for (const artifact::PortDim& dim : port.dims) dims.push_back(dims.empty() ? 0 : dim.size);
      bool fits = !dims.empty() && port.dims[0].size < 0 &&
                  std::none_of(dims.begin(), dims.end(), [](auto size) { return size < 0; });
      if (!fits) return bad_request(fmt::format("there are no rows, and the input '{}' needs some", port.name));
      all.emplace_back(port.type, std::move(dims));
    }
    return all;
  }

  // The text of the next value.
  bool take(std::string_view& value) {
    in_.peek();
    std::size_t start = in_.at();
    if (!in_.skip()) return false;
    value = text_.substr(start, in_.at() - start);
    return true;
  }

  Result<Tensor> read(Column& column, const artifact::Port& port, std::optional<Dims> shape,
                      const LoadedModel& model) const {
    column.list += column.list.empty() ? "[]" : "]";
    json::Cursor list(column.list);
    Tensor tensor;
    if (json::read_tensor(list, wanted_input(port, std::move(shape), model), tensor)) return tensor;
    std::string reason = list.fault();
    reason.erase(0, reason.find(": ") + 2);  // the place is one in the list
    return Error(Kind::bad_input, "bad-json", fmt::format("cannot read the values of '{}'", column.name))
        .because(std::move(reason));
  }

  // The columns side by side.
  Result<Tensor> matrix(const artifact::Port& port, Dims dims, const LoadedModel& model) {
    Tensor all(port.type, std::move(dims));
    std::size_t width = columns_.size(), size = static_cast<std::size_t>(bits(port.type)) / 8;
    for (std::size_t i = 0; i < width; ++i) {
      Tensor column = TRY(read(columns_[i], port, Dims{rows_}, model));
      for (std::size_t row = 0; row < static_cast<std::size_t>(rows_); ++row) {
        std::size_t at = row * width + i;
        if (port.type == DType::string) all.mutable_view().as<std::string>()[at] = column.as<std::string>()[row];
        else std::memcpy(start_of(all) + at * size, start_of(column) + row * size, size);
      }
    }
    return all;
  }

  json::Cursor& in_;
  std::string_view text_;
  std::int64_t rows_ = 0;
  std::vector<Column> columns_;
  std::map<std::string, std::size_t> index_;  // of the columns, by name
};

class Reader {
 public:
  Reader(std::string_view body, const LoadedModel& model) : body_(body), model_(model), in_(body) {}

  Result<JsonInputs> read(std::span<const FormKey> keys, Bare bare) {
    auto members = TRY(read_members(in_));
    if (bare == Bare::allowed && is_split(members)) return read_form(JsonForm::split, start_of_body());
    const json::Member* member = nullptr;
    const FormKey* key = nullptr;
    for (const FormKey& known : keys) {
      const json::Member* found = json::find(members, known.key);
      if (found != nullptr && member != nullptr)
        return bad_request(fmt::format("the body has more than one of {}", listed(keys, "and")));
      if (found == nullptr) continue;
      member = found;
      key = &known;
    }
    if (member != nullptr) return read_form(key->form, member->at);
    if (bare == Bare::allowed) {
      in_.go_to(0);
      if (in_.peek() == '[') return read_form(JsonForm::rows, in_.at());
      bool named = std::any_of(members.begin(), members.end(),
                               [&](const json::Member& found) { return is_input(model_.signature(), found.key); });
      if (is_table(members)) return read_form(JsonForm::table, start_of_body());
      bool row = !members.empty() && is_row(members);
      if (named || (row && model_.signature().inputs.size() == 1))
        return read_form(row ? JsonForm::features : JsonForm::columns, start_of_body());
    }
    return bad_request(fmt::format("the body is not an object with {}", listed(keys, "or")));
  }

  Result<std::vector<Tensor>> lines() {
    Features features(in_, body_);
    do {
      if (!features.add_object()) return unreadable("the body", in_);
    } while (!in_.at_end());
    return features.inputs(model_);
  }

 private:
  static std::string listed(std::span<const FormKey> keys, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i > 0) text += i + 1 == keys.size() ? fmt::format(" {} ", last) : ", ";
      text += fmt::format("'{}'", keys[i].key);
    }
    return text;
  }

  std::size_t start_of_body() {
    in_.go_to(0);
    in_.peek();
    return in_.at();
  }

  // Whether each value is one element.
  bool is_row(const std::vector<json::Member>& members) {
    return std::none_of(members.begin(), members.end(), [&](const json::Member& member) {
      in_.go_to(member.at);
      return in_.peek() == '[' || in_.peek() == '{';
    });
  }

  char first_of(const json::Member& member) {
    in_.go_to(member.at);
    return in_.peek();
  }

  // Whether the body is what pandas writes with orient="split".
  bool is_split(const std::vector<json::Member>& members) {
    const json::Member *columns = json::find(members, "columns"), *data = json::find(members, "data");
    if (is_input(model_.signature(), "columns") || is_input(model_.signature(), "data")) return false;
    return columns != nullptr && data != nullptr && first_of(*columns) == '[' && first_of(*data) == '[';
  }

  // Whether the body is a table by columns or by rows: objects of values, and not of bytes in base64.
  bool is_table(const std::vector<json::Member>& members) {
    bool objects = !members.empty() && std::all_of(members.begin(), members.end(),
                                                   [&](const json::Member& member) { return first_of(member) == '{'; });
    std::vector<json::Member> inner;
    return objects && in_.go_to(members[0].at) && in_.object(inner) && !inner.empty() && is_row(inner) &&
           json::find(inner, "b64") == nullptr;
  }

  // The rows are the outer keys if the inner ones are inputs, or if only the outer ones are numbers.
  Result<std::vector<Tensor>> table(std::size_t at) {
    std::vector<json::Member> outer, inner;
    in_.object(outer);
    in_.go_to(outer[0].at);
    in_.object(inner);
    auto is_number = [](const json::Member& member) {
      return member.key.find_first_not_of("0123456789") == std::string::npos;
    };
    auto names_input = [&](const json::Member& member) { return is_input(model_.signature(), member.key); };
    bool named = std::any_of(outer.begin(), outer.end(), names_input);
    bool by_row = std::any_of(inner.begin(), inner.end(), names_input) ||
                  (!named && std::all_of(outer.begin(), outer.end(), is_number) &&
                   !std::all_of(inner.begin(), inner.end(), is_number));
    Features table(in_, body_);
    in_.go_to(at);
    if (!(by_row ? table.add_named_rows() : table.add_columns())) return unreadable("the table", in_);
    return table.inputs(model_);
  }

  Result<JsonInputs> read_form(JsonForm form, std::size_t at) {
    JsonInputs inputs{{}, form};
    in_.go_to(at);
    switch (form) {
      case JsonForm::columns: inputs.tensors = TRY(columns(at)); break;
      case JsonForm::rows: inputs.tensors = TRY(rows(at)); break;
      case JsonForm::features: inputs.tensors = TRY(features()); break;
      case JsonForm::split: inputs.tensors = TRY(split(at)); break;
      case JsonForm::table: inputs.tensors = TRY(table(at)); break;
      case JsonForm::split_or_columns: return read_form(has_data(at) ? JsonForm::split : JsonForm::columns, at);
    }
    return inputs;
  }

  Result<std::vector<Tensor>> only_input(std::size_t at, std::string_view instead) {
    const artifact::Signature& signature = model_.signature();
    if (signature.inputs.size() != 1)
      return bad_request(fmt::format("the model has the inputs {}: give {}", names(signature.inputs), instead));
    std::vector<Tensor> tensors;
    tensors.push_back(TRY(read_input(in_, at, signature.inputs[0], std::nullopt, model_)));
    return tensors;
  }

  Result<std::vector<Tensor>> columns(std::size_t at) {
    if (in_.peek() != '{' || is_base64()) return only_input(at, "an object with a list for each");
    std::vector<json::Member> members;
    in_.go_to(at);
    if (!in_.object(members)) return unreadable("the inputs", in_);
    std::map<std::string, Tensor> named;
    for (const json::Member& member : members) {
      const artifact::Port* port = TRY(find_input(model_.signature(), member.key));
      named.emplace(member.key, TRY(read_input(in_, member.at, *port, std::nullopt, model_)));
    }
    return in_order(model_.signature(), std::move(named));
  }

  Result<std::vector<Tensor>> rows(std::size_t at) {
    bool list = in_.eat('[');
    if (!list) return bad_request("the rows are not a list");
    if (in_.peek() != '{' || is_base64()) return only_input(at, "rows that are objects with a value for each");
    in_.go_to(at);
    return features();
  }

  Result<std::vector<Tensor>> features() {
    Features table(in_, body_);
    bool good = true;
    if (in_.peek() == '{') {
      good = table.add_object();
    } else if (in_.eat('[')) {
      if (in_.peek() != ']') {
        do { good = table.add_object(); } while (good && in_.eat(','));
      }
      good = good && (in_.eat(']') || in_.fail("a ',' or ']' is expected"));
    } else {
      good = in_.fail("an object, or a list of objects, is expected");
    }
    if (!good) return unreadable("the features", in_);
    return table.inputs(model_);
  }

  Result<std::vector<Tensor>> split(std::size_t at) {
    std::vector<json::Member> members;
    bool good = in_.peek() == '{' ? in_.object(members) : in_.fail("an object is expected");
    const json::Member *names = json::find(members, "columns"), *data = json::find(members, "data");
    if (good && data == nullptr) {
      in_.go_to(at);
      good = in_.fail("it has no 'data'");
    }
    if (good && names == nullptr) return only_input(data->at, "'columns' with their names");
    Features table(in_, body_);
    good = good && in_.go_to(names->at) && table.set_names() && in_.go_to(data->at) && table.add_rows();
    if (!good) return unreadable("the table", in_);
    return table.inputs(model_);
  }

  bool has_data(std::size_t at) {
    std::vector<json::Member> members;
    in_.go_to(at);
    return in_.peek() == '{' && in_.object(members) && json::find(members, "data") != nullptr;
  }

  // Whether the object here is a string in another form.
  bool is_base64() {
    std::size_t start = in_.at();
    std::vector<json::Member> members;
    bool good = in_.object(members) && members.size() == 1 && members[0].key == "b64";
    in_.go_to(start);
    return good;
  }

  std::string_view body_;
  const LoadedModel& model_;
  json::Cursor in_;
};

}  // namespace

std::optional<Dims> shape_of_rows(const artifact::Port& port, std::int64_t rows, std::int64_t values) {
  Dims dims;
  for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size);
  if (port.any_rank()) return std::nullopt;
  if (dims.empty() && rows == 1 && values == 1) return dims;
  if (dims.size() == 1 && rows == 1 && dims[0] == values) return dims;  // without a batch
  if (dims.empty()) return std::nullopt;
  dims[0] = rows;
  if (dims.size() == 2 && dims[1] < 0) dims[1] = values;
  if (element_count(DimsView(dims).subspan(1)) == values) return dims;
  return std::nullopt;
}

Result<JsonInputs> read_json_inputs(std::string_view body, std::span<const FormKey> keys, const LoadedModel& model,
                                    Bare bare) {
  return Reader(body, model).read(keys, bare);
}

Result<std::vector<Tensor>> read_json_lines(std::string_view body, const LoadedModel& model) {
  return Reader(body, model).lines();
}

}  // namespace modelctl::serve
