// What a run prints for people: the same from `modelctl run` and from a linked program, so that a script can use
// either.
#pragma once

#include "cli/present/printer.hpp"
#include "tensor/files.hpp"

#include <filesystem>
#include <span>

namespace modelctl::cli {

// "wrote FILE" for each file; if none was written, a table with the type and the first values of each output.
void print_run(std::span<const formats::NamedTensor> outputs, std::span<const std::filesystem::path> written,
               Printer& printer);

}  // namespace modelctl::cli
