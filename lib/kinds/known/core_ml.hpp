// The message of CoreML, which begins like those of ONNX and TensorFlow: those ask too.
#pragma once

#include <string_view>

namespace modelctl::kinds {

bool is_core_ml_message(std::string_view head);

}  // namespace modelctl::kinds
