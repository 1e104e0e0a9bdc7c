// A file that exists is recognized under every name, by device and inode; for others the paths are compared, with the
// links in them resolved.
#include "actions/output_names.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code code;
  fs::file_status status = fs::status(a, code);
  if (fs::exists(status)) return !fs::is_other(status) && !fs::is_character_file(status) && fs::equivalent(a, b, code);
  return fs::weakly_canonical(fs::absolute(a, code), code) == fs::weakly_canonical(fs::absolute(b, code), code);
}

}  // namespace

void add_tensor_files(std::string_view role, const std::vector<std::string>& arguments, std::vector<NamedFile>& files) {
  for (const std::string& argument : arguments) {
    for (std::string file : {argument, argument.substr(argument.find('=') + 1)}) {
      if (file != "-") files.push_back({role, file});
    }
  }
}

Result<void> check_outputs(std::string_view command, const std::vector<NamedFile>& outputs,
                           const std::vector<NamedFile>& inputs) {
  std::vector<NamedFile> taken = inputs;
  for (const NamedFile& output : outputs) {
    if (output.file.empty()) continue;
    for (const NamedFile& other : taken) {
      if (other.file.empty() || !same_file(output.file, other.file)) continue;
      return Error(Kind::usage, "same-file",
                   fmt::format("cannot {}: {} and {} are the same file '{}'", command, other.role, output.role,
                               output.file.string()))
          .help("give each file a name of its own");
    }
    taken.push_back(output);
  }
  return {};
}

}  // namespace modelctl::actions
