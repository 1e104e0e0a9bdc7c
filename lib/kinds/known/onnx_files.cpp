// ONNX in its forms. A model that the commands take is one of them: it is recognized where an artifact is expected.
#include "kinds/file_kind.hpp"
#include "kinds/known/core_ml.hpp"
#include "kinds/protobuf.hpp"

#include <algorithm>

namespace modelctl::kinds {
namespace {

// TensorProto: sizes, if it has any, then the element type, and then data or a name.
bool is_tensor(const Evidence& file) {
  auto fields = first_fields(file.head, 32);
  auto type = std::find_if(fields.begin(), fields.end(), [](const Field& field) { return field.number != 1; });
  if (fields.end() - type < 2 || type->number != 2 || type->text || type->value < 1 || type->value > 26) return false;
  return std::next(type)->number >= 3 && std::next(type)->number <= 14;
}

// ModelProto: every exporter writes the version first, then texts or the opset; the graph follows.
bool is_model(const Evidence& file) {
  auto fields = first_fields(file.head);
  if (fields.size() < 2 || fields[0].number != 1 || fields[0].text || fields[0].value == 0 || fields[0].value > 99) {
    return false;
  }
  constexpr std::uint64_t texts[] = {2, 3, 4, 6, 7, 8, 14};
  bool follows = fields[1].text ? std::find(std::begin(texts), std::end(texts), fields[1].number) != std::end(texts)
                                : fields[1].number == 5;
  bool printable = fields[1].number != 2 ||
                   std::all_of(fields[1].content.begin(), fields[1].content.end(), [](char c) { return c >= ' '; });
  return follows && printable;
}

bool is_ort(const Evidence& file) { return file.at(4, "ORTM"); }

std::string_view text_of(const Evidence& file) {
  std::string_view text = file.head;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

// With the names of the message, as onnx.save writes them, or in camel case, as protobuf does by itself.
bool is_json(const Evidence& file) {
  std::string_view begin = text_of(file).substr(0, 64);
  return begin.starts_with("{") &&
         (begin.find("\"ir_version\"") != begin.npos || begin.find("\"irVersion\"") != begin.npos);
}
bool is_text_format(const Evidence& file) { return text_of(file).starts_with("ir_version:"); }
bool is_syntax(const Evidence& file) { return text_of(file).starts_with("<") && file.head.find("ir_version") < 64; }

bool is_folder_with_model(const Evidence& file) {
  return file.folder && std::any_of(file.members.begin(), file.members.end(),
                                    [](std::string_view name) { return name.ends_with(".onnx") || name == "onnx"; });
}

constexpr FileKind kinds[] = {
    {"an ONNX model", is_model, "build it: modelctl build {file} -o {stem}.artifact", Role::model},
    {"a tensor of ONNX, an input or output of a model", is_tensor, "give the model that it belongs to"},
    {"a folder with an ONNX model in it", is_folder_with_model, "give the .onnx file in it"},
    {"a model in the ORT format of ONNX Runtime", is_ort, "give the .onnx file that it was made from"},
    {"an ONNX model in JSON", is_json, "in Python: onnx.save(onnx.load({\"file\"}, format=\"json\"), {\"onnx\"})"},
    {"an ONNX model in protobuf's text format", is_text_format,
     "in Python: onnx.save(onnx.load({\"file\"}, format=\"textproto\"), {\"onnx\"})"},
    {"an ONNX model in ONNX's text syntax", is_syntax,
     "in Python: onnx.save(onnx.load({\"file\"}, format=\"onnxtxt\"), {\"onnx\"})"},
};

}  // namespace

std::span<const FileKind> onnx_files_kinds() { return kinds; }

}  // namespace modelctl::kinds
