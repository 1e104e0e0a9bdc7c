// What init writes for a service that runs a project's pipeline when a commit is pushed: GitHub or GitLab.
#pragma once

#include "actions/project_writer.hpp"

namespace modelctl::actions {

// The names of the services: the folders of templates/ci.
std::vector<std::string> ci_services();

// The files for a service, which are the same for every project. Fails with not_found, code no-such-service.
Result<std::vector<NewFile>> ci_files(const std::string& service);

}  // namespace modelctl::actions
