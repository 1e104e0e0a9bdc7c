// Values that were written to files are not printed: whoever asked for files reads those.
#include "cli/present/run_outputs.hpp"

#include "base/check.hpp"
#include "runtime/run_files.hpp"
#include "tensor/collection.hpp"
#include "tensor/json/cursor.hpp"
#include "tensor/utf8.hpp"

#include <algorithm>
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

}  // namespace

Result<std::string> run_json(std::span<const formats::NamedTensor> outputs,
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
  text += R"(],"written":[)";
  for (const char* before = ""; const auto& file : written) {
    text += std::exchange(before, ",");
    append_text(text, file.string());
  }
  return text + "]}";
}

void print_run(std::span<const formats::NamedTensor> outputs, std::span<const std::filesystem::path> written,
               Printer& printer) {
  for (const auto& file : written) {
    if (file != formats::standard_stream) printer.line("wrote " + file.string());
  }
  if (!written.empty()) return;
  Table table{{"output", "type", "values"}, {}};
  for (const auto& [name, tensor] : outputs) {
    table.rows.push_back({name, describe_value(tensor.view()), runtime::preview(tensor.view())});
  }
  printer.table(table);
}

}  // namespace modelctl::cli
