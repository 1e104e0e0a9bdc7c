// A new folder is made under a temporary name and renamed: one step. The current folder cannot be replaced, since the
// user's shell stands in it: there the files are made in a temporary folder, and each then gets its name by a hard
// link, which never replaces a file.
#include "actions/project_writer.hpp"

#include "base/copy_file.hpp"
#include "base/files.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>
#include <cstdio>
#include <cstring>
#include <set>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

bool is_current(const fs::path& place) {
  std::error_code code;
  return fs::equivalent(place, ".", code);
}

Error exists(const fs::path& path, std::string_view what) {
  return Error(Kind::conflict, "already-exists", fmt::format("cannot write '{}': {}", path.string(), what))
      .at(path.string());
}

bool same_bytes(const fs::path& a, const fs::path& b) {
  std::error_code code;
  if (fs::file_size(a, code) != fs::file_size(b, code) || code) return false;
  auto first = MappedFile::open(a), second = MappedFile::open(b);
  return first && second && as_text((*first)->bytes()) == as_text((*second)->bytes());
}

bool is_written(const NewFile& file, const fs::path& path) {
  if (!file.copy_of.empty()) return same_bytes(file.copy_of, path);
  auto there = read_file(path, file.content.size());
  return there && as_text(*there) == file.content;
}

// The files that are still to be written.
Result<std::vector<const NewFile*>> missing_files(const fs::path& place, std::span<const NewFile> files) {
  std::vector<const NewFile*> missing;
  Faults faults;
  for (const NewFile& file : files) {
    std::error_code code;
    fs::file_status status = fs::symlink_status(place / file.path, code);
    if (!fs::exists(status)) missing.push_back(&file);
    else if (!fs::is_regular_file(status) || !is_written(file, place / file.path))
      faults.add(exists(file.path, "it exists").help("move it, or name a new folder for the project"));
  }
  if (!faults.none()) return std::move(faults).sum("cannot start a project in the current folder");
  return missing;
}

// Writes the files into a folder that nobody else uses.
Result<std::vector<WrittenFile>> stage(const fs::path& folder, std::span<const NewFile* const> files, Host& host) {
  std::vector<WrittenFile> written;
  for (const NewFile* file : files) {
    fs::path path = folder / file->path;
    TRY(make_folder(path.parent_path()));
    std::uint64_t size = file->content.size();
    if (file->copy_of.empty()) TRY(write_file(path, as_bytes(file->content)));
    else size = TRY(copy_file(file->copy_of, path, host.reporter, host.stop));
    written.push_back({file->path, size});
    if (host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "cannot finish the project: interrupted");
  }
  return written;
}

// What was put in its place, and is taken away again unless all of it is.
class Placement {
 public:
  ~Placement() {
    std::error_code code;
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) fs::remove(*path, code);
  }
  void keep() { made_.clear(); }

  Result<void> folder(const fs::path& path) {
    std::error_code code;
    if (fs::is_directory(path, code)) return {};
    TRY(folder(path.parent_path()));
    TRY(make_folder(path));
    made_.push_back(path);
    return {};
  }
  Result<void> file(const fs::path& staged, const fs::path& path) {
    // Not every file system has hard links, and not every one this kind of rename.
    if (::linkat(AT_FDCWD, staged.c_str(), AT_FDCWD, path.c_str(), 0) != 0 &&
        (errno == EEXIST || ::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)) {
      return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
    }
    made_.push_back(path);
    return {};
  }

 private:
  std::vector<fs::path> made_;  // in this order
};

Result<std::vector<WrittenFile>> write_into(const fs::path& place, std::span<const NewFile> files, Host& host) {
  std::vector<const NewFile*> missing = TRY(missing_files(place, files));
  auto staging = TRY(TemporaryFolder::create(place));
  auto written = TRY(stage(staging.path(), missing, host));
  Placement placement;
  for (const NewFile* file : missing) {
    TRY(placement.folder((place / file->path).parent_path()));
    TRY(placement.file(staging.path() / file->path, place / file->path));
  }
  placement.keep();
  return written;
}

// Two names that differ in case alone are one file on some systems.
Result<void> check_names(std::span<const NewFile> files) {
  std::set<std::string> seen;
  for (const NewFile& file : files) {
    std::string name = file.path;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (seen.insert(name).second) continue;
    return Error(Kind::bad_input, "name-taken",
                 fmt::format("cannot copy '{}' to the project: the project has another file of that name", file.path))
        .help("leave the model where it is, with --link");
  }
  return {};
}

}  // namespace

Result<fs::path> project_place(const fs::path& folder) {
  std::error_code code;
  if (fs::is_directory(folder, code)) {
    fs::path place = fs::canonical(folder, code);
    if (code) return system_error(code.value(), fmt::format("cannot open '{}'", folder.string()), folder);
    if (is_current(place) || fs::is_empty(place, code)) return place;
    return Error(Kind::conflict, "already-exists",
                 fmt::format("cannot make the project '{}': there is a folder of that name, which is not empty",
                             folder.string()))
        .at(folder.string())
        .help("name another folder; or go to this one, and name it '.'");
  }
  if (fs::exists(fs::symlink_status(folder, code))) {
    return Error(Kind::conflict, "already-exists",
                 fmt::format("cannot make the project '{}': there is something of that name", folder.string()))
        .at(folder.string())
        .help("name another folder");
  }
  // Not "a/..": the new folder is put in place by a rename, which needs its real name.
  fs::path place = fs::weakly_canonical(fs::absolute(folder, code), code);
  return place.has_filename() ? place : place.parent_path();
}

Result<std::vector<WrittenFile>> write_project(const fs::path& place, std::span<const NewFile> files, Host& host) {
  TRY(check_names(files));
  if (is_current(place)) return write_into(place, files, host);
  auto folder = TRY(TemporaryFolder::create(place.parent_path()));
  std::vector<const NewFile*> all;
  for (const NewFile& file : files) all.push_back(&file);
  auto written = TRY(stage(folder.path(), all, host));
  TRY(folder.keep_as(place));
  return written;
}

}  // namespace modelctl::actions
