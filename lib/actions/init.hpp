// init: a new project, for a model of the user's own (model_project.hpp), or copied from one of the examples that the
// binary carries (templates/projects); and the pipeline of a service (ci_project.hpp), also for a project that exists.
#pragma once

#include "actions/project_writer.hpp"

namespace modelctl::actions {

struct InitRequest {
  std::filesystem::path model;   // ONNX; or
  std::string example;           // its name
  std::filesystem::path folder;  // where to; empty means a folder of the model's or example's name, here
  bool link = false;             // do not copy the model
  std::string ci;                // the service that runs the pipeline; empty: GitHub for a model, none for an example
};

struct InitReport {
  std::filesystem::path folder;
  std::vector<WrittenFile> files;
  std::vector<std::string> next;  // commands that take the project to a server
};

// Writes all files of the project or none, and touches nothing that exists: project_writer.hpp says which folders are
// accepted. With a service alone, its files are added to a project. Fails with conflict if something is in the way;
// with usage if there is both a model and an example, or nothing at all; with not_found if no example or service has
// the name; as reading the model does; and with interrupted.
Result<InitReport> init(const InitRequest& request, Host& host);

struct Example {
  std::string name;
  std::string description;  // the first line of its README
};
std::vector<Example> examples();

}  // namespace modelctl::actions
