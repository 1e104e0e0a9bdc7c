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

constexpr FileKind kinds[] = {
    {"a model of XGBoost", is_xgboost,
     "in Python: onnxmltools.save_model(onnxmltools.convert_xgboost(xgboost.Booster(model_file={\"file\"}), "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a model of LightGBM", is_lightgbm,
     "in Python: onnxmltools.save_model(onnxmltools.convert_lightgbm(lightgbm.Booster(model_file={\"file\"}), "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a model of CatBoost", is_catboost,
     "in Python: catboost.CatBoost().load_model({\"file\"}).save_model({\"onnx\"}, format=\"onnx\")"},
};

}  // namespace

std::span<const FileKind> boosters_kinds() { return kinds; }

}  // namespace modelctl::kinds
