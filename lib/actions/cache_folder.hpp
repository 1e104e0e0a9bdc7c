// Where modelctl keeps what it can make or pull again: packages that were pulled in order to be used here, and
// artifacts that were built on the fly. Whatever is in there may be removed at any time.
#pragma once

#include "base/host.hpp"

#include <filesystem>

namespace modelctl::actions {

// $XDG_CACHE_HOME/modelctl/NAME, else ~/.cache/modelctl/NAME; it may not exist yet. Fails with bad_config if neither
// variable is set.
Result<std::filesystem::path> cache_folder(std::string_view name, const Environment& environment);

}  // namespace modelctl::actions
