// A folder whose files are served: what is added, replaced or removed there is loaded or unloaded while others serve.
#pragma once

#include "serve/models/repository.hpp"
#include "serve/reloading.hpp"

#include <map>

namespace modelctl::serve {

// How a file is opened and verified, whatever it is.
using OpenFile = std::function<OpenModel(const std::filesystem::path& file)>;

class ModelsFolder {
 public:
  // All outlive it. Fails if there is no such folder.
  static Result<ModelsFolder> open(const std::filesystem::path& folder, OpenFile open_file, Repository& repository,
                                   Operations& operations, Reporter& reporter);

  // Loads all that is there now, one after the other. What cannot be loaded harms nobody.
  void load_all();
  // Looks for changes, and loads and unloads on the thread for operations. Call it about once a second.
  void look();

 private:
  ModelsFolder(std::filesystem::path folder, OpenFile open_file, Repository& repository, Operations& operations,
               Reporter& reporter)
      : folder_(std::move(folder)),
        open_file_(std::move(open_file)),
        repository_(repository),
        operations_(operations),
        reporter_(reporter) {}

  // Of the files that are served: not all, with a warning, if there are too many.
  std::vector<std::string> names();
  void warn_of(std::size_t files);

  std::filesystem::path folder_;
  OpenFile open_file_;
  Repository& repository_;
  Operations& operations_;
  Reporter& reporter_;
  bool warned_ = false;  // that there are too many
  std::map<std::string, WatchedFiles> files_;
};

}  // namespace modelctl::serve
