// What is wrong with a model, as `build` and `check` tell it: in which file, and what would help.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace modelctl::graph {
class Graph;
}

namespace modelctl::actions {

struct ModelAtFault {
  const std::filesystem::path& file;
  const graph::Graph* graph = nullptr;  // null: it could not be read
  const std::map<std::string, std::int64_t>& bindings;
};

// The same error, each of its faults with the file before its place, and with advice if it has none. Kind and code
// stay: they are what scripts and exit codes depend on.
Error in_model(Error error, const ModelAtFault& model);

}  // namespace modelctl::actions
