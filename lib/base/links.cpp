// Links are followed one by one: every step but the last must exist, and lstat() says which is the last.
#include "base/links.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <sys/stat.h>
#include <cerrno>
#include <charconv>

namespace modelctl {
namespace fs = std::filesystem;
namespace {

constexpr int links_followed = 40;  // as many as the kernel follows

}  // namespace

Result<fs::path> follow_links(const fs::path& path) {
  struct stat proc {
  }, status{};
  bool has_proc = ::stat("/proc", &proc) == 0;
  auto failure = [&](int error) { return system_error(error, fmt::format("cannot write '{}'", path.string()), path); };
  fs::path target = path;
  for (int links = 0; links < links_followed; ++links) {
    if (::lstat(target.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return target;
    if (has_proc && status.st_dev == proc.st_dev) return target;
    std::error_code code;
    fs::path next = fs::read_symlink(target, code);
    if (code) return failure(code.value());
    target = target.parent_path() / next;
  }
  return failure(ELOOP);
}

std::optional<int> descriptor_of(const fs::path& path) {
  auto target = follow_links(path);
  std::error_code code;
  if (!target || !fs::is_symlink(fs::symlink_status(*target, code))) return std::nullopt;
  if (!fs::equivalent(target->parent_path(), "/proc/self/fd", code)) return std::nullopt;
  std::string name = target->filename().string();
  int number = -1;
  auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (fault != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

bool is_stream(const fs::path& path) {
  std::error_code code;
  fs::file_status status = fs::status(path, code);
  if (!fs::exists(status) || fs::is_directory(status)) return false;
  return !fs::is_regular_file(status) || descriptor_of(path);
}

}  // namespace modelctl
