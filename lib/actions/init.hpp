// init: a new project, copied from one of the examples that the binary carries (templates/projects).
#pragma once

#include "base/host.hpp"

#include <filesystem>

namespace modelctl::actions {

struct InitRequest {
  std::string example;
  std::filesystem::path folder;  // where to; empty means a folder of the example's name, here
};

struct InitReport {
  std::filesystem::path folder;
  struct File {
    std::string path;  // relative to the folder
    std::uint64_t size;
  };
  std::vector<File> files;
};

// Makes the folder, whole or not at all. Fails with conflict if there is something of that name, even a link that
// leads nowhere; with usage or not_found if no example has the name; and with interrupted. Nothing that exists is
// touched.
Result<InitReport> init(const InitRequest& request, Host& host);

struct Example {
  std::string name;
  std::string description;  // the first line of its README
};
std::vector<Example> examples();

}  // namespace modelctl::actions
