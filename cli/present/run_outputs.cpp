// Values that were written to files are not printed: whoever asked for files reads those.
#include "cli/present/run_outputs.hpp"

#include "base/check.hpp"
#include "runtime/run_files.hpp"
#include "tensor/collection.hpp"
#include "tensor/element_text.hpp"
#include "tensor/json/cursor.hpp"
#include "tensor/utf8.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace modelctl::cli {
namespace {

// The elements as the JSON format writes them; of what is not a tensor, all of it. By way of the format itself, so that
// numbers, NaN and text are spelled here as in a file.
Result<std::string> values_of(const formats::NamedTensor& output) {
  formats::NamedTensor named{"output", output.tensor};
  auto document = TRY(TRY(formats::format_of(".json"))->write({&named, 1}));
  json::Cursor in(as_text(document));
  std::vector<json::Member> members;
  bool read = in.object(members) && in.go_to(members.front().at);
  if (!is_collection(output.tensor.type())) {
    members.clear();
    read = read && in.object(members) && in.go_to(json::find(members, "data")->at);
  }
  std::size_t begin = in.at();
  MODELCTL_CHECK(read && in.skip(), "the JSON format writes what its reader reads");
  std::string text(as_text(document).substr(begin, in.at() - begin));
  std::replace(text.begin(), text.end(), '\n', ' ');  // between rows: within text a line feed is escaped
  return text;
}

void append_text(std::string& out, std::string_view text) {
  if (!json::quote(out, text)) json::quote(out, to_utf8(text));
}

// The outputs that are one list of predictions: labels, and what lies at the same places as they do. An empty label is
// no prediction: there are fewer than the outputs have places.
struct Predictions {
  const formats::NamedTensor* labels = nullptr;
  const formats::NamedTensor* probabilities = nullptr;
  const formats::NamedTensor* boxes = nullptr;

  bool has(const formats::NamedTensor& output) const {
    return &output == labels || &output == probabilities || &output == boxes;
  }
  const std::string& label(std::size_t at) const { return labels->tensor.as<std::string>()[at]; }
  // The places of the predictions for each row of the input.
  std::vector<std::vector<std::size_t>> rows() const {
    auto names = labels->tensor.as<std::string>();
    const Dims& dims = labels->tensor.dims();
    std::vector<std::vector<std::size_t>> all(names.empty() || dims.empty() ? 1 : static_cast<std::size_t>(dims[0]));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!names[i].empty()) all[i * all.size() / names.size()].push_back(i);
    }
    return all;
  }
};

// The first labels among the outputs, and what follows them and has as many elements, four for each box.
Predictions predictions_of(std::span<const formats::NamedTensor> outputs, const artifact::Metadata& metadata) {
  using artifact::Content;
  Predictions found;
  for (const formats::NamedTensor& output : outputs) {
    Content content = artifact::meaning_of(metadata, artifact::Side::output, output.name).content;
    DType type = output.tensor.type();
    if (found.labels == nullptr) {
      if (content == Content::label && type == DType::string) found.labels = &output;
      continue;
    }
    std::int64_t count = found.labels->tensor.elements();
    if (type != DType::f32) continue;
    if (content == Content::probability && output.tensor.elements() == count) found.probabilities = &output;
    if (content == Content::box && output.tensor.elements() == 4 * count) found.boxes = &output;
  }
  return found;
}

std::string decimal(const formats::NamedTensor& output, std::size_t at, int digits) {
  char text[64];  // of the longest f32 without an exponent
  std::snprintf(text, sizeof text, "%.*f", digits, static_cast<double>(output.tensor.as<float>()[at]));
  return text;
}

void print_predictions(const Predictions& predictions, Printer& printer) {
  auto rows = predictions.rows();
  Table table{{}, {}};
  if (rows.size() > 1) table.header.push_back("row");
  table.header.push_back(predictions.labels->name);
  if (predictions.probabilities != nullptr) table.header.push_back(predictions.probabilities->name);
  if (predictions.boxes != nullptr) table.header.insert(table.header.end(), {"left", "top", "right", "bottom"});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t at : rows[row]) {
      std::vector<std::string> cells;
      if (rows.size() > 1) cells.push_back(at == rows[row].front() ? std::to_string(row) : "");
      cells.push_back(predictions.label(at));
      if (predictions.probabilities != nullptr) cells.push_back(decimal(*predictions.probabilities, at, 4));
      for (std::size_t edge = 0; predictions.boxes != nullptr && edge < 4; ++edge)
        cells.push_back(decimal(*predictions.boxes, at * 4 + edge, 1));
      table.rows.push_back(std::move(cells));
    }
  }
  if (table.rows.empty()) printer.line("nothing was found");
  else printer.table(table);
}

// JSON has no number for NaN and infinity.
void append_number(std::string& out, const formats::NamedTensor& output, std::size_t at) {
  print_element(out, output.tensor.view(), static_cast<std::int64_t>(at), {"null", "null", "null"});
}

void append_predictions(std::string& out, const Predictions& predictions) {
  out += R"("predictions":[)";
  for (const char* before = ""; const auto& row : predictions.rows()) {
    out += std::exchange(before, ",");
    out += '[';
    for (const char* comma = ""; std::size_t at : row) {
      out += std::exchange(comma, ",");
      out += '{';
      for (std::size_t edge = 0; predictions.boxes != nullptr && edge < 4; ++edge) {
        out += edge == 0 ? R"("box":[)" : ",";
        append_number(out, *predictions.boxes, at * 4 + edge);
      }
      out += predictions.boxes != nullptr ? R"(],"label":)" : R"("label":)";
      append_text(out, predictions.label(at));
      if (predictions.probabilities != nullptr) {
        out += R"(,"probability":)";
        append_number(out, *predictions.probabilities, at);
      }
      out += '}';
    }
    out += ']';
  }
  out += "],";
}

}  // namespace

Result<std::string> run_json(std::span<const formats::NamedTensor> outputs, const artifact::Metadata& metadata,
                             std::span<const std::filesystem::path> written) {
  std::string text = R"({"outputs":[)";
  for (const char* before = ""; const auto& output : outputs) {
    text += std::exchange(before, ",");
    text += "{";
    if (written.empty()) text += R"("data":)" + TRY(values_of(output)) + ",";
    text += R"("dims":[)";
    for (const char* comma = ""; std::int64_t dim : output.tensor.dims())
      text += std::exchange(comma, ",") + std::to_string(dim);
    text += R"(],"name":)";
    append_text(text, output.name);
    text += R"(,"type":)";
    append_text(text, name(output.tensor.type()));
    text += "}";
  }
  text += "],";
  Predictions predictions = predictions_of(outputs, metadata);
  if (predictions.labels != nullptr && written.empty()) append_predictions(text, predictions);
  text += R"("written":[)";
  for (const char* before = ""; const auto& file : written) {
    text += std::exchange(before, ",");
    append_text(text, file.string());
  }
  return text + "]}";
}

void print_run(std::span<const formats::NamedTensor> outputs, const artifact::Metadata& metadata,
               std::span<const std::filesystem::path> written, Printer& printer) {
  for (const auto& file : written) {
    if (file != formats::standard_stream) printer.line("wrote " + file.string());
  }
  if (!written.empty()) return;
  Predictions predictions = predictions_of(outputs, metadata);
  if (predictions.labels != nullptr) print_predictions(predictions, printer);
  Table table{{"output", "type", "values"}, {}};
  for (const formats::NamedTensor& output : outputs) {
    if (predictions.has(output)) continue;
    TensorView value = output.tensor.view();
    table.rows.push_back({output.name, describe_value(value), runtime::preview(value)});
  }
  if (predictions.labels != nullptr && table.rows.empty()) return;
  if (predictions.labels != nullptr) printer.line("");
  printer.table(table);
}

}  // namespace modelctl::cli
