// Whether a command may write the files that it is going to write. Without this, the last of two outputs would replace
// the first without a word, and a slip of the fingers a model, a sample or the project itself.
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

// What a command writes. A file that is there is replaced only if it is of the same kind, by its content.
enum class OutputKind {
  artifact,
  program,
  package,
  build_report,
  evaluate_report,
  tensors,  // of any content: the ending of the name decides the format
  folder,   // whoever prepares it checks it
};

struct Output {
  std::string_view role;       // "-o"
  std::filesystem::path file;  // empty: it is not given
  OutputKind kind;
};

// Appends the files of [NAME=]INPUT arguments. A literal is not the name of a file, and never equal to one.
void add_tensor_files(std::string_view role, const std::vector<std::string>& arguments, std::vector<NamedFile>& files);

// Fails with usage: code same-file if two outputs are one regular file, or an output is an input; code not-replaced if
// an output is a file that is there and is neither empty nor of the output's kind, or one that the modelctl.yaml of the
// current folder names, or that itself. Only its `artifact` is an output, too. Files need not exist. Devices, such as
// standard output, are never refused.
Result<void> check_outputs(std::string_view command, const std::vector<Output>& outputs,
                           const std::vector<NamedFile>& inputs);

}  // namespace modelctl::actions
