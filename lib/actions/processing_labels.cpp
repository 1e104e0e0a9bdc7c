// The files have the forms that `evaluate --classes` takes.
#include "actions/processing_labels.hpp"

#include "actions/labels.hpp"

namespace modelctl::actions {
namespace {

Result<void> read_labels_of(processing::Settings& settings) {
  for (auto& [name, setting] : settings.values()) {
    if (!setting.file.empty()) setting.texts = TRY(read_classes(setting.file));
    for (processing::Settings& row : setting.rows) TRY(read_labels_of(row));
  }
  return {};
}

}  // namespace

Result<void> read_processing_labels(processing::Processing& processing) {
  for (auto& part : processing.inputs) TRY(read_labels_of(part.settings));
  for (auto& part : processing.outputs) TRY(read_labels_of(part.settings));
  return {};
}

}  // namespace modelctl::actions
