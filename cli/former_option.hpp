// The warning for `--output FILE`, which earlier versions took, from modelctl and from linked programs.
#pragma once

#include "base/error.hpp"

#include <string>

namespace modelctl::cli {

inline Error former_output(const std::string& file) {
  return Error(Kind::usage, "former-option", "'--output' no longer names the file '" + file + "'")
      .because("it is the format of the result, and files are written with -o; this time '-o' was assumed")
      .help("write -o " + file);
}

}  // namespace modelctl::cli
