// The project of a user's own model: what init writes for it, made of the model's signature and metadata.
#pragma once

#include "actions/project_writer.hpp"

namespace modelctl::actions {

struct ModelProject {
  std::vector<NewFile> files;
  std::vector<std::string> commands;  // in the project's folder, from the model to a server
};

// From a model to a server: what can be done with a project of that name right after init.
std::vector<std::string> commands_of(const std::string& name, bool can_run = true, bool can_serve = true);

// Reads an ONNX model and makes the files of a project for it in `place`, an absolute path. The model and its external
// data are copied, unless they lie in that folder already, or `link` is set: then modelctl.yaml has the model's path
// relative to the folder. Warns if the model
// does not run on the placeholders. Fails as building the model does: what cannot be built gets no project.
Result<ModelProject> model_project(const std::filesystem::path& model, const std::filesystem::path& place, bool link,
                                   Host& host);

}  // namespace modelctl::actions
