// A model that comes from standard input, as "-" in place of a file. Models are mapped, and recognized by their
// content, so that it is copied to a file first. Messages do not name that file, which the user has not seen.
#pragma once

#include "base/files.hpp"

#include <filesystem>
#include <memory>

namespace modelctl::actions {

// The copy, which exists as long as this object.
class StandardInput {
 public:
  static constexpr std::string_view name = "<stdin>";

  explicit StandardInput(TemporaryFolder folder) : folder_(std::move(folder)) {}
  std::filesystem::path file() const { return folder_.path() / "standard-input"; }
  // The error with the name in place of the file, and without the folder.
  Error named(Error error) const;

 private:
  TemporaryFolder folder_;
};

// If `model` is "-", replaces it by a file with the content of standard input; else returns null. Fails with bad_input
// if there is no content, else as the system does.
Result<std::shared_ptr<const StandardInput>> take_standard_input(std::filesystem::path& model);

// The result of what was done with the file of `input`, which may be null.
template <class T>
Result<T> named(Result<T> result, const std::shared_ptr<const StandardInput>& input) {
  if (result || input == nullptr) return result;
  return input->named(std::move(result).error());
}

}  // namespace modelctl::actions
