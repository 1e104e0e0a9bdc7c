// What a command reports of a file that is not of the kind that it takes: what the file is, and the way forward.
#pragma once

#include "artifact/artifact.hpp"
#include "kinds/file_kind.hpp"

#include <filesystem>

namespace modelctl::actions {

// The kind of a file or folder; null if it is none that is known, or cannot be read.
const kinds::FileKind* kind_of(const std::filesystem::path& file);
// The same, as what the commands take; none for every other kind.
kinds::Role role_of(const std::filesystem::path& file);

// An error of a reader that expected a file of that role. If the file is of another kind, the error names it; otherwise
// it stays as it is. Only errors about the form of the file are replaced, never those about its content.
Error name_kind(Error error, const std::filesystem::path& file, kinds::Role expected);

// artifact::open, whose errors name what the file is.
Result<artifact::Artifact> open_artifact(const std::filesystem::path& file);

}  // namespace modelctl::actions
