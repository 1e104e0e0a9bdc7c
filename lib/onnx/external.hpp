// External data: files next to a model that hold its large tensors, because a protobuf message ends at 2 GiB. Locations
// are input like everything else in a model and must not reach files outside its folder.
#pragma once

#include "base/digest.hpp"
#include "base/files.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace modelctl::onnx {

// Maps each file once. A location must name a regular file inside the model's folder: relative, without "..", and not
// through a symbolic link that leaves the folder. A large model has hundreds of tensors in one file, so a file that
// cannot be opened is not an error of each tensor: it is reported once, with their number.
class ExternalFiles {
 public:
  explicit ExternalFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The file in which `tensor` is stored. Null if it cannot be opened; report() then names it.
  std::shared_ptr<const MappedFile> open(const std::string& location, const std::string& tensor);
  // Adds one fault for each location that open() returned null for. `model` is the file that refers to them.
  void report(std::string_view model, Faults& faults) const;
  const std::map<std::string, std::shared_ptr<const MappedFile>>& files() const { return files_; }

 private:
  struct Failure {
    Error error;
    std::string tensor;  // the first one that is stored there
    std::size_t tensors = 1;
  };
  Result<std::shared_ptr<const MappedFile>> map(const std::string& location) const;

  std::filesystem::path folder_;
  std::map<std::string, Failure> failures_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace modelctl::onnx
