// Symbolic links, for code that replaces what a link leads to and leaves the link.
#pragma once

#include "base/result.hpp"

#include <filesystem>

namespace modelctl {

// The path that a path finally leads to, which may not exist: std::filesystem::canonical and realpath() reject that. A
// link in /proc stands for an open descriptor, not for the path that it shows, and is returned as it is. Fails with io
// (ELOOP) after as many links as the kernel follows.
Result<std::filesystem::path> follow_links(const std::filesystem::path& path);

}  // namespace modelctl
