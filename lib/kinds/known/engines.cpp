// What other compilers of models write: it runs in their runtimes only.
#include "kinds/file_kind.hpp"

namespace modelctl::kinds {
namespace {

// The magic number of a serialized plan; "ptrt" before TensorRT 8.
bool is_tensorrt(const Evidence& file) { return file.starts("ftrt") || file.starts("ptrt"); }

constexpr FileKind kinds[] = {
    {"an engine of TensorRT", is_tensorrt, "give the ONNX model that it was made from"},
};

}  // namespace

std::span<const FileKind> engines_kinds() { return kinds; }

}  // namespace modelctl::kinds
