// The folders of real models that MODELCTL_ZOO names (zoo_test.cpp describes them).
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

namespace modelctl::test {

// The folder of each model, in a fixed order; none if MODELCTL_ZOO is not set.
inline std::vector<std::filesystem::path> zoo_models() {
  namespace fs = std::filesystem;
  const char* zoo = std::getenv("MODELCTL_ZOO");
  std::vector<fs::path> found;
  std::string_view left = zoo == nullptr ? "" : zoo;
  while (!left.empty()) {
    std::size_t end = std::min(left.find(':'), left.size());
    fs::path folder = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    if (!fs::is_directory(folder)) continue;
    std::size_t first = found.size();
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (fs::exists(entry.path() / "model.onnx")) found.push_back(entry.path());
    }
    std::sort(found.begin() + static_cast<std::ptrdiff_t>(first), found.end());
  }
  return found;
}

}  // namespace modelctl::test
