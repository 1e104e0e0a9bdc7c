// One run from files to files: what `modelctl run` and a linked program have in common.
#pragma once

#include "runtime/model.hpp"
#include "tensor/files.hpp"

#include <string>

namespace modelctl::runtime {

// What the readers of files need to know of a model's inputs or outputs, from the signature and the plan's metadata.
std::vector<formats::Expected> expectations(const std::vector<artifact::Port>& ports,
                                            const std::map<std::string, std::string>& metadata = {});

struct FileRun {
  std::vector<formats::NamedTensor> outputs;
  std::vector<std::filesystem::path> written;
};

// Reads the inputs from `arguments`, [NAME=]FILE each, as `options` say, runs once, and writes the outputs to `output`
// unless it is empty.
Result<FileRun> run_files(Session& session, const artifact::Plan& plan, std::span<const std::string> arguments,
                          const std::filesystem::path& output, const formats::ReadOptions& options);

// The first elements as text: "0.1 0.25 -3 …".
std::string preview(const TensorView& tensor, std::int64_t most = 10);

}  // namespace modelctl::runtime
