// Values that were written to files are not printed: whoever asked for files reads those.
#include "cli/present/run_outputs.hpp"

#include "runtime/run_files.hpp"
#include "tensor/collection.hpp"

namespace modelctl::cli {

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
