// The type of every option that is a size in bytes. K, KB and KiB all mean 1024 bytes: a limit is never a little less
// than it looks.
#pragma once

#include <CLI/Error.hpp>
#include <CLI/Validators.hpp>

namespace modelctl::cli {

inline CLI::Validator size_value() {
  return CLI::Validator(
      [read = CLI::AsSizeValue(false)](std::string& text) -> std::string {
        std::string given = text;
        try {
          // CLI11 takes -1 for the largest number.
          if (text.find('-') == std::string::npos && read(text).empty()) return {};
        } catch (const CLI::ValidationError&) {  // its text lists all units
        }
        return "'" + given + "' is not a size such as 512, 64K, 100MiB or 2GiB";
      },
      "SIZE");
}

}  // namespace modelctl::cli
