// A folder of a test's own, gone when the test ends.
#pragma once

#include "base/files.hpp"

namespace modelctl::test {

class Scratch {
 public:
  Scratch() : folder_(std::move(*TemporaryFolder::create(std::filesystem::temp_directory_path()))) {}
  std::filesystem::path operator/(const std::filesystem::path& name) const { return folder_.path() / name; }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace modelctl::test
