// Files of TensorFlow, TensorFlow Lite and Keras. The protobuf messages of TensorFlow have no magic numbers.
#include "kinds/file_kind.hpp"
#include "kinds/known/core_ml.hpp"
#include "kinds/protobuf.hpp"

namespace modelctl::kinds {
namespace {

bool is_saved_model(const Evidence& file) {
  return file.folder && (file.member("saved_model.pb") || file.member("saved_model.pbtxt"));
}

// SavedModel: schema version 1 and a MetaGraphDef, which begins with a message. ONNX has a text there, and CoreML
// another message.
bool is_saved_model_message(const Evidence& file) {
  auto fields = first_fields(file.head);
  bool begins = fields.size() >= 2 && fields[0].number == 1 && fields[0].value == 1 && !fields[0].text &&
                fields[1].number == 2 && fields[1].text;
  auto graph = begins ? inside(fields, 2) : fields;
  return begins && !graph.empty() && graph[0].number == 1 && graph[0].text && !inside(graph, 1).empty() &&
         !is_core_ml_message(file.head);
}

// GraphDef: nodes, each with a name and an operator.
bool is_graph(const Evidence& file) {
  auto fields = first_fields(file.head);
  auto node = inside(fields, 1);
  return !fields.empty() && fields[0].number == 1 && node.size() >= 2 && node[0].number == 1 && node[0].text &&
         node[1].number == 2 && node[1].text && !node[1].content.empty() &&
         node[1].content.find_first_of(std::string_view("\0\n", 2)) == std::string_view::npos;
}

bool is_lite(const Evidence& file) { return file.at(4, "TFL3"); }

bool is_keras_archive(const Evidence& file) {
  return !file.folder && file.member("config.json") && file.member("model.weights.h5");
}

constexpr std::string_view hdf5 = "\x89HDF\r\n\x1a\n";

bool is_hdf5(const Evidence& file) { return file.starts(hdf5); }
bool is_keras_hdf5(const Evidence& file) { return is_hdf5(file) && file.head.find("keras_version") != file.head.npos; }

constexpr char from_keras[] = "in Python: keras.saving.load_model({\"file\"}).export({\"onnx\"}, format=\"onnx\")";

constexpr FileKind kinds[] = {
    {"a SavedModel of TensorFlow", is_saved_model, "python -m tf2onnx.convert --saved-model {file} --output {onnx}"},
    {"the graph of a SavedModel of TensorFlow", is_saved_model_message,
     "convert its folder: python -m tf2onnx.convert --saved-model {folder} --output model.onnx"},
    {"a frozen graph of TensorFlow", is_graph,
     "python -m tf2onnx.convert --graphdef {file} --inputs NAME:0 --outputs NAME:0 --output {onnx}"},
    {"a model of TensorFlow Lite", is_lite, "python -m tf2onnx.convert --tflite {file} --output {onnx}"},
    {"a model of Keras", is_keras_archive, from_keras},
    {"a model of Keras in HDF5", is_keras_hdf5, from_keras},
    {"an HDF5 file", is_hdf5, "load it in Python and export the model in it to ONNX", Role::none, true},
};

}  // namespace

std::span<const FileKind> tensorflow_kinds() { return kinds; }

}  // namespace modelctl::kinds
