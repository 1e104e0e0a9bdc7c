// Pickles, also those that joblib writes: programs of a stack machine, which are never run here. The first library that
// a pickle names is the one that its object belongs to.
#include "kinds/file_kind.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace modelctl::kinds {
namespace {

// Protocols 0 and 1 have no magic number. They end with STOP, and begin with a class, in two lines, or with an empty
// list, tuple or dictionary that is stored.
bool is_old_pickle(const Evidence& file) {
  if (file.tail.empty() || file.tail.back() != '.') return false;
  std::string_view head = file.head;
  auto line = [&] {
    std::string_view found = head.substr(0, head.find('\n'));
    head.remove_prefix(std::min(found.size() + 1, head.size()));
    return found;
  };
  auto is_name = [](std::string_view text) {
    return !text.empty() && text.size() < 200 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '_' || c == '.';
    });
  };
  for (std::string_view begin : {"(dp", "(lp", "(tp"}) {
    if (head.starts_with(begin)) return is_name(line().substr(3));
  }
  if (head.starts_with("}q") || head.starts_with("]q")) return true;
  if (!head.starts_with("c")) return false;
  return is_name(line().substr(1)) && is_name(line()) &&
         (head.starts_with("p") || head.starts_with("q") || head.starts_with("("));
}

bool is_pickle(const Evidence& file) {
  bool newer = file.head.size() > 2 && file.head[0] == '\x80' && file.head[1] >= 2 && file.head[1] <= 5;
  return newer || is_old_pickle(file);
}

// Modules by their names and the dot behind, so that "xgboost.sklearn" is not taken for scikit-learn.
constexpr std::array<std::string_view, 4> libraries{"sklearn.", "xgboost.", "lightgbm.", "catboost."};

template <std::size_t library>
bool is_pickle_of(const Evidence& file) {
  if (!is_pickle(file)) return false;
  std::array<std::size_t, libraries.size()> places;
  std::transform(libraries.begin(), libraries.end(), places.begin(),
                 [&](std::string_view name) { return file.head.find(name); });
  auto first = std::min_element(places.begin(), places.end());
  return *first != file.head.npos && static_cast<std::size_t>(first - places.begin()) == library;
}

// joblib.dump(compress=…) and pickles in zlib.
bool is_zlib(const Evidence& file) {
  return file.starts("\x78\x01") || file.starts("\x78\x5e") || file.starts("\x78\x9c") || file.starts("\x78\xda");
}

constexpr FileKind kinds[] = {
    {"a pickle of a scikit-learn model (pickle or joblib)", is_pickle_of<0>,
     "load it in Python, then: open({\"onnx\"}, \"wb\").write(skl2onnx.to_onnx(model, X[:1]).SerializeToString())"},
    {"a pickle of an XGBoost model", is_pickle_of<1>,
     "load it in Python, then: onnxmltools.save_model(onnxmltools.convert_xgboost(model, "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a pickle of a LightGBM model", is_pickle_of<2>,
     "load it in Python, then: onnxmltools.save_model(onnxmltools.convert_lightgbm(model, "
     "initial_types=[(\"x\", FloatTensorType([None, N]))]), {\"onnx\"})"},
    {"a pickle of a CatBoost model", is_pickle_of<3>,
     "load it in Python, then: model.save_model({\"onnx\"}, format=\"onnx\")"},
    {"a Python pickle of protocol 0 or 1", is_old_pickle,
     "export the model in it to ONNX: modelctl does not run Python"},
    {"a Python pickle", is_pickle, "export the model in it to ONNX: modelctl does not run Python", Role::none, true},
    {"compressed by zlib, as joblib.dump(compress=…) does", is_zlib,
     "load it in Python and export the model to ONNX: modelctl does not run Python", Role::none, true},
};

}  // namespace

std::span<const FileKind> python_kinds() { return kinds; }

}  // namespace modelctl::kinds
