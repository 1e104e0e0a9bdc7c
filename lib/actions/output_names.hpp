// Whether the files that a command is going to write are different ones. Without this, the last of two outputs would
// replace the first without a word, and an output the model or key that it was made with.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::actions {

struct NamedFile {
  std::string_view role;       // "-o", or "the model"
  std::filesystem::path file;  // empty: it is not given
};

// Appends the files of [NAME=]INPUT arguments. A literal is not the name of a file, and never equal to one.
void add_tensor_files(std::string_view role, const std::vector<std::string>& arguments, std::vector<NamedFile>& files);

// Fails with usage, code same-file, if two outputs are one regular file, or an output is an input. Files need not
// exist. Devices, such as standard output, are never refused.
Result<void> check_outputs(std::string_view command, const std::vector<NamedFile>& outputs,
                           const std::vector<NamedFile>& inputs);

}  // namespace modelctl::actions
