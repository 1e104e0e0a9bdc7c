// The option of every command that writes one file.
#pragma once

#include "cli/command.hpp"

#include <CLI/Option.hpp>

#include <filesystem>

namespace modelctl::cli {

// "-" is standard output, which the rest of modelctl writes to as to any device.
inline CLI::Option* bind_output(Binder& binder, std::filesystem::path& file, const char* meaning) {
  auto standard_output = [](std::string text) { return text == "-" ? std::string("/dev/stdout") : text; };
  return binder.complete(binder.app.add_option("-o", file, meaning)->transform(standard_output), Completes::file)
      ->type_name("FILE");
}
// Whether the file itself goes to standard output, so that nothing else may be printed there.
inline bool is_standard_output(const std::filesystem::path& file) { return file == "/dev/stdout"; }

}  // namespace modelctl::cli
