// Artifacts of ONNX models that were given to a command in place of an artifact. A cached artifact is used if the
// model, its external data, the options of the build and modelctl itself are the same; its own digest is checked first.
#pragma once

#include "artifact/artifact.hpp"
#include "base/host.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace modelctl::actions {

// Bytes of all artifacts in the cache together. The newest one stays even if it is larger.
inline constexpr std::uint64_t artifact_cache_limit = 4ull << 30;

// The artifact of the model with these symbolic sizes fixed, at the default level of optimization: from
// $XDG_CACHE_HOME/modelctl/artifacts, else ~/.cache/…, or built and kept there. Reports a build with its duration, and
// why the artifact was not kept if that folder cannot be written. Fails as build() does.
Result<artifact::Artifact> built_artifact(const std::filesystem::path& model,
                                          const std::map<std::string, std::int64_t>& bindings, Host& host);

// Removes the artifacts that were not used for the longest time until `limit` bytes are left, but never `keep`.
void limit_artifact_cache(const std::filesystem::path& folder, const std::filesystem::path& keep, std::uint64_t limit);

}  // namespace modelctl::actions
