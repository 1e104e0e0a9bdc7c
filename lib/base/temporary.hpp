// Files and folders under construction, and how those of killed processes are found again.
//
// A temporary is named `.modelctl-<16 hex digits>.tmp`, lies in the folder where the finished thing will be (a rename
// does not cross file systems), and its owner holds an flock on it. The lock ends with the process, however it ends,
// and works across containers and reuse of process ids, where a pid in the name would not. So whoever gets the lock on
// a temporary knows that its owner is gone. Creating a temporary first removes such ones in the same folder.
#pragma once

#include "base/descriptor.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace modelctl {

// One temporary file or folder, removed when the object is destroyed unless it was renamed into place.
class Temporary {
 public:
  Temporary() = default;
  // `mode` is restricted by the umask. The file is open for reading and writing.
  static Result<Temporary> file(const std::filesystem::path& folder, unsigned mode);
  // Private (0700) until it is renamed; then it has the mode of a new folder.
  static Result<Temporary> folder(const std::filesystem::path& parent);
  ~Temporary() { remove(); }
  Temporary(Temporary&& other) noexcept { *this = std::move(other); }
  Temporary& operator=(Temporary&& other) noexcept;

  int descriptor() const { return content_.number(); }
  const std::filesystem::path& path() const { return path_; }
  // Renames it to `path`, which is relative to the folder that it lies in; replaces a file or an empty folder. False
  // with errno if that fails. The folder is synced: after a crash the file has its new name.
  bool rename_to(const std::filesystem::path& path);
  // Takes the name away and hands over the content, which the system frees with the descriptor.
  Descriptor unlink();

 private:
  void remove();

  Descriptor parent_;   // the folder that it lies in
  Descriptor content_;  // locked
  std::string name_;    // in parent_; empty once it was renamed or removed
  std::filesystem::path path_;
  unsigned folder_mode_ = 0;  // not 0: a folder, and the mode that it gets
};

// Whether a file of this name in a folder is a temporary. A folder that is moved as a whole must not contain any.
bool is_temporary(std::string_view name);

// Removes from a folder the temporaries of this user whose owner is gone. Best effort: what cannot be removed stays.
void collect_temporaries(const std::filesystem::path& folder);

// A file without a name in the folder: private, and freed by the system when the descriptor is closed.
Result<Descriptor> unnamed_file(const std::filesystem::path& folder);

}  // namespace modelctl
