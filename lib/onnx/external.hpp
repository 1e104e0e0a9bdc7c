// External data: the files beside a model that hold its large tensors.
#pragma once

#include "base/digest.hpp"
#include "base/files.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace modelctl::onnx {

// Maps each file once. A location must name a regular file inside the model's folder: relative, without "..", and no
// symbolic link may lead out of the folder.
class ExternalFiles {
 public:
  explicit ExternalFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<std::shared_ptr<const MappedFile>> open(const std::string& location);
  const std::map<std::string, std::shared_ptr<const MappedFile>>& files() const { return files_; }

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace modelctl::onnx
