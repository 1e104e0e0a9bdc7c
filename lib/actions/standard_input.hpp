// A model that comes from standard input, as "-" in place of a file. Models are mapped, and recognized by their
// content, so that it is copied to a file first.
#pragma once

#include "base/files.hpp"

#include <filesystem>
#include <memory>

namespace modelctl::actions {

// If `model` is "-", replaces it by a file with the content of standard input, which exists as long as what is
// returned; else returns null. Fails with bad_input if there is no content, else as the system does.
Result<std::shared_ptr<const TemporaryFolder>> take_standard_input(std::filesystem::path& model);

}  // namespace modelctl::actions
