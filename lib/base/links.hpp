// Symbolic links, for code that replaces what a link leads to and leaves the link, and the paths that lead to something
// that cannot be replaced.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <optional>

namespace modelctl {

// The path that a path finally leads to, which may not exist: std::filesystem::canonical and realpath() reject that. A
// link in /proc stands for an open descriptor, not for the path that it shows, and is returned as it is. Fails with io
// (ELOOP) after as many links as the kernel follows.
Result<std::filesystem::path> follow_links(const std::filesystem::path& path);

// The open descriptor of this process that the path stands for, such as 1 for /dev/stdout or 3 for /dev/fd/3.
std::optional<int> descriptor_of(const std::filesystem::path& path);

// Whether the path leads to something that can be written into but not replaced by a file: a device, a FIFO, a socket,
// or an open descriptor, also that of a regular file.
bool is_stream(const std::filesystem::path& path);

}  // namespace modelctl
