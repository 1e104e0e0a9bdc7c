// Linux: getrlimit(2) and /proc/self/fd.
#include "serve/descriptors.hpp"

#include <dirent.h>
#include <sys/resource.h>

namespace modelctl::serve {

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // if it fails, the server has fewer connections
}

std::optional<std::size_t> descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return limit.rlim_cur;
}

// Counts the entries of a folder: the system keeps no number that a process could ask for.
std::optional<std::size_t> open_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  std::size_t count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count < 3 ? 0 : count - 3;  // without ".", ".." and the descriptor of the folder itself
}

}  // namespace modelctl::serve
