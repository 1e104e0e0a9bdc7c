// The inputs and outputs of a run, from and to files that the user names: which file is for which input, and in which
// format. The formats themselves are in formats/. Where a file is read, the user may also write "-" for standard input,
// whose content shows its format, or the tensor itself in JSON: '[[1, 2]]', '{"x": [1], "y": [2]}', '0.5'. A file whose
// name reads like that is written with "./" before it.
#pragma once

#include "tensor/formats.hpp"

#include <filesystem>

namespace modelctl::formats {

// As the name of a file: standard input, or standard output.
inline constexpr std::string_view standard_stream = "-";

// Whether the text is a tensor in JSON and not the name of a file: a list, an object, or one number, string or bool.
bool is_literal(const std::string& text);

// Whether nobody chose the name: numpy.savez names positional arrays arr_0, arr_1, …
bool is_made_up(std::string_view name);

// Reads a model's inputs from arguments of the form [NAME=]FILE, NAME=- or NAME=JSON, and returns them in the order of
// `inputs`. A file that names its tensors (.npz, a JSON object) fills the inputs of those names; tensors without a
// name, and the generated names "arr_N" of NumPy, fill the remaining inputs in the model's order. No input may be given
// twice, and only optional ones may be left out: those are not present in the result.
//
// Fails with usage for arguments that do not fit together (codes input-given-twice, unknown-input, too-many-inputs,
// missing-input, which lists all that are missing), with bad_input for the content of a file, and as read_file() does.
Result<std::vector<Tensor>> load_inputs(std::span<const std::string> arguments, std::span<const Expected> inputs,
                                        const ReadOptions& options = {});

// Reads all tensors of one file, of standard input or of a literal. A tensor without a name is for `next`, or for the
// only one that is expected.
Result<std::vector<NamedTensor>> load(const std::filesystem::path& file, std::span<const Expected> expected = {},
                                      const ReadOptions& options = {}, const Expected* next = nullptr);

// Writes a model's outputs, in their order, and returns the files written. A path with the extension of a format is a
// file; a folder (made if it is not there) gets output_0.npy, output_1.npy, …, with .json instead for sequences, maps
// and optionals. "-" is standard output, which gets them as JSON, as does a device or FIFO whose name says nothing
// else. All of them are encoded before the first one is written.
Result<std::vector<std::filesystem::path>> save_outputs(const std::filesystem::path& path,
                                                        std::span<const NamedTensor> outputs);

}  // namespace modelctl::formats
