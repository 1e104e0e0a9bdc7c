// `--output` is the format of the result, and files are written with -o. In earlier versions `--output` of some
// commands was the file to write. Their command lines still work.
#pragma once

#include "cli/app.hpp"

#include <optional>

namespace modelctl::cli {

// Replaces `--output FILE` with `-o FILE` if that was the meaning for the command. Returns the warning to print if
// anything was replaced. `--output json` and `--output text` are always the format.
std::optional<Error> replace_former_output(const CommandTree& tree, std::vector<std::string>& arguments);

}  // namespace modelctl::cli
