// Models of CoreML: a protobuf message, a folder with a manifest, or the folder that Xcode compiles of either.
#include "kinds/known/core_ml.hpp"

#include "kinds/file_kind.hpp"
#include "kinds/protobuf.hpp"

#include <algorithm>

namespace modelctl::kinds {

// Model: a version, then a ModelDescription, whose first field is an input: FeatureDescription with a name and, as its
// field 3, a type.
bool is_core_ml_message(std::string_view head) {
  auto fields = first_fields(head);
  if (fields.size() < 2 || fields[0].number != 1 || fields[0].text || fields[1].number != 2) return false;
  auto description = inside(fields, 2);
  if (description.empty() || description[0].number != 1 || !description[0].text) return false;
  auto input = inside(description, 1);
  return !input.empty() && input[0].number == 1 && input[0].text &&
         std::any_of(input.begin(), input.end(), [](const Field& field) { return field.number == 3 && field.text; });
}

namespace {

bool is_message(const Evidence& file) { return is_core_ml_message(file.head); }
bool is_package(const Evidence& file) {
  if (!file.folder) return file.member("com.apple.CoreML/model.mlmodel");
  return file.member("Manifest.json") && file.member("Data");
}
bool is_compiled(const Evidence& file) { return file.member("coremldata.bin"); }

constexpr char forward[] = "export the model that it was made from to ONNX: nothing converts CoreML to ONNX";

constexpr FileKind kinds[] = {
    {"a model of CoreML", is_message, forward},
    {"a model package of CoreML", is_package, forward},
    {"a compiled model of CoreML", is_compiled, forward},
};

}  // namespace

std::span<const FileKind> core_ml_kinds() { return kinds; }

}  // namespace modelctl::kinds
