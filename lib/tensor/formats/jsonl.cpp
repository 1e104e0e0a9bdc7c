// JSON lines (https://jsonlines.org): one JSON value per line, each a row. Records, {"age": 3, "city": "Paris"}, are
// read by tensor/records.hpp. What is left are lists and single values: together they are one list, which the JSON
// format reads. Between values any white space is accepted, as the readers of such files do.
#include "tensor/formats.hpp"

#include "tensor/json/cursor.hpp"
#include "tensor/rows.hpp"

namespace modelctl::formats {
namespace {

// Lines stay lines, so that a fault has the place that it has in the file.
Result<std::vector<NamedTensor>> read(const Source& source) {
  std::string_view text = as_text(source.bytes);
  json::Cursor in(text);
  std::string list = "[";
  std::size_t done = 0;
  while (!in.at_end()) {
    list += text.substr(done, in.at() - done);
    std::size_t start = in.at();
    if (!in.skip()) return unreadable(source.where, in.fault());
    list += text.substr(start, in.at() - start);
    done = in.at();
    if (!in.at_end()) list += ',';
  }
  list += ']';
  if (done == 0) return unreadable(source.where, "it is empty");
  Source whole = source;
  whole.bytes = as_bytes(list);
  auto tensors = TRY(TRY(format_of(".json"))->read(whole));
  const Expected* input = source.find("");
  for (NamedTensor& one : tensors) {
    if (input != nullptr) one.tensor = as_rows(std::move(one.tensor), *input);
  }
  return tensors;
}

// Lines are not told from other JSON by their first bytes.
bool recognizes(std::string_view) { return false; }

}  // namespace

std::span<const Format> jsonl_format() {
  static constexpr Format table[] = {
      {".jsonl", "JSON lines: a row per line", true, read, nullptr, recognizes, "application/jsonlines"},
      {".ndjson", "JSON lines, under another name", true, read, nullptr, recognizes, "application/x-ndjson"}};
  return table;
}

}  // namespace modelctl::formats
