// Writes the files of a new project: all of them or none, and nothing that exists is touched.
#pragma once

#include "base/host.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace modelctl::actions {

struct NewFile {
  std::string path;  // relative to the project's folder, with '/'
  std::string content;
  std::filesystem::path copy_of = {};  // a file to copy; empty: the content is above
};

struct WrittenFile {
  std::string path;
  std::uint64_t size;
};

// The folder of a new project as an absolute path without links. Fails with conflict if there is something of that
// name, even a link that leads nowhere; except for an empty folder, and for the current folder whatever is in it.
Result<std::filesystem::path> project_place(const std::filesystem::path& folder);

// Writes the files into the folder, which project_place() returned. Fails with conflict, listing all files that are in
// the way, with interrupted, and as writing does. In the current folder a file that has the content already stays as
// it is and is not among the files returned: so the same command completes what was killed between two files.
Result<std::vector<WrittenFile>> write_project(const std::filesystem::path& place, std::span<const NewFile> files,
                                               Host& host);

}  // namespace modelctl::actions
