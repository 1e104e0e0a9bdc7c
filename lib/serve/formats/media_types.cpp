// A table in CSV is read here and not by tensor/records.hpp: there a cell may name a file, which no client may do.
#include "serve/formats/media_types.hpp"

#include "runtime/inputs.hpp"
#include "runtime/run_files.hpp"
#include "serve/dialect.hpp"
#include "serve/formats/form.hpp"
#include "serve/formats/json_inputs.hpp"
#include "serve/http/body_memory.hpp"
#include "serve/http/header_text.hpp"
#include "tensor/csv/cells.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::size_t most_parts = 1024;  // of a form

std::string_view next_item(std::string_view& list, char separator) {
  std::size_t end = std::min(list.find(separator), list.size());
  std::string_view item = trimmed(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

// How closely a range names a value: 2 itself, 1 its type with any subtype, 0 anything; -1: it does not.
int closeness(std::string_view range, std::string_view value) {
  if (same_text(range, value)) return 2;
  if (range == "*" || range == "*/*") return 0;
  bool group = range.ends_with("/*") && value.size() >= range.size() &&
               same_text(range.substr(0, range.size() - 1), value.substr(0, range.size() - 1));
  return group ? 1 : -1;
}

// "0.5"; what is not such a number is 1, as if it were not there.
double weight_of(std::string_view text) {
  double weight = 1;
  csv::Cell cell{text};
  if (csv::parse_cell(cell, DType::f64, &weight) != Parsed::good) return 1;
  return weight >= 0 && weight <= 1 ? weight : 1;
}

// Whether a format can hold what the model returns.
bool can_write(const formats::Format& format, const LoadedModel& model) {
  if (format.write == nullptr || format.media_type.empty() || format.media_type == json_type) return false;
  return format.several || model.signature().outputs.size() == 1;
}

Error unreadable_body(std::string reason) {
  return Error(Kind::bad_input, "bad-body", "cannot read the body").because(std::move(reason));
}

// A table whose header names inputs. Nothing if it names none: the table is then one tensor.
class NamedTable {
 public:
  NamedTable(std::string_view text, const LoadedModel& model) : text_(text), model_(model) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text_.starts_with(byte_order_mark)) text_.remove_prefix(byte_order_mark.size());
  }

  Result<std::optional<std::vector<Tensor>>> read() {
    csv::Rows rows(text_);
    std::vector<csv::Cell> cells;
    if (!is_utf8(text_) || !rows.read(cells).empty()) return std::optional<std::vector<Tensor>>();
    std::vector<std::string> header;
    for (const csv::Cell& cell : cells) header.emplace_back(csv::trimmed(csv::unquoted(cell)));
    bool any = std::any_of(header.begin(), header.end(),
                           [&](const std::string& name) { return find_input(model_.signature(), name).has_value(); });
    if (!any) return std::optional<std::vector<Tensor>>();
    TRY(count(rows, header.size()));
    std::map<std::string, Tensor> named;
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (named.contains(header[i])) return unreadable_body(fmt::format("two columns have the name '{}'", header[i]));
      named.emplace(header[i], TRY(column(i, *TRY(find_input(model_.signature(), header[i])))));
    }
    return std::optional(TRY(in_order(model_.signature(), std::move(named))));
  }

 private:
  Result<void> count(csv::Rows rows, std::size_t width) {
    std::vector<csv::Cell> cells;
    for (; !rows.at_end(); ++rows_) {
      std::size_t line = rows.line() + 1;
      if (std::string reason = rows.read(cells); !reason.empty())
        return unreadable_body(fmt::format("line {}: {}", line, reason));
      if (cells.size() != width) {
        return unreadable_body(
            fmt::format("line {}: it has {} cells, but the header has {}", line, cells.size(), width));
      }
    }
    return {};
  }

  Result<Tensor> column(std::size_t at, const artifact::Port& port) const {
    auto dims = shape_of_rows(port, rows_, 1);
    bool plain = port.type == DType::string || port.type == DType::boolean ||
                 (bits(port.type) >= 8 && (is_integer(port.type) || is_float(port.type)));
    if (!dims || !plain) {
      return unreadable_body(
          fmt::format("the input '{}' is {}, and a column has one value per row", port.name, runtime::describe(port)));
    }
    Tensor tensor(port.type, std::move(*dims));
    csv::Rows rows(text_);
    std::vector<csv::Cell> cells;
    rows.read(cells);
    for (std::int64_t row = 0; row < rows_; ++row) {
      std::size_t line = rows.line() + 1;
      rows.read(cells);
      if (port.type == DType::string) {
        tensor.mutable_view().as<std::string>()[static_cast<std::size_t>(row)] = csv::unquoted(cells[at]);
        continue;
      }
      auto* to = static_cast<std::byte*>(tensor.mutable_view().data) + row * (bits(port.type) / 8);
      Parsed result = csv::parse_cell(cells[at], port.type, to);
      if (result == Parsed::good) continue;
      return unreadable_body(fmt::format("line {}, column '{}': {}", line, port.name,
                                         why_not(result, csv::trimmed(cells[at].text), port.type)));
    }
    return tensor;
  }

  std::string_view text_;
  const LoadedModel& model_;
  std::int64_t rows_ = 0;
};

// numpy.savez names positional arrays arr_0, arr_1, …: names that nobody chose.
bool is_made_up(std::string_view name) {
  return name.starts_with("arr_") && name.find_first_not_of("0123456789", 4) == name.npos;
}

// Of a body, or a part of one, by its type, else by its first bytes. Null: JSON.
const formats::Format* format_of(std::string_view media_type, std::string_view content) {
  std::string_view type = next_item(media_type, ';');
  if (same_text(type, json_type)) return nullptr;
  for (const formats::Format* format : formats::formats()) {
    if (!format->media_type.empty() && same_text(format->media_type, type)) return format;
  }
  // Text is JSON unless its type says otherwise: many clients of JSON say nothing, or something else.
  for (const formats::Format* format : formats::formats()) {
    if (!format->media_type.starts_with("text/") && format->media_type != json_type && format->recognizes(content))
      return format;
  }
  return nullptr;
}

// `expected`: the inputs that the content may be for.
Result<std::vector<formats::NamedTensor>> read_content(const formats::Format& format, std::string_view content,
                                                       std::string_view where,
                                                       std::span<const formats::Expected> expected,
                                                       const RequestContext& context, const LoadedModel& model) {
  if (context.stop != nullptr && context.stop->requested())
    return Error(Kind::interrupted, "not-awaited", "nobody waits for the answer any more");
  formats::Source source{as_bytes(content), where, expected, expected.empty() ? nullptr : &expected[0]};
  source.options.unpacked_bytes = model.settings().max_body;
  source.options.stop = context.stop;
  if (!format.several && !expected.empty()) source.expected = source.expected.first(1);
  auto tensors = format.read(source);
  if (tensors) return tensors;
  // A type that no tensor has is the caller's mistake, as one that the model does not take.
  Error error = std::move(tensors).error();
  if (error.kind == Kind::unsupported) error.kind = Kind::bad_input;
  return error;
}

Result<std::vector<Tensor>> read_file(const formats::Format& format, const RequestContext& context,
                                      const LoadedModel& model) {
  std::string_view body = context.request.body;
  if (format.media_type == "text/csv") {
    if (auto table = TRY(NamedTable(body, model).read())) return std::move(*table);
  }
  bool lines = format.extension == ".jsonl" || format.extension == ".ndjson";
  if (lines && json::Cursor(body).peek() == '{') return read_json_lines(body, model);
  auto expected = runtime::expectations(model.signature().inputs, model.metadata());
  auto tensors = TRY(read_content(format, body, "the body", expected, context, model));
  std::vector<std::string> names;
  for (const formats::NamedTensor& tensor : tensors)
    names.push_back(is_made_up(tensor.name) ? std::string() : tensor.name);
  std::vector<Tensor> inputs;
  for (std::size_t at : TRY(runtime::match_inputs(model.signature(), names)))
    inputs.push_back(at == runtime::not_given ? Tensor() : std::move(tensors[at].tensor));
  return inputs;
}

// The inputs in the parts of a form. A model of one input takes a part of any name: people call it "file" or "image".
class FormFiles {
 public:
  FormFiles(const RequestContext& context, const LoadedModel& model)
      : context_(context),
        model_(model),
        expected_(runtime::expectations(model.signature().inputs, model.metadata())) {}

  Result<void> add(const FormPart& part) {
    const formats::Expected* input = expected_.data();
    if (expected_.size() != 1) {
      auto found = TRY(find_input(model_.signature(), part.name));
      input = &expected_[static_cast<std::size_t>(found - model_.signature().inputs.data())];
    }
    const formats::Format* format = format_of(part.media_type, part.content);
    if (format == nullptr) format = TRY(formats::format_of(".json"));
    auto tensors = TRY(read_content(*format, part.content, part.name, {input, 1}, context_, model_));
    if (tensors.size() != 1)
      return unreadable_body(fmt::format("the part '{}' holds {} tensors", part.name, tensors.size()));
    decoded_bytes_ += held_bytes(tensors[0].tensor.view());
    TRY(hold(context_.request, context_.request.body.capacity() + decoded_bytes_));
    Tensor& given = named_[input->name];
    if (!given.present()) given = std::move(tensors[0].tensor);
    else if (!input->file) return unreadable_body(fmt::format("'{}' is given twice", input->name));
    else append(given, tensors[0].tensor);
    return {};
  }

  Result<std::vector<Tensor>> finish() && { return in_order(model_.signature(), std::move(named_)); }

 private:
  static void append(Tensor& files, Tensor& file) {
    auto all = files.mutable_view().as<std::string>();
    std::vector<std::string> contents(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
    contents.push_back(std::move(file.mutable_view().as<std::string>()[0]));
    auto count = static_cast<std::int64_t>(contents.size());
    files = Tensor::of_strings({count}, std::move(contents));
  }

  const RequestContext& context_;
  const LoadedModel& model_;
  std::uint64_t decoded_bytes_ = 0;  // of all parts until now
  std::vector<formats::Expected> expected_;
  std::map<std::string, Tensor> named_;
};

}  // namespace

std::optional<double> quality_of(std::string_view list, std::string_view value) {
  std::optional<double> quality;
  int closest = -1;
  while (!list.empty()) {
    std::string_view item = next_item(list, ',');
    int close = closeness(next_item(item, ';'), value);
    double weight = 1;
    while (!item.empty()) {
      std::string_view parameter = next_item(item, ';');
      if (parameter.starts_with("q=") || parameter.starts_with("Q=")) weight = weight_of(parameter.substr(2));
    }
    if (close <= closest) continue;
    closest = close;
    quality = weight;
  }
  return quality;
}

Result<std::optional<std::vector<Tensor>>> read_files(const RequestContext& context, const LoadedModel& model) {
  const ClientRequest& request = context.request;
  std::string_view type = request.header("content-type");
  if (is_form(type)) {
    FormFiles files(context, model);
    for (const FormPart& part : TRY(read_form(type, request.body, most_parts))) TRY(files.add(part));
    return std::optional(TRY(std::move(files).finish()));
  }
  if (const formats::Format* format = format_of(type, request.body))
    return std::optional(TRY(read_file(*format, context, model)));
  return std::optional<std::vector<Tensor>>();
}

Result<const formats::Format*> accepted_format(std::string_view accept, const LoadedModel& model) {
  if (trimmed(accept).empty()) return nullptr;
  const formats::Format* best = nullptr;
  double most = quality_of(accept, json_type).value_or(0);
  std::string all(json_type);
  for (const formats::Format* format : formats::formats()) {
    if (!can_write(*format, model)) continue;
    all += fmt::format(", {}", format->media_type);
    double quality = quality_of(accept, format->media_type).value_or(0);
    if (quality <= most) continue;
    most = quality;
    best = format;
  }
  if (most > 0) return best;
  return Error(Kind::bad_input, "not-acceptable", fmt::format("'Accept' leaves no form for the response: {}", all));
}

std::vector<MediaSchema> described_files(const LoadedModel& model, Direction direction) {
  std::vector<MediaSchema> files;
  for (const formats::Format* format : formats::formats()) {
    bool there = direction == Direction::write ? can_write(*format, model)
                                               : !format->media_type.empty() && format->media_type != json_type;
    bool known = std::any_of(files.begin(), files.end(),
                             [&](const MediaSchema& file) { return file.media_type == format->media_type; });
    if (there && !known) files.push_back({std::string(format->media_type), ""});
  }
  if (direction == Direction::write) return files;
  schema::Members parts;
  for (const artifact::Port& port : model.signature().inputs)
    parts.emplace_back(port.name, R"({"type":"string","contentMediaType":"application/octet-stream"})");
  files.push_back({std::string(form_type), schema::object(parts)});
  return files;
}

Result<ServerResponse> write_body(const formats::Format& format, const LoadedModel& model,
                                  std::span<const Tensor> outputs) {
  std::vector<formats::NamedTensor> named;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    size += held_bytes(outputs[i].view());
    named.push_back({model.signature().outputs[i].name, outputs[i]});
  }
  std::vector<std::byte> bytes;
  if (size <= model.settings().max_response) bytes = TRY(format.write(named));
  if (size > model.settings().max_response || bytes.size() > model.settings().max_response) {
    return Error(
        Kind::bad_input, "response-too-large",
        fmt::format("the response would be larger than the {} bytes that are allowed", model.settings().max_response));
  }
  ServerResponse response;
  response.content_type = format.media_type;
  response.body = as_text(bytes);
  return response;
}

}  // namespace modelctl::serve
