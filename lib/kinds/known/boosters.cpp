// Models of XGBoost, LightGBM and CatBoost in their own formats.
#include "kinds/file_kind.hpp"

namespace modelctl::kinds {
namespace {

// JSON and UBJSON begin with the object's first key; the binary format of old versions has a magic number.
bool is_xgboost(const Evidence& file) {
  std::string_view head = file.head;
  return file.starts("binf") || (file.starts("{") && head.substr(0, 32).find("learner") != head.npos);
}

bool is_lightgbm(const Evidence& file) { return file.starts("tree\nversion=v"); }
bool is_catboost(const Evidence& file) { return file.starts("CBM1"); }

// The text or JSON of dump_model(): for people, without what a prediction needs.
std::string_view beginning(const Evidence& file) { return std::string_view(file.head).substr(0, 256); }
bool contains(std::string_view text, std::string_view word) { return text.find(word) != text.npos; }

bool is_xgboost_dump(const Evidence& file) {
  std::string_view begin = beginning(file);
  bool trees = contains(begin, "\"nodeid\"") || contains(begin, "\\\"nodeid\\\"");  // get_dump() has texts of JSON
  bool linear = contains(begin, "\"bias\"") && contains(begin, "\"weight\"");
  return begin.starts_with("booster[0]:") || (begin.starts_with("[") && (trees || linear));
}
bool is_lightgbm_dump(const Evidence& file) {
  auto has = [&](std::string_view key) { return contains(file.head, key) || contains(file.tail, key); };
  return file.starts("{") && (has("\"tree_info\"") || has("\"tree_structure\"")) &&
         (has("\"num_tree_per_iteration\"") || has("\"max_feature_idx\"") || has("\"feature_infos\""));
}

constexpr FileKind kinds[] = {
    {"a model of XGBoost", is_xgboost,
     "in Python: onnxmltools.save_model(onnxmltools.convert_xgboost(xgboost.Booster(model_file={\"file\"}), "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a model of LightGBM", is_lightgbm,
     "in Python: onnxmltools.save_model(onnxmltools.convert_lightgbm(lightgbm.Booster(model_file={\"file\"}), "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a model of CatBoost", is_catboost,
     "in Python: catboost.CatBoost().load_model({\"file\"}).save_model({\"onnx\"}, format=\"onnx\")"},
    {"a dump of XGBoost (dump_model), which is not the model", is_xgboost_dump,
     "in Python, with the model itself: onnxmltools.save_model(onnxmltools.convert_xgboost(model, "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a dump of LightGBM (dump_model), which is not the model", is_lightgbm_dump,
     "in Python, with the model itself: onnxmltools.save_model(onnxmltools.convert_lightgbm(model, "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
};

}  // namespace

std::span<const FileKind> boosters_kinds() { return kinds; }

}  // namespace modelctl::kinds
