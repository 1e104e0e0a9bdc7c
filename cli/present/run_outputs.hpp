// What a run prints for people: the same from `modelctl run` and from a linked program, so that a script can use
// either.
#pragma once

#include "artifact/meaning.hpp"
#include "cli/present/printer.hpp"
#include "tensor/files.hpp"

#include <filesystem>
#include <span>

namespace modelctl::cli {

// "wrote FILE" for each file; if none was written, a table of the labels that were predicted, if outputs are labels,
// and one with the type and the first values of every other output. `metadata` are the plan's.
void print_run(std::span<const formats::NamedTensor> outputs, const artifact::Metadata& metadata,
               std::span<const std::filesystem::path> written, Printer& printer);

// The same for programs, as one JSON object on one line. Without files it has all values, since a program cannot ask
// for the rest; labels that were predicted are also there as "predictions": a list of objects for each row of the
// input. Fails with unsupported if JSON has no form for an output.
Result<std::string> run_json(std::span<const formats::NamedTensor> outputs, const artifact::Metadata& metadata,
                             std::span<const std::filesystem::path> written);

}  // namespace modelctl::cli
