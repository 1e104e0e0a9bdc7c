// The option of every command that reads .csv files.
#pragma once

#include "cli/command.hpp"
#include "tensor/formats.hpp"

#include <CLI/Option.hpp>

namespace modelctl::cli {

inline void bind_header(Binder& binder, formats::CsvHeader& header) {
  binder.app
      .add_option_function<std::string>(
          "--header",
          [&header](const std::string& word) {
            header = word == "yes" ? formats::CsvHeader::yes : formats::CsvHeader::no;
          },
          "Whether .csv files have a header; by default decided for each, with a warning if in doubt")
      ->check(CLI::IsMember({"yes", "no"}));
}

}  // namespace modelctl::cli
